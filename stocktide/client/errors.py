"""Errors that a sender may have to react to."""


class ClientError(Exception):
    """Root of the client's errors."""


class StoreFull(ClientError):
    """The server is away and no more events can be kept: the event was not taken. Try later, or allow more."""


class SpoolInUse(ClientError):
    """Another process sends from this spool folder."""


class SpoolUnsupported(ClientError):
    """A spool needs a POSIX system. On Windows send without one, or write files for `stocktide watch`."""


class Undelivered(ClientError):
    """Not everything was delivered in time. `waiting` events are left, in the spool if there is one."""

    def __init__(self, message: str, waiting: int) -> None:
        super().__init__(message)
        self.waiting = waiting


class Refused(Undelivered):
    """The server refuses the sender itself: a key that is unknown, a scope, an address. The events are kept."""

"""The one family of errors. A class says how to react; the message says what, which, and what to do."""

from typing import Any, ClassVar


class StocktideError(Exception):
    """Root of every error that we raise on purpose.

    `code` is stable and machine-readable; further keywords are kept in `context` (ids, field, limits).
    `status` is the HTTP status and `exit_code` the exit code that follow from the class.
    """

    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    title: ClassVar[str] = "Error"

    def __init__(self, code: str, message: str, **context: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.context = context


class Invalid(StocktideError):
    """The caller's input is wrong; the same input will never work."""

    status = 400
    exit_code = 2
    title = "Invalid input"


class Unauthorized(StocktideError):
    """Nobody, or somebody unknown, asked."""

    status = 401
    exit_code = 2
    title = "Not signed in"


class Forbidden(StocktideError):
    """Somebody known asked for what they may not have."""

    status = 403
    exit_code = 2
    title = "Not allowed"


class NotFound(StocktideError):
    """The thing that was asked for does not exist."""

    status = 404
    exit_code = 2
    title = "Not found"


class Conflict(StocktideError):
    """The state of the system does not allow it now (a second run, another owner of the same thing)."""

    status = 409
    exit_code = 2
    title = "Conflict"


class TooLarge(StocktideError):
    """The input is longer than a documented limit."""

    status = 413
    exit_code = 2
    title = "Too large"


class UnsupportedMedia(StocktideError):
    """The body is of a kind that this route does not read."""

    status = 415
    exit_code = 2
    title = "Unsupported content type"


class TooManyRequests(StocktideError):
    """Asked too often; `retry_after_s` in the context says when to come back."""

    status = 429
    title = "Too many requests"


class Transient(StocktideError):
    """A part that we need is away for now; the same call may work soon."""

    status = 503
    exit_code = 3
    title = "Temporarily unavailable"


class Fatal(StocktideError):
    """Going on would do harm; an operator must act."""

    status = 500
    exit_code = 2
    title = "Stopped"

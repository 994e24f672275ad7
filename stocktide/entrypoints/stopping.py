"""A request to stop that a signal handler may make: an Event takes a lock that the interrupted thread may hold."""

import time

STEP_S = 0.1


class StopWish:
    """Set by a signal's handler or any thread, looked at by a loop. It takes no lock."""

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        """Ask to stop."""
        self._set = True

    def is_set(self) -> bool:
        """Return True if somebody asked to stop."""
        return self._set

    def wait(self, seconds: float) -> bool:
        """Wait until somebody asks, at most so long. Tells whether somebody did."""
        until = time.monotonic() + seconds
        while not self._set and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, STEP_S))
        return self._set

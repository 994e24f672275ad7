"""HOME/run.json, where `stocktide up` says what runs: written when it changes, and again when it could not be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stocktide.foundation.home import state_path, write_state


class StateFile:
    """Keeps the file as its owner's state is. A disk that is full stops no part: it is said once, and tried again."""

    def __init__(self, home: Path, say: Callable[[str], None]) -> None:
        self._home = home
        self._say = say
        self._written: dict[str, Any] | None = None
        self._failed = False

    def keep(self, state: dict[str, Any]) -> None:
        """Write the state, if it is another than the file has."""
        if state == self._written:
            return
        try:
            write_state(self._home, state)
        except OSError as error:
            if not self._failed:
                self._say(
                    f"{state_path(self._home)} cannot be written: {error.strerror}. Free space, or make the folder "
                    "writable; until then `stocktide status` shows an older state. All parts go on"
                )
            self._failed = True
            return
        if self._failed:
            self._say(f"{state_path(self._home)} is written again")
        self._written, self._failed = state, False

    def remove(self) -> None:
        """Remove the file: nothing runs any more."""
        state_path(self._home).unlink(missing_ok=True)

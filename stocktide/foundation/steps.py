"""Steps that do not need each other: where one fails, the others are done, and the failure is raised at the end."""

import logging
import traceback
from collections.abc import Callable
from typing import TypeVar

from stocktide.foundation.database_errors import first_line
from stocktide.foundation.errors import Fatal
from stocktide.foundation.telemetry import log

Result = TypeVar("Result")


class Steps:
    """Does steps, and notes those that fail."""

    def __init__(self) -> None:
        self._done, self._failed = 0, dict[str, Exception]()

    def do(self, name: str, step: Callable[[], Result], otherwise: Callable[[], Result]) -> Result:
        """Do a step and return its result, or what `otherwise` makes where it fails."""
        try:
            result = step()
        except Exception as error:  # noqa: BLE001 - `end` raises it, after the other steps
            self._failed[name] = error
            lines = "".join(traceback.format_exception(error))
            log("step_failed", level=logging.ERROR, step=name, traceback=lines[-4000:])
            return otherwise()
        self._done += 1
        return result

    def end(self) -> None:
        """Raise Fatal (`steps_failed`) if a step has failed."""
        if not self._failed:
            return
        why = "; ".join(f"{name}: {first_line(error)}" for name, error in self._failed.items())
        raise Fatal(
            "steps_failed",
            f"{len(self._failed)} of {len(self._failed) + self._done} steps failed, the others are done. {why}. "
            "Fix what they say and run the command again.",
        )

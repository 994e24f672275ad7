"""What one part of a check compares."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Compared:
    """Rows that were compared, how many differ, and how many wait: they are not in the copy yet, and need not be.

    note: what is wrong and what to do, where a number does not say it.
    """

    rows: int
    differ: int
    waiting: int = 0
    note: str = ""

    @property
    def holds(self) -> bool:
        """Return True if nothing differs."""
        return self.differ == 0


# Its name, its rule in words, and what compares.
Part = tuple[str, str, Callable[[], Compared]]

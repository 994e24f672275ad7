"""The cycles of a rhythm: how long a year and a short season are, and which recent windows tell a level.

All windows are whole cycles, so that a level never depends on which part of a cycle comes last.
"""

from dataclasses import dataclass

from forecasting.frames.frequency import Frequency


@dataclass(frozen=True)
class Cycles:
    """year, season: periods in a year (of whole weeks) and in a short season (1: none). windows: periods, ascending.

    harmonics: of the year. days: of a period. ended_periods: without a sale before a product can count as ended.
    effect_block: periods over which a leaf's rate without plans is taken as one.
    share_half_lives, trend_half_life: periods after which a sale tells half as much of a share, and of what a kind
    does now.
    """

    frequency: Frequency
    year: int
    season: int
    windows: tuple[int, ...]
    harmonics: int
    days: float
    ended_periods: int
    effect_block: int
    share_half_lives: tuple[int, ...]
    trend_half_life: int

    @property
    def trend_periods_min(self) -> int:
        """Return the history below which a slope is noise, and the trend is held flat."""
        return max(8, self.year // 4)

    def windows_within(self, periods: int) -> tuple[int, ...]:
        """Return the windows that fit twice into a history, so that the level is not the whole of it."""
        return tuple(window for window in self.windows if window <= periods // 2)


CYCLES: dict[Frequency, Cycles] = {
    "D": Cycles("D", 364, 7, (7, 14, 28, 56, 91, 182, 364), 10, 1.0, 28, 56, (10, 20, 56), 7),
    "W": Cycles("W", 52, 1, (2, 4, 8, 13, 26, 52), 10, 7.0, 8, 8, (3, 13), 2),
    "M": Cycles("M", 12, 1, (1, 3, 6, 12), 6, 365.25 / 12, 6, 6, (2, 6), 1),
    "Q": Cycles("Q", 4, 1, (1, 2, 4, 8), 2, 365.25 / 4, 4, 4, (2, 4), 1),
}

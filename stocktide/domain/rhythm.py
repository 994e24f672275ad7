"""Words for the periods that demand is counted in: the one place that says "a week", "13 weeks" or "units a month"."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Rhythm:
    """Days, weeks, months or quarters.

    frequency: D, W, M or Q. one: the period in a word. days_max: days of the longest one. naive_back: periods after
    which seasonal naive repeats itself. history: periods that a chart shows before the forecast. hover: how charts
    write the period, by its last day.
    """

    frequency: str
    one: str
    days_max: int
    naive_back: int
    history: int
    hover: str

    @property
    def many(self) -> str:
        """Return the plural, such as "weeks"."""
        return f"{self.one}s"

    @property
    def is_daily(self) -> bool:
        """Return True for days."""
        return self.frequency == "D"

    def counted(self, number: int) -> str:
        """Count periods, such as "1 day" or "13 weeks"."""
        return f"{number:,} {self.one if number == 1 else self.many}"

    def each(self, unit: str = "units") -> str:
        """Format a rate, such as "units a week"."""
        return f"{unit} a {self.one}"

    def named(self, last_day: date) -> str:
        """Format a period by its last day: "2026-03-29", "week to 29 Mar 2026", "Mar 2026", "quarter to Mar 2026"."""
        return f"{last_day}" if self.is_daily else f"{last_day:{self.hover.replace('%a ', '')}}"


DAILY = Rhythm("D", "day", 1, 7, 120, "%a %d %b %Y")
# Seasonal naive repeats the year; the history holds two of them, and of quarters more, to be a line at all.
RHYTHMS = {
    "D": DAILY,
    "W": Rhythm("W", "week", 7, 52, 104, "week to %a %d %b %Y"),
    "M": Rhythm("M", "month", 31, 12, 48, "%b %Y"),
    "Q": Rhythm("Q", "quarter", 92, 4, 24, "quarter to %b %Y"),
}


def rhythm_of(frequency: str) -> Rhythm:
    """Return the words of a frequency: D, W, M or Q."""
    return RHYTHMS[frequency]

"""The out-of-stock rate: of every known shelf-day of some days, the share on which the shelf was empty for a time."""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from catalog.periods import periods_up_to
from stocktide.domain.rhythm import Rhythm


@dataclass(frozen=True)
class ShelfRate:
    """Known shelf-days of some days, and how many of them were empty for a time."""

    known: int
    empty: int

    @property
    def share(self) -> float | None:
        """Return the rate; None where no shelf-day is known."""
        return self.empty / self.known if self.known else None

    @property
    def words(self) -> str:
        """Name numerator and denominator."""
        return f"{self.empty:,} of {self.known:,} known shelf-days"


def rate_of(shelf_days: pd.DataFrame, first: date, last: date) -> ShelfRate:
    """Add the shelf-days from first to last up. shelf_days: of the query shelf_days."""
    days = pd.to_datetime(shelf_days["day"])
    inside = shelf_days[(days >= pd.Timestamp(first)) & (days <= pd.Timestamp(last))]
    return ShelfRate(int(inside["known"].sum()), int(inside["empty"].sum()))


def rates(
    shelf_days: pd.DataFrame, last: date, rhythm: Rhythm, count: int
) -> tuple[ShelfRate, ShelfRate]:
    """Return the rates of the last `count` periods up to `last`, and of as many before."""
    ends = periods_up_to(last, 2 * count + 1, rhythm)
    day = pd.Timedelta(days=1)
    middle = ends[-count - 1]
    return (
        rate_of(shelf_days, (middle + day).date(), last),
        rate_of(shelf_days, (ends[0] + day).date(), middle.date()),
    )

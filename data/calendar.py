"""The days of the simulation as each shop lives them: opening hours, holidays, offset from UTC."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
import numpy as np

from data.arrays import HOUR_S, BoolArray, DayArray, FloatArray, IntArray
from data.chain import Chain, Shop

# Monday to Sunday, hours since local midnight.
OPENS_HOUR = (8, 8, 8, 8, 8, 8, 10)
CLOSES_HOUR = (20, 20, 20, 20, 21, 20, 18)
HOLIDAY_HOURS = (10, 17)
CLOSED_ON = ((12, 25), (1, 1))

HOLIDAY_FACTOR = 0.60
EVE_FACTOR = 1.25
BEFORE_CHRISTMAS_FACTOR = 1.35
BEFORE_CHRISTMAS_DAYS = 14


@dataclass(frozen=True)
class Calendar:
    """D days in S shops.

    days: (D,) datetime64[D]. is_open: (S, D). opens_s, closes_s: (S, D), seconds since local
    midnight. midnight_s: (S, D), epoch seconds of the local midnight by the offset that holds
    at noon, right for every time after 03:00. holiday_factor: (S, D), multiplies demand.
    """

    days: DayArray
    is_open: BoolArray
    opens_s: IntArray
    closes_s: IntArray
    midnight_s: IntArray
    holiday_factor: FloatArray

    @property
    def weekday(self) -> IntArray:
        """Day of the week, 0 = Monday, shape (D,)."""
        since_1970 = self.days.astype(np.int64)
        return np.asarray((since_1970 + 3) % 7, np.int64)

    @property
    def day_of_year(self) -> IntArray:
        """Day of the year from 0, shape (D,)."""
        years = self.days.astype("datetime64[Y]").astype("datetime64[D]")
        return np.asarray((self.days - years).astype(np.int64), np.int64)

    @property
    def next_open(self) -> IntArray:
        """First day on or after each day on which the shop is open, shape (S, D); D if none is."""
        n_days = self.days.size
        index = np.where(self.is_open, np.arange(n_days), n_days)
        backwards = np.minimum.accumulate(index[:, ::-1], axis=1)
        return np.asarray(backwards[:, ::-1], np.int64)


def make_calendar(chain: Chain, *, first: date, n_days: int) -> Calendar:
    """Build the calendar of `n_days` days from `first` on."""
    dates = [first + timedelta(days=i) for i in range(n_days)]
    rows = [_shop_days(shop, dates) for shop in chain.shops]
    opens, closes, midnight, factor = (np.stack(part) for part in zip(*rows, strict=True))
    return Calendar(
        days=np.array(dates, dtype="datetime64[D]"),
        is_open=closes > opens,
        opens_s=opens.astype(np.int64),
        closes_s=closes.astype(np.int64),
        midnight_s=midnight.astype(np.int64),
        holiday_factor=factor.astype(np.float64),
    )


def _shop_days(
    shop: Shop, dates: list[date]
) -> tuple[list[int], list[int], list[int], list[float]]:
    years = range(dates[0].year, dates[-1].year + 2)
    free_days = frozenset(holidays.country_holidays(shop.country, years=years))
    hours = [_hours(day, free=day in free_days) for day in dates]
    zone = ZoneInfo(shop.timezone)
    return (
        [HOUR_S * opens for opens, _ in hours],
        [HOUR_S * closes for _, closes in hours],
        [_midnight(day, zone) for day in dates],
        [_factor(day, free_days) for day in dates],
    )


def _hours(day: date, *, free: bool) -> tuple[int, int]:
    """Return the opening and closing hour; equal when the shop stays closed."""
    if (day.month, day.day) in CLOSED_ON:
        return OPENS_HOUR[day.weekday()], OPENS_HOUR[day.weekday()]
    return HOLIDAY_HOURS if free else (OPENS_HOUR[day.weekday()], CLOSES_HOUR[day.weekday()])


def _midnight(day: date, zone: ZoneInfo) -> int:
    noon = datetime.combine(day, time(12), tzinfo=zone)
    return int(noon.astimezone(UTC).timestamp()) - 12 * HOUR_S


def _factor(day: date, free_days: frozenset[date]) -> float:
    if (day.month, day.day) in CLOSED_ON:
        return 0.0
    if day in free_days:
        return HOLIDAY_FACTOR
    factor = EVE_FACTOR if day + timedelta(days=1) in free_days else 1.0
    days_to_christmas = (date(day.year, 12, 25) - day).days
    if 0 < days_to_christmas <= BEFORE_CHRISTMAS_DAYS:
        factor *= BEFORE_CHRISTMAS_FACTOR
    return factor

"""Closed days: when a shop is shut its zeros do not count as demand, and its forecast is zero."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.prophet.columns import country_table

# A weekday is closed when the last 8 of it sold nothing while the other days did: at a selling share of 0.7 an open
# weekday looks so by chance once in 15,000.
WEEKS_SEEN = 8
SELLING_SHARE_MIN = 0.7
# A single day is closed when nothing was sold on it but on nearly every other open day around it.
AROUND_DAYS = 28
OPEN_SHARE_MIN = 0.95
# A chain that is shut may still sell a little (online, a forgotten till): less than this share of its median day.
# Where that is more than some days of a year it is how the chain sells: a few shops that are open on Sundays.
SHUT_SHARE, SHUT_DAYS_SHARE = 0.05, 0.03

Mask = NDArray[np.bool_]


def closed_days(
    sold: NDArray[np.float64], days: pd.DatetimeIndex, *, horizon: int, holiday_names: pd.Series
) -> Mask:
    """Return on which days each group of leaves (a location) is closed, past and future.

    sold: (G, T) units. holiday_names: name by date (see `country_holidays`), may be empty. Returns (G, T + horizon).
    What holds for the whole chain holds for each group, for a small shop's own sales are too sparse to tell. A future
    day is closed on a weekly closing day, and on a holiday that was closed each time it was seen.
    """
    whole = pd.date_range(days[0], periods=days.size + horizon, freq="D")
    chain = _closed_of(_without_trickle(sold.sum(axis=0)), days, whole, holiday_names)
    return np.stack([chain | _closed_of(group, days, whole, holiday_names) for group in sold])


def _without_trickle(sold: NDArray[np.float64]) -> NDArray[np.float64]:
    """Set to 0 what a whole chain sells on a day when it is shut. sold: (T,)."""
    usual = float(np.median(sold[sold > 0])) if (sold > 0).any() else 0.0
    trickle = (sold > 0) & (sold < SHUT_SHARE * usual)
    return np.where(trickle & (trickle.mean() < SHUT_DAYS_SHARE), 0.0, sold)


def _closed_of(
    sold: NDArray[np.float64], days: pd.DatetimeIndex, whole: pd.DatetimeIndex, names: pd.Series
) -> Mask:
    sells = sold > 0
    closed: Mask = np.zeros(whole.size, dtype=np.bool_)
    if not sells.any():
        return closed
    weekday = whole.dayofweek.to_numpy()
    past = days.size
    closed_weekday = np.array(
        [_weekday_closed(sells, weekday[:past], number) for number in range(7)]
    )[weekday]
    # A weekday that only lately became a closing day stays demand where it sold.
    closed[:past] = closed_weekday[:past] & ~sells
    closed[past:] = closed_weekday[past:]
    closed[:past] |= _single_closures(sells, closed_weekday[:past])
    by_day = names.reindex(whole).to_numpy()
    for name in set(by_day[past:][~pd.isna(by_day[past:])]):
        seen = (by_day[:past] == name) & ~closed_weekday[:past]
        if seen.any() and not sells[seen].any() and sells[: np.argmax(seen)].any():
            closed[past:] |= by_day[past:] == name
    return closed


def _weekday_closed(sells: Mask, weekday: NDArray[np.int32], number: int) -> bool:
    recent = slice(-7 * WEEKS_SEEN, None)
    mine = sells[recent][weekday[recent] == number]
    others = sells[recent][weekday[recent] != number]
    return bool(mine.size >= WEEKS_SEEN and not mine.any() and others.mean() >= SELLING_SHARE_MIN)


def _single_closures(sells: Mask, weekly: Mask) -> Mask:
    opened = (~weekly).astype(float)
    share = _around(sells & ~weekly) / np.maximum(_around(opened), 1.0)
    started = np.maximum.accumulate(sells)
    closures: Mask = ~sells & ~weekly & started & (share >= OPEN_SHARE_MIN)
    return closures


def _around(values: NDArray[np.float64] | Mask) -> NDArray[np.float64]:
    """Sum the AROUND_DAYS before and after each day. A history may be shorter than that."""
    summed = np.convolve(values, np.ones(2 * AROUND_DAYS + 1), "full")
    return np.asarray(summed[AROUND_DAYS : AROUND_DAYS + len(values)])


def country_holidays(country: str | None, years: Sequence[int]) -> pd.Series:
    """List a country's holidays: name by date; empty for None. Raises Invalid (`country_unknown`)."""
    if country is None:
        return pd.Series([], index=pd.DatetimeIndex([]), dtype=object)
    # two holidays of one day are one of their own
    return country_table(country, years).groupby("ds")["holiday"].agg("; ".join)

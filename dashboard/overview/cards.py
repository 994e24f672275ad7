"""Totals at the top of Overview: each of the last whole week or period, and how it changed where it can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from catalog.frames import read_frame
from catalog.money import Money
from catalog.periods import periods_up_to, sum_by_period
from catalog.sales import (
    YEAR_DAYS,
    sales_money,
    sums_by_day,
    units_of,
    units_sold,
    year_before,
)
from catalog.state import DataState, in_words
from catalog.stock import stock_worth
from dashboard.filters import Filters
from dashboard.freshness import foot_line, known_now
from dashboard.glossary import tip
from dashboard.overview.shelves import ShelfRate, rate_of, rates
from dashboard.reader import Reader
from dashboard.sums import money_note, money_words, quantity_words
from dashboard.theme import NO_CHANGE, change, plural, unit_word
from stocktide.domain.rhythm import DAILY, Rhythm, rhythm_of

# Points of a card's small line, and a cut-off for the calendar behind them.
SPARKS, CALENDAR_MAX = 28, 4_000
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """The last whole periods: how they are called, and why they are not compared with those before, or "".

    last: the last day. days: how many days are compared with those 52 weeks before; None where they are not.
    """

    words: str
    rhythm: Rhythm
    count: int
    why_not: str
    last: date
    days: int | None


def draw_cards(
    reader: Reader,
    rows: pd.DataFrame,
    every: pd.DataFrame,
    position: dict[str, Any],
    run: dict[str, Any] | None,
    state: DataState,
    filters: Filters,
) -> None:
    """Draw what was sold in the last days, or in the last period where sales are dated on one day of it.

    every: as `read_sales` returns it; rows: the last days of it.
    """
    rhythm, count, currency = DAILY, filters.days, reader.settings.currency
    sales = sums_by_day(rows, currency)
    if run is not None and run["one_day"]:
        rhythm, count = rhythm_of(run["frequency"]), 1
        sales = sum_by_period(sales, "day", run["cutoff"], rhythm)
    sales = full_days(sales, state.open_from, rhythm)
    if sales.empty:
        st.info(state.why or "The first day is not over yet; totals appear tomorrow.")
        return
    before = sales.iloc[-2 * count : -count]
    words = rhythm.counted(len(sales.tail(count))) if rhythm.is_daily else rhythm.one
    last_day = sales["day"].iloc[-1].date()
    why_not = not_compared(len(before), count, rhythm, state)
    of_days = rhythm.is_daily and state.can_compare and len(sales) >= count
    span = Span(words, rhythm, count, why_not, last_day, count if of_days else None)
    cards = st.columns(4)
    money = _sold_cards(cards, rows, every, sales, span, currency)
    with cards[2]:
        shelves = _out_of_stock_rate(reader, last_day, span, filters)
    value = _value_card(cards[3], reader, position)
    notes = [money_note(sum_) for sum_ in (money, value) if sum_ is not None]
    said = [note for note in dict.fromkeys(notes) if note]
    last_year = "; last year: the same weekdays" if span.days else ""
    compared = span.why_not or f"vs previous {span.words}{last_year}."
    whole = f"Last full {rhythm.one}: {rhythm.named(last_day)}. Out of stock: {shelves.words}."
    st.caption(" ".join([compared, whole, *said]))
    places = filters.words or plural(known_now(reader)["places"], "location")
    foot_line(state, f"{span.words} to {in_words(last_day)}, {places}")


def _sold_cards(
    cards: Sequence[Any],
    rows: pd.DataFrame,
    every: pd.DataFrame,
    sales: pd.DataFrame,
    span: Span,
    currency: str | None,
) -> Money:
    """Draw money and units of the last periods. sales: by period. Returns the money."""
    now = _rows_of(rows, sales, span.count)
    then = _rows_of(rows, sales.iloc[: -span.count], span.count)
    year = None if span.days is None else year_before(every, span.last, span.days)
    money, units = sales_money(now, currency), units_sold(now)
    before = None if span.why_not else sales_money(then, currency).one
    cards[0].metric(
        f"Sales, last {span.words}",
        money_words(money),
        **_compared(money.one, before, None if year is None else sales_money(year, currency).one),
        chart_data=_line(sales["revenue"].round(2)) if "revenue" in sales else None,
        height="stretch",
        border=True,
    )
    several = {} if span.why_not else units_sold(then)
    cards[1].metric(
        f"Units, last {span.words}",
        quantity_words(units),
        **_compared_units(units, several, {} if year is None else units_sold(year)),
        chart_data=_line(sales["sold"].round(1)) if len(units_of(rows)) == 1 else None,
        height="stretch",
        border=True,
    )
    return money


def _value_card(card: Any, reader: Reader, position: dict[str, Any]) -> Money | None:
    known = bool(position["pairs_known"])
    value = stock_worth(position, currency=reader.settings.currency) if known else None
    card.metric(
        "Stock at selling price",
        "unknown" if value is None else money_words(value),
        height="stretch",
        border=True,
        help="On hand times the newest selling price, where both are known.",
    )
    return value


def _out_of_stock_rate(reader: Reader, last_day: date, span: Span, filters: Filters) -> ShelfRate:
    """Draw the rate of the last days, of all categories; the days that are not over count nowhere."""
    days = max(SPARKS, 2 * span.count * span.rhythm.days_max)
    shelf_days = read_frame(
        reader.engine, "shelf_days", days=days, through=last_day, location=filters.location
    )
    now, before = rates(shelf_days, last_day, span.rhythm, span.count)
    moved = (
        points(now.share, before.share)
        if not span.why_not and now.share is not None and before.share is not None
        else None
    )
    recent = shelf_days[pd.to_datetime(shelf_days["day"]) > pd.Timestamp(last_day - days * DAY)]
    line = None if now.share is None else 100 * recent["empty"] / recent["known"]
    shown = _delta(moved, "inverse")
    if span.days is not None and now.share is not None:
        end = last_day - YEAR_DAYS * DAY
        year = rate_of(shelf_days, end - (span.days - 1) * DAY, end)
        if year.share is not None:
            shown = _with_year(shown, points(now.share, year.share))
    st.metric(
        "Out-of-stock rate" if filters.department is None else "Out-of-stock rate, all categories",
        "unknown" if now.share is None else f"{now.share:.1%}",
        **shown,
        chart_data=None if line is None else _line(line.round(2)),
        height="stretch",
        border=True,
        help=tip("out-of-stock rate"),
    )
    return now


def not_compared(before: int, count: int, rhythm: Rhythm, state: DataState) -> str:
    """Return why the last periods are not compared with those before; "" where both are whole.

    before: whole periods that there are before the last `count`.
    """
    if not state.can_compare:
        return f"Not compared: {state.why}"
    if before < count:
        return f"Not compared: fewer than {rhythm.counted(2 * count)} are whole yet."
    return ""


def full_days(sales: pd.DataFrame, today: date, rhythm: Rhythm = DAILY) -> pd.DataFrame:
    """List every day (or period, by its last day) from the first to the last that is over; without a row, 0.

    Today is left out: it would make every week look like a fall. sales: one row a day or period.
    """
    by_day = sales.assign(day=pd.to_datetime(sales["day"])).set_index("day")
    by_day = by_day[by_day.index < pd.Timestamp(today)]
    if by_day.empty:
        return by_day.reset_index()
    calendar = periods_up_to(by_day.index.max().date(), CALENDAR_MAX, rhythm).rename("day")
    calendar = calendar[calendar >= by_day.index.min()]
    return by_day.reindex(calendar, fill_value=0).reset_index()


def _rows_of(rows: pd.DataFrame, periods: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the rows of the last `count` of some periods, which are named by their last days."""
    if periods.empty:
        return rows.head(0)
    day = pd.to_datetime(rows["day"])
    inside = day <= periods["day"].iloc[-1]
    if len(periods) > count:
        inside &= day > periods["day"].iloc[-count - 1]
    kept: pd.DataFrame = rows.loc[inside]
    return kept


def _line(values: "pd.Series[float]") -> list[float]:
    return list(values.tail(SPARKS))


def _compared(
    now: tuple[str, float] | None,
    before: tuple[str, float] | None,
    year: tuple[str, float] | None,
) -> dict[str, Any]:
    """Return how a card shows changes; none between what is not of the same currency or unit."""

    def moved(then: tuple[str, float] | None) -> str | None:
        alike = now is not None and then is not None and now[0] == then[0] and then[1]
        return change(now[1], then[1]) if alike and now and then else None

    return _with_year(_delta(moved(before)), moved(year))


def _compared_units(
    now: dict[str, float], before: dict[str, float], year: dict[str, float]
) -> dict[str, Any]:
    """Return how a card shows changes of quantities: of one unit as a number, of several each by its own."""
    if len({*now, *before}) < 2:
        return _compared(*(next(iter(one.items()), None) for one in (now, before, year)))

    def each(then: dict[str, float]) -> str | None:
        moved = [
            f"{unit_word(unit)} {change(now[unit], then[unit])}" for unit in now if then.get(unit)
        ]
        return ", ".join(moved) or None

    words = each(before)
    plain_words = {"delta": words, "delta_color": "off", "delta_arrow": "off"}
    return _with_year(plain_words if words else _delta(None), each(year))


def _with_year(shown: dict[str, Any], moved: str | None) -> dict[str, Any]:
    """Add how a figure changed against the year before; alone where the period before is not known."""
    if moved is None:
        return shown
    words = f"last year {moved}"
    if shown["delta"] is None:
        return {"delta": words, "delta_color": "off", "delta_arrow": "off"}
    return {**shown, "delta_description": words}


def points(now: float, before: float) -> str:
    """Format by how many percentage points a share changed; "no change" where that would be written as 0."""
    moved = round(100 * (now - before), 1)
    return f"{moved:+.1f} points" if moved else NO_CHANGE


def _delta(moved: str | None, colour: str = "normal") -> dict[str, Any]:
    """Return how a card shows a change: without an arrow where there is none."""
    if moved == NO_CHANGE:
        return {"delta": moved, "delta_color": "off", "delta_arrow": "off"}
    return {"delta": moved, "delta_color": colour}

"""Overview: what changed, and what needs attention today."""

from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from catalog.forecasts import find_nodes, node_days, published_run
from catalog.frames import read_frame, read_record
from catalog.periods import periods_up_to, sum_by_period
from catalog.state import DataState, in_words
from dashboard.fan import days_ahead, grain_of, sales_and_forecast
from dashboard.forecasts.node_picture import read_actuals
from dashboard.freshness import data_state, foot_line, known_now
from dashboard.friendly_errors import isolated
from dashboard.glossary import tip
from dashboard.overview.attention import attention, first_steps, what_is_not_known
from dashboard.overview.shelves import ShelfRate, rates
from dashboard.reader import Reader
from dashboard.theme import NO_CHANGE, amount, change, plural, quantity, roles
from stocktide.domain.rhythm import DAILY, Rhythm, rhythm_of
from stocktide.foundation.users import User

DAYS = 56
WEEK = 7
# Points of a card's small line, and a cut-off for the calendar behind them.
SPARKS, CALENDAR_MAX = 28, 4_000


def render(reader: Reader, _user: User) -> None:
    """Draw the page."""
    run = published_run(reader.engine)
    rhythm = rhythm_of(run["frequency"]) if run else DAILY
    back = DAYS if rhythm.is_daily else SPARKS * rhythm.days_max
    sales = read_frame(reader.engine, "sales_by_day", days=back, location=None)
    known = known_now(reader)
    state = data_state(reader, rhythm=rhythm if run and run["one_day"] else DAILY)
    if sales.empty:
        first_steps(known, state)
        return
    position = read_record(reader.engine, "stock_position")
    with isolated("what needs attention"):
        _attention(reader, position, run, known["forecast_through"], state)
    with isolated("totals"):
        _cards(reader, sales, position, run, state)
    with isolated("the chart"):
        _sales_chart(reader, sales, state)
    with isolated("empty shelves"):
        _empty_shelves(reader, position, state)


def _attention(
    reader: Reader,
    position: dict[str, Any],
    run: dict[str, Any] | None,
    through: date | None,
    state: DataState,
) -> None:
    # what ended is not compared with a week that comes
    running_out = read_frame(reader.engine, "running_out", now=reader.clock())
    if state.ended:
        running_out = running_out.iloc[:0]
    st.subheader(f"Needs attention, {state.as_of}" if state.ended else "Needs attention today")
    not_known = what_is_not_known(position, run, through, state)
    said = attention(position, running_out, not_known)
    st.markdown("\n".join(f"- {sentence}" for sentence in said))
    if not_known and not set(not_known) <= set(said):
        st.caption(f"Not known: {' '.join(not_known)}")
    shelves = plural(int(position["pairs"]), "shelf", "shelves")
    foot_line(state, f"{int(position['pairs_known']):,} of {shelves} with known stock")


def _cards(
    reader: Reader,
    sales: pd.DataFrame,
    position: dict[str, float],
    run: dict[str, Any] | None,
    state: DataState,
) -> None:
    """Draw what was sold in the last week, or in the last period where sales are dated on one day of it."""
    rhythm, count = DAILY, WEEK
    if run is not None and run["one_day"]:
        rhythm, count = rhythm_of(run["frequency"]), 1
        sales = sum_by_period(sales, "day", run["cutoff"], rhythm)
    sales = full_days(sales, state.open_from, rhythm)
    if sales.empty:
        st.info(state.why or "The first day is not over yet; totals appear tomorrow.")
        return
    last, before = sales.tail(count), sales.iloc[-2 * count : -count]
    span = rhythm.counted(len(last)) if rhythm.is_daily else rhythm.one
    why_not = not_compared(len(before), count, rhythm, state)
    currency = str(position["currency"]) if position["currency"] else None
    cards = st.columns(4)
    cards[0].metric(
        f"Sales, last {span}",
        amount(last["revenue"].sum(), currency),
        **_delta(None if why_not else _change(last["revenue"].sum(), before["revenue"].sum())),
        chart_data=sales["revenue"].tail(SPARKS).round(2).tolist(),
        height="stretch",
        border=True,
    )
    cards[1].metric(
        f"Units, last {span}",
        quantity(last["sold"].sum()),
        **_delta(None if why_not else _change(last["sold"].sum(), before["sold"].sum())),
        chart_data=sales["sold"].tail(SPARKS).round(1).tolist(),
        height="stretch",
        border=True,
    )
    last_day = sales["day"].iloc[-1].date()
    with cards[2]:
        shelves = _out_of_stock_rate(reader, last_day, rhythm, count, compared=not why_not)
    known = bool(position["pairs_known"])
    cards[3].metric(
        "Stock at selling price",
        amount(position["value_at_price"], currency) if known else "unknown",
        height="stretch",
        border=True,
        help="On hand times the newest selling price, where the stock is known; purchase costs are not known.",
    )
    st.caption(
        f"{why_not or f'vs previous {span}.'} Last full {rhythm.one}: {rhythm.named(last_day)}. "
        f"Out of stock: {shelves.words}."
    )
    places = plural(known_now(reader)["places"], "location")
    foot_line(state, f"{span} to {in_words(last_day)}, {places}")


def _out_of_stock_rate(
    reader: Reader, last_day: date, rhythm: Rhythm, count: int, *, compared: bool
) -> ShelfRate:
    """Draw the rate of the last days; the days that are not over count nowhere."""
    days = max(SPARKS, 2 * count * rhythm.days_max)
    shelf_days = read_frame(reader.engine, "shelf_days", days=days, through=last_day)
    now, before = rates(shelf_days, last_day, rhythm, count)
    moved = (
        points(now.share, before.share)
        if compared and now.share is not None and before.share is not None
        else None
    )
    st.metric(
        "Out-of-stock rate",
        "unknown" if now.share is None else f"{now.share:.1%}",
        **_delta(moved, "inverse"),
        chart_data=(100 * shelf_days["empty"] / shelf_days["known"]).tail(SPARKS).round(2).tolist()
        if now.share is not None
        else None,
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

    Today is left out: it would make every week look like a fall. sales: as the query sales_by_day returns it.
    """
    by_day = sales.assign(day=pd.to_datetime(sales["day"])).set_index("day")
    by_day = by_day[by_day.index < pd.Timestamp(today)]
    if by_day.empty:
        return by_day.reset_index()
    calendar = periods_up_to(by_day.index.max().date(), CALENDAR_MAX, rhythm).rename("day")
    calendar = calendar[calendar >= by_day.index.min()]
    return by_day.reindex(calendar, fill_value=0).reset_index()


def _change(now: float, before: float) -> str | None:
    return change(now, before) if before else None


def points(now: float, before: float) -> str:
    """Format by how many percentage points a share changed; "no change" where that would be written as 0."""
    moved = round(100 * (now - before), 1)
    return f"{moved:+.1f} points" if moved else NO_CHANGE


def _delta(moved: str | None, colour: str = "normal") -> dict[str, Any]:
    """Return how a card shows a change: without an arrow where there is none."""
    if moved == NO_CHANGE:
        return {"delta": moved, "delta_color": "off", "delta_arrow": "off"}
    return {"delta": moved, "delta_color": colour}


def _sales_chart(reader: Reader, sales: pd.DataFrame, state: DataState) -> None:
    roots = find_nodes(reader.engine, level_name="total", limit=1)
    forecast = (
        pd.DataFrame(node_days(reader.engine, roots[0]["node_id"])) if roots else pd.DataFrame()
    )
    rhythm = rhythm_of(roots[0]["frequency"]) if roots else DAILY
    actual = _every_day(sales)
    if not rhythm.is_daily:
        actual = _every_period(reader, roots[0], actual, rhythm)
    coming = forecast["yhat"].sum() if roots else None
    title = (
        f"{quantity(coming)} units expected, {days_ahead(forecast, state.today)}"
        if coming is not None
        else "Sales by day; no forecast is published yet"
    )
    chart = sales_and_forecast(
        actual,
        forecast,
        roles(),
        title=title,
        unit=rhythm.each(),
        where="all locations",
        today=state.open_from,
        grain=grain_of(rhythm),
        coverage=roots[0]["coverage"] or {} if roots else None,
    )
    st.altair_chart(chart, width="stretch", key="overview.sales")
    foot_line(state, plural(known_now(reader)["places"], "location"))


def _every_day(sales: pd.DataFrame) -> pd.DataFrame:
    """Return sales less returns by day, as forecasts count them; days without a row sold nothing."""
    net = (sales["sold"] - sales["returned"]).clip(lower=0)
    by_day = sales.assign(ds=pd.to_datetime(sales["day"]), net=net).set_index("ds")["net"]
    calendar = pd.date_range(by_day.index.min(), by_day.index.max(), freq="D", name="ds")
    return by_day.reindex(calendar, fill_value=0.0).rename("y").reset_index()


def _every_period(
    reader: Reader, root: dict[str, Any], by_day: pd.DataFrame, rhythm: Rhythm
) -> pd.DataFrame:
    """Return sales by period, and those since the cutoff so far; by_day: as `_every_day` gives it."""
    known = read_actuals(reader.engine, root["node_id"], root["cutoff"], rhythm, rhythm.history)
    since = by_day[by_day["ds"] > pd.Timestamp(root["cutoff"])]
    return pd.concat([known, sum_by_period(since, "ds", root["cutoff"], rhythm)])


def _empty_shelves(reader: Reader, position: dict[str, float], state: DataState) -> None:
    st.subheader("Empty shelves", help=tip("stock-out"))
    where = read_frame(reader.engine, "out_of_stock_by")
    if where.empty:
        st.info(
            "No shelf with recent sales is known to be out of stock."
            if position["pairs_known"]
            else "Stock-outs are not known: stock is unknown until a delivery or a count is received."
        )
        return
    st.dataframe(
        where,
        key="overview.stock_outs",
        hide_index=True,
        placeholder="",
        row_height=28,
        column_config={
            "location": st.column_config.TextColumn("Location", width="medium"),
            "department": "Department",
            "products": st.column_config.NumberColumn("Missing products", format="localized"),
            "names": st.column_config.TextColumn("Products (best sellers first)", width="large"),
        },
    )
    when_out = "at the newest data" if state.ended else "now"
    foot_line(
        state,
        f"Out of stock {when_out}, sold in the four weeks before; top 10 by missing products, of "
        f"{plural(int(position['pairs_known']), 'shelf', 'shelves')} with known stock",
    )

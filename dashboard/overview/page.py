"""Overview: what changed, and what needs attention today."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from catalog.forecasts import find_nodes, node_days, published_run
from catalog.frames import read_frame, read_record
from catalog.money import Money
from catalog.periods import periods_up_to, sum_by_period
from catalog.sales import read_sales, sales_money, sums_by_day, units_of, units_sold
from catalog.stock import read_stock_value
from dashboard.fan import days_ahead, grain_of, sales_and_forecast
from dashboard.forecasts.node_picture import read_actuals
from dashboard.friendly_errors import isolated
from dashboard.glossary import tip
from dashboard.reader import Reader
from dashboard.sums import mixed_note, money_note, money_words, quantity_words
from dashboard.theme import NO_CHANGE, change, plain, plural, quantity, roles, today
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
    currency = reader.settings.currency
    rows = read_sales(reader.engine, days=back, currency=currency)
    if rows.empty:
        _first_steps(reader)
        return
    sales = sums_by_day(rows, currency)
    position = read_record(reader.engine, "stock_position")
    running_out = read_frame(reader.engine, "running_out")
    st.subheader("Needs attention today")
    st.markdown("\n".join(f"- {sentence}" for sentence in attention(position, running_out)))
    with isolated("totals"):
        value = read_stock_value(reader.engine, currency=currency)
        _cards(rows, sales, position, value, run, currency)
    with isolated("the chart"):
        _sales_chart(reader, sales, units_of(rows))
    with isolated("empty shelves"):
        _empty_shelves(reader, position)


def attention(position: dict[str, float], running_out: pd.DataFrame) -> list[str]:
    """Write at most five sentences, the most urgent first: what, how much, what to do."""
    said = []
    if position["out_of_stock"]:
        said.append(
            f"**{plural(int(position['out_of_stock']), 'shelf', 'shelves')} out of stock** that sold in the last four "
            "weeks. Check their deliveries first; the list is below."
        )
    if not running_out.empty:
        worst = running_out.iloc[0]
        said.append(
            f"**{plural(int(worst['found']), 'shelf', 'shelves')} will probably run empty within a week** without a "
            f"delivery. Worst: {plain(worst['name'])}, {plain(worst['location'])}: "
            f"{quantity(worst['on_hand'])} left, {quantity(worst['week'])} expected."
        )
    if position["sensor_differs"]:
        said.append(
            f"**{int(position['sensor_differs']):,} of {plural(int(position['sensed']), 'shelf sensor')}** "
            "differ from recorded stock: count these shelves."
        )
    if position["negative"]:
        said.append(
            f"**{plural(int(position['negative']), 'stock level')} below zero**: more was sold than received. "
            "Enter the missing delivery or count."
        )
    if position["pairs"] and not position["pairs_known"]:
        said.append(
            "**Stock is unknown**: only sales were received so far, no delivery and no count. "
            "Send a `stocktake` for each product."
        )
    return said[:5] or [
        "Nothing. No shelf is out of stock, and none is likely to be within a week."
    ]


def _first_steps(reader: Reader) -> None:
    known = read_record(reader.engine, "freshness")
    st.info("No sales yet. Three steps to get here:")
    for done, text in (
        (
            known["newest_event"] is not None,
            "Send events: `stocktide import FILE --mapping NAME`, or POST /v1/events.",
        ),
        (
            known["lake_updated_at"] is not None,
            "Load them: the worker does this every few minutes, or run `stocktide etl`.",
        ),
        (
            known["published_at"] is not None,
            "Forecast: run `stocktide forecast`, or press “Retrain now” on the System page.",
        ),
    ):
        st.markdown(
            f"{':material/check_circle:' if done else ':material/radio_button_unchecked:'} {text}"
        )


def _cards(
    rows: pd.DataFrame,
    sales: pd.DataFrame,
    position: dict[str, float],
    value: Money,
    run: dict[str, Any] | None,
    currency: str | None,
) -> None:
    """Draw what was sold in the last week, or in the last period where sales are dated on one day of it."""
    rhythm, count = DAILY, WEEK
    if run is not None and run["one_day"]:
        rhythm, count = rhythm_of(run["frequency"]), 1
        sales = sum_by_period(sales, "day", run["cutoff"], rhythm)
    sales = full_days(sales, today(), rhythm)
    if sales.empty:
        st.info("The first day is not over yet; totals appear tomorrow.")
        return
    span = rhythm.counted(count) if rhythm.is_daily else rhythm.one
    last, before = sales.tail(count), sales.iloc[-2 * count : -count]
    now, then = _rows_of(rows, sales, -count), _rows_of(rows, sales.iloc[:-count], -count)
    cards = st.columns(4)
    money = sales_money(now, currency)
    _total_card(
        cards[0],
        f"Sales, last {span}",
        money_words(money),
        _compared(money.one, sales_money(then, currency).one),
        sales["revenue"].round(2) if "revenue" in sales else None,
    )
    units = units_sold(now)
    _total_card(
        cards[1],
        f"Units, last {span}",
        quantity_words(units),
        _compared(_only(units), _only(units_sold(then))),
        sales["sold"].round(1) if len(units_of(rows)) == 1 else None,
    )
    share, share_before = _out_share(last), _out_share(before)
    known = bool(position["pairs_known"])
    out = (100 * sales["out_of_stock"] / sales["active"].clip(lower=1)).round(2)
    _total_card(
        cards[2],
        "Out-of-stock rate",
        f"{share:.1%}" if known else "unknown",
        _delta(points(share, share_before) if known else None, "inverse"),
        out if known else None,
        tip("out-of-stock rate"),
    )
    cards[3].metric(
        "Stock at selling price",
        money_words(value) if known else "unknown",
        height="stretch",
        border=True,
        help="On hand times today's selling price, where both are known.",
    )
    notes = {note for note in (money_note(money), money_note(value) if known else None) if note}
    last_day = (
        f"vs previous {span}. Last full {rhythm.one}: {rhythm.named(sales['day'].iloc[-1].date())}."
    )
    st.caption(" ".join([last_day, *sorted(notes)]))


def _total_card(
    card: Any,
    label: str,
    value: str,
    delta: dict[str, Any],
    line: "pd.Series[float] | None",
    explained: str | None = None,
) -> None:
    chart = None if line is None else line.tail(SPARKS).tolist()
    card.metric(
        label, value, **delta, chart_data=chart, height="stretch", border=True, help=explained
    )


def _rows_of(rows: pd.DataFrame, periods: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the rows of the last periods. periods: by their last days; count: how many, below zero."""
    if periods.empty:
        return rows.head(0)
    day = pd.to_datetime(rows["day"])
    inside = day <= periods["day"].iloc[-1]
    if len(periods) > -count:
        inside &= day > periods["day"].iloc[count - 1]
    kept: pd.DataFrame = rows.loc[inside]
    return kept


def _only(units: dict[str, float]) -> tuple[str, float] | None:
    """Return unit and quantity of what was sold in one unit; None where there are several."""
    return None if len(units) > 1 else next(iter(units.items()), ("", 0.0))


def _compared(now: tuple[str, float] | None, before: tuple[str, float] | None) -> dict[str, Any]:
    """Return how a card shows a change; none between amounts that are not in the same currency or unit."""
    if now is None or before is None or now[0] != before[0]:
        return _delta(None)
    return _delta(_change(now[1], before[1]))


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


def _out_share(days: pd.DataFrame) -> float:
    active = days["active"].sum()
    return float(days["out_of_stock"].sum() / active) if active else 0.0


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


def _sales_chart(reader: Reader, sales: pd.DataFrame, units: Sequence[str]) -> None:
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
        f"{quantity(coming)} units expected, {days_ahead(forecast)}"
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
        today=today(),
        grain=grain_of(rhythm),
    )
    st.altair_chart(chart, width="stretch", key="overview.sales")
    if note := mixed_note(units):
        st.caption(note)


def _every_day(sales: pd.DataFrame) -> pd.DataFrame:
    """Return sales less returns by day, as forecasts count them; days without a row sold nothing."""
    net = sales["net"].clip(lower=0)
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


def _empty_shelves(reader: Reader, position: dict[str, float]) -> None:
    st.subheader("Empty shelves", help=tip("stock-out"))
    where = read_frame(reader.engine, "out_of_stock_by")
    if where.empty:
        st.info(
            "No shelf with recent sales is out of stock."
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
    st.caption("Out of stock now, sold in the last four weeks. Top 10 by missing products.")

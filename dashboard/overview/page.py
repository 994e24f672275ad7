"""Overview: what changed, and what needs attention today."""

from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from catalog.forecasts import find_nodes, published_run
from catalog.frames import read_frame, read_record
from catalog.periods import sum_by_period
from catalog.sales import last_days_of, read_sales, sums_by_day, units_of
from catalog.state import DataState
from dashboard.charts import draw_chart
from dashboard.fan import days_ahead, grain_of, sales_and_forecast
from dashboard.filters import Filters, choose
from dashboard.forecasts.node_picture import read_actuals
from dashboard.freshness import data_state, foot_line, known_now
from dashboard.friendly_errors import isolated
from dashboard.glossary import tip
from dashboard.overridden import before_overrides, in_words, read_forecast
from dashboard.overview.attention import (
    attention,
    draw_sentences,
    first_steps,
    what_is_not_known,
)
from dashboard.overview.cards import SPARKS, draw_cards
from dashboard.panels import AsSql, rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.risk.page import read_risk
from dashboard.sums import mixed_note
from dashboard.theme import plain, plural, quantity, roles
from stocktide.domain.rhythm import DAILY, Rhythm, rhythm_of
from stocktide.foundation.users import User

DAYS = 56
# Places and departments with empty shelves that are listed.
SHELVES = 10
PLACES = "places and departments"


def render(reader: Reader, user: User) -> None:
    """Draw the page."""
    filters = choose(reader, period=True)
    run = published_run(reader.engine)
    rhythm = rhythm_of(run["frequency"]) if run else DAILY
    back = DAYS if rhythm.is_daily else SPARKS * rhythm.days_max
    # two periods to compare, and today, which is not over
    back = max(back, 2 * filters.days + 2)
    every = read_sales(reader.engine, days=back, currency=reader.settings.currency, **filters.asked)
    known = known_now(reader)
    zones = [filters.zone] if filters.zone else None
    state = data_state(reader, zones=zones, rhythm=rhythm if run and run["one_day"] else DAILY)
    if every.empty and filters.is_all:
        first_steps(known, state, user)
        return
    position = read_record(
        reader.engine, "stock_position", currency=reader.settings.currency, **filters.asked
    )
    with isolated("what needs attention"):
        _attention(reader, position, run, known["forecast_through"], state, filters)
    if every.empty:
        st.info(f"Nothing of {plain(filters.words)} was sold in these {back} days.")
        return
    rows = last_days_of(every, back)
    with isolated("totals"):
        draw_cards(reader, rows, every, position, run, state, filters)
    with isolated("the chart"):
        _sales_chart(reader, rows, run, state, filters)
    with isolated("empty shelves"):
        _empty_shelves(reader, position, state, filters)


def _attention(
    reader: Reader,
    position: dict[str, Any],
    run: dict[str, Any] | None,
    through: date | None,
    state: DataState,
    filters: Filters,
) -> None:
    # what ended is not compared with a week that comes
    running_out = read_risk(reader, filters, limit=1)
    if state.ended:
        running_out = running_out.iloc[:0]
    st.header(f"Needs attention, {state.as_of}" if state.ended else "Needs attention today")
    not_known = what_is_not_known(position, run, through, state)
    said = attention(position, running_out, not_known)
    draw_sentences(said)
    if not_known and not set(not_known) <= set(said):
        st.caption(f"Not known: {' '.join(not_known)}")
    shelves = plural(int(position["pairs"]), "shelf", "shelves")
    whose = filters.among(f"{int(position['pairs_known']):,} of {shelves} with known stock")
    foot_line(state, whose)


def _node(reader: Reader, run: dict[str, Any] | None, filters: Filters) -> list[dict[str, Any]]:
    """Find the node of the forecast that the filters name; none where the hierarchy has no such level."""
    if run is None:
        return []
    wanted = {name: value for name, value in filters.asked.items() if value}
    for level in run["hierarchy"]:
        # a shop's level may name its region, too
        keys = {
            **wanted,
            **({"region": filters.region} if "region" in level and filters.region else {}),
        }
        if set(level) == set(keys):
            return find_nodes(reader.engine, keys=keys, limit=1)
    return []


def _sales_chart(
    reader: Reader,
    rows: pd.DataFrame,
    run: dict[str, Any] | None,
    state: DataState,
    filters: Filters,
) -> None:
    roots = _node(reader, run, filters)
    forecast = pd.DataFrame()
    if roots:
        forecast = read_forecast(
            reader.engine, [roots[0]["node_id"]], is_adjusted=roots[0]["is_adjusted"]
        )
    published = before_overrides(forecast)
    rhythm = rhythm_of(roots[0]["frequency"]) if roots else DAILY
    actual = _every_day(sums_by_day(rows, None))
    if not rhythm.is_daily:
        actual = _every_period(reader, roots[0], actual, rhythm)
    coming = forecast["yhat"].sum() if roots else None
    title = (
        f"{quantity(coming)} units expected, {days_ahead(forecast, state.today)}"
        if coming is not None
        else "Sales by day; no forecast is published yet"
        if run is None
        else "Sales by day; this is no level of the forecast"
    )
    chart = sales_and_forecast(
        actual,
        forecast,
        roles(),
        title=title,
        unit=rhythm.each(),
        where=filters.words or "all locations",
        today=state.open_from,
        grain=grain_of(rhythm),
        coverage=roots[0]["coverage"] or {} if roots else None,
        published=published,
    )
    draw_chart(chart, "overview.sales")
    if published is not None:
        st.caption(in_words(forecast))
    if note := mixed_note(units_of(rows)):
        st.caption(note)
    foot_line(state, filters.words or plural(known_now(reader)["places"], "location"))


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
    known = read_actuals(reader.engine, [root["node_id"]], root["cutoff"], rhythm, rhythm.history)
    since = by_day[by_day["ds"] > pd.Timestamp(root["cutoff"])]
    return pd.concat([known, sum_by_period(since, "ds", root["cutoff"], rhythm)])


def _empty_shelves(
    reader: Reader, position: dict[str, Any], state: DataState, filters: Filters
) -> None:
    st.header("Empty shelves", help=tip("stock-out"))
    where = read_frame(reader.engine, "out_of_stock_by", limit=SHELVES, **filters.asked)
    if where.empty:
        st.info(
            "No shelf with recent sales is known to be out of stock."
            if position["pairs_known"]
            else "Stock-outs are not known: stock is unknown until a delivery or a count is received."
        )
        return
    st.dataframe(
        where.drop(columns="found"),
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
    listed = rows_words(len(where), int(where["found"].iloc[0]), "place and department", PLACES)
    known = plural(int(position["pairs_known"]), "shelf", "shelves")
    rows_foot(
        state,
        f"{listed}; out of stock {when_out}, sold in the four weeks before; of {known} with known stock",
        key="overview.empty.csv",
        file="empty-shelves",
        read=lambda: read_frame(reader.engine, "out_of_stock_by", **filters.asked).drop(
            columns="found"
        ),
        sql=AsSql(reader, "Empty shelves", "empty_shelves", filters.asked),
    )

"""Accuracy: whether the forecast can be believed, at which level and how far ahead, and where not."""

import pandas as pd
import streamlit as st

from catalog.accuracy import (
    WEEKS_MIN,
    bias_by_week,
    by_level,
    calibration,
    cells,
    scored_weeks,
    sentence,
)
from catalog.forecasts import published_run
from catalog.frames import read_frame
from dashboard.accuracy.backtest import backtest_panel
from dashboard.accuracy.figures import ahead_cells, bias_weeks, calibration_rows
from dashboard.accuracy.items import items_panel
from dashboard.charts import draw_chart
from dashboard.freshness import data_state, foot_line
from dashboard.friendly_errors import isolated
from dashboard.glossary import tip
from dashboard.reader import Reader
from dashboard.theme import plural, roles
from stocktide.foundation.users import User

# More than any history that is kept.
PERIODS_MAX = 400


def render(reader: Reader, _user: User) -> None:
    """Draw the page."""
    run = published_run(reader.engine)
    if run is None:
        st.info(
            "No forecast is published yet. Run `stocktide forecast`, or press “Retrain now” on the System page."
        )
        return
    days = read_frame(reader.engine, "accuracy_days")
    drift = read_frame(reader.engine, "drift", periods=PERIODS_MAX)
    weeks = scored_weeks(drift)
    if weeks < WEEKS_MIN:
        st.info(_too_early(weeks))
    else:
        _since_published(reader, days, drift, weeks)
    with isolated("the backtest"):
        backtest_panel(reader, run)
    if weeks >= WEEKS_MIN:
        with isolated("the worst items"):
            items_panel(reader)


def _too_early(weeks: int) -> str:
    return (
        f"Too early: {plural(weeks, 'week')} of published forecasts {'is' if weeks == 1 else 'are'} compared with what "
        f"came, and {WEEKS_MIN} are needed to tell skill from chance. Until then the backtest is the best answer."
    )


def _since_published(reader: Reader, days: pd.DataFrame, drift: pd.DataFrame, weeks: int) -> None:
    held = calibration(days)
    if days.empty:
        st.info(
            "No version that was published before this one is kept: errors by days ahead are not known."
        )
    else:
        st.markdown(f"**{sentence(by_level(days), held)}**")
        count = days["day"].nunique()
        with isolated("errors by days ahead"):
            _ahead(days)
        with isolated("how often the bands held"):
            st.header("How often the bands held", help=tip("coverage"))
            title = f"Bands held on {plural(count, 'day')} that came since"
            draw_chart(calibration_rows(held, roles(), title=title), "accuracy.bands")
    with isolated("bias by week"):
        _bias(drift)
    foot_line(data_state(reader), f"{plural(weeks, 'week')} of published forecasts")


def _ahead(days: pd.DataFrame) -> None:
    st.header("Error by level and days ahead", help=f"{tip('level')} {tip('seasonal naive')}")
    found = cells(days)
    known = found["ratio"].dropna()
    better = int((known < 1).sum())
    title = f"Better than seasonal naive in {better} of {plural(len(known), 'cell')}"
    draw_chart(ahead_cells(found, roles(), title=title), "accuracy.ahead")


def _bias(drift: pd.DataFrame) -> None:
    st.header("Bias by week", help=tip("bias"))
    bias = bias_by_week(drift)
    levels = bias.sort_values("level")["level_name"].unique().tolist()
    if not levels:
        st.info("Nothing came in these weeks, so no bias is known.")
        return
    level = st.selectbox("Level", levels, key="level", bind="query-params", width=240)
    mine = bias[bias["level_name"] == level]
    outside = int((mine["bias"].abs() > mine["reach"]).sum())
    title = f"{outside} of {plural(len(mine), 'week')} outside what chance does"
    draw_chart(bias_weeks(mine, roles(), title=title, where=str(level)), "accuracy.bias")

"""How the published method erred in its backtest, at every level and after every origin."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from catalog.experiments import METRICS, error_ratios, main_metric
from catalog.frames import read_frame
from catalog.periods import periods_from
from dashboard.charts import draw_chart
from dashboard.forecasts.backtest_figures import accuracy_cells
from dashboard.forecasts.panels import NOTHING_TO_BEAT
from dashboard.glossary import tip
from dashboard.reader import Reader
from dashboard.theme import plural, roles
from stocktide.domain.rhythm import rhythm_of

# One origin shows one result, not whether it lasts.
ORIGINS_MIN = 2


def backtest_panel(reader: Reader, run: Mapping[str, Any]) -> None:
    """Draw how the choice erred beside seasonal naive, at every level, after every origin of the backtest."""
    st.header("In the backtest, by level and period tested", help=f"{tip('level')} {tip('origin')}")
    scores = read_frame(reader.engine, "backtest_origins", metrics=list(METRICS))
    metric, by_origin = main_metric(scores)
    ratios = with_periods(error_ratios(by_origin), run)
    origins = ratios["period"].nunique()
    if origins < ORIGINS_MIN:
        st.info(
            f"Too early: the backtest has {plural(origins, 'origin')} with periods to test, and needs {ORIGINS_MIN} to "
            "show whether accuracy lasts. A longer history gives more, up to `backtest_origins`."
        )
        return
    better, known = int((ratios["ratio"] < 1).sum()), int(ratios["ratio"].notna().sum())
    if not known:
        st.info(NOTHING_TO_BEAT)
        return
    title = f"Better than seasonal naive in {better} of {plural(known, 'cell')}"
    chart = accuracy_cells(ratios, roles(), title=title, metric=metric)
    draw_chart(chart, "accuracy.backtest")


def with_periods(ratios: pd.DataFrame, run: Mapping[str, Any]) -> pd.DataFrame:
    """Add the days that each origin was tested on, in a column period; both years where they differ."""
    origin = pd.to_datetime(ratios["origin"])
    first = origin + pd.Timedelta(days=1)
    rhythm = rhythm_of(run["frequency"])
    ends = {day: periods_from(day, run["horizon"] + 1, rhythm)[-1] for day in origin.unique()}
    last = pd.to_datetime(origin.map(ends))
    one_year = first.dt.year == last.dt.year
    begun = first.dt.strftime("%d %b").where(one_year, first.dt.strftime("%d %b %Y"))
    return ratios.assign(period=begun + " to " + last.dt.strftime("%d %b %Y"))

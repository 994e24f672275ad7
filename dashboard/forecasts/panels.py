"""Panels under a forecast's chart: how far to trust it, what it is made of, what moved it, what the backtest said."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from catalog.experiments import METRICS, NOT_CANDIDATES, main_metric, winners
from catalog.frames import read_frame
from catalog.nodes import components, what_moved
from dashboard.charts import draw_chart
from dashboard.figures import error_by_level
from dashboard.forecasts.backtest_figures import backtest_dots, value_added
from dashboard.forecasts.figures import component_tiles, waterfall
from dashboard.glossary import tip
from dashboard.reader import Reader
from dashboard.theme import plain, quantity, roles
from stocktide.domain.rhythm import rhythm_of

TILES_A_ROW = 2
NOTHING_TO_BEAT = (
    "Seasonal naive had no error in the periods tested, or was not tested: nothing to compare with."
)
# Children that differ from their parent by less than this share are equal: float8 sums of many parts.
GAP_RELATIVE = 1e-6


def chips(
    run: Mapping[str, Any],
    node: Mapping[str, Any],
    children: Sequence[Mapping[str, Any]],
    errors: pd.DataFrame,
) -> list[str]:
    """Return short notes on a node's chart: how well its bands held, whether levels agree, whose history it has."""
    said = []
    held = errors[(errors["level"] == node["level"]) & (errors["metric"] == "coverage_80")]["value"]
    if held.notna().any():
        share = f"{100 * held.iloc[0]:.0f} %"
        many = rhythm_of(run["frequency"]).many
        said.append(f"80 % interval covered {share} of the held-out {many} at this level")
    if children:
        said.append(
            f"items below add up to this {node['level_name']}: gap {gap_text(node, children)}"
        )
    version = f", version {run['version']}" if run["version"] is not None else ""
    said.append(f"run {run['forecast_run_id']}{version}, trained to {run['cutoff']}")
    return said


def gap_text(node: Mapping[str, Any], children: Sequence[Mapping[str, Any]]) -> str:
    """Format the largest difference between a node and the sum of its children at one level, units over the horizon."""
    frame = pd.DataFrame(children)
    apart = (frame.groupby("level")["total"].sum() - node["total"]).abs().max()
    return "0" if apart <= GAP_RELATIVE * max(node["total"], 1.0) else f"{quantity(apart)} units"


def taken_over(node: Mapping[str, Any]) -> list[str]:
    """Return a note on each product whose history a node's product has taken over, or will."""
    return [
        f"history of {one['product']} to {one['from']} (share {100 * one['share']:g} %)"
        for one in node["replaces"]
    ]


def components_panel(parts: pd.DataFrame, run: Mapping[str, Any]) -> None:
    """Draw the components as small multiples."""
    st.header("Components")
    mine = components(parts)
    if mine.empty:
        st.info(
            "This run has no components. Press “Retrain now” on the System page to compute them."
        )
        return
    rhythm = rhythm_of(run["frequency"])
    tiles = component_tiles(mine, pd.Timestamp(run["cutoff"]), roles(), rhythm)
    st.caption("Components add up to the forecast. All except the trend share one scale.")
    for start in range(0, len(tiles), TILES_A_ROW):
        row = st.columns(TILES_A_ROW)
        for index, tile in enumerate(tiles[start : start + TILES_A_ROW]):
            with row[index]:
                draw_chart(tile, f"forecasts.component.{start + index}")


def moves_panel(parts: pd.DataFrame) -> None:
    """Draw what moved this node since the last version."""
    st.header("Changes since last run")
    moves = what_moved(parts)
    if moves is None:
        st.info(
            "No earlier version forecast the same periods for this item. Changes appear here from the second run on."
        )
        return
    draw_chart(waterfall(moves, roles()), "forecasts.moves")


def backtest_panel(
    reader: Reader, run: Mapping[str, Any], node: Mapping[str, Any], errors: pd.DataFrame
) -> None:
    """Draw the backtest's results: the best method here, its margin, and what forecasting adds per level."""
    st.header("Backtest results", help=tip("backtest"))
    scores = read_frame(
        reader.engine, "backtest", runs=[run["forecast_run_id"]], metrics=list(METRICS)
    )
    metric, backtest = main_metric(scores)
    if not backtest.empty:
        _candidates(backtest, node, metric)
        return
    ours = errors_by_level(errors, "wape")
    if ours.empty:
        st.info(
            "No backtest: the history is too short to hold out test periods, so the error is not known."
        )
        return
    better = int((ours["ours"] < ours["naive"]).sum())
    chart = error_by_level(
        ours,
        roles(),
        title=f"Better than seasonal naive at {better} of {len(ours)} levels",
        unit=f"WAPE over {_horizon(run)} held out: sum of absolute errors as a share of sales",
    )
    draw_chart(chart, "forecasts.errors")
    added = value_added(ours, roles(), unit="WAPE")
    draw_chart(added, "forecasts.value")


def _horizon(run: Mapping[str, Any]) -> str:
    return rhythm_of(run["frequency"]).counted(run["horizon"])


def _candidates(backtest: pd.DataFrame, node: Mapping[str, Any], metric: str) -> None:
    table = winners(backtest)
    st.markdown(describe_best(table, str(node["level_name"])))
    origins = int(backtest["origins"].max())
    count = len(set(backtest["candidate"]) - NOT_CANDIDATES)
    chart = backtest_dots(
        backtest,
        roles(),
        title=f"{count} candidates at {origins} origins",
        metric=metric,
    )
    draw_chart(chart, "forecasts.errors")
    levels = (
        table.rename(columns={"chosen": "ours"}).dropna(subset=["ours", "naive"]).query("naive > 0")
    )
    if not levels.empty:
        added = value_added(levels, roles(), unit=metric.upper())
        draw_chart(added, "forecasts.value")
    else:
        st.info(NOTHING_TO_BEAT)
    with st.expander("Winners by level"):
        st.dataframe(
            table[["level_name", "winner", "best", "chosen", "naive"]],
            key="forecasts.winners",
            hide_index=True,
            placeholder="",
            row_height=28,
            column_config={
                "level_name": st.column_config.TextColumn("Level", width="medium"),
                "winner": st.column_config.TextColumn("Best model", width="medium"),
                "best": st.column_config.NumberColumn(
                    f"Its {metric.upper()}", format="%.3f", help=tip(metric)
                ),
                "chosen": st.column_config.NumberColumn("Published", format="%.3f"),
                "naive": st.column_config.NumberColumn(
                    "Seasonal naive", format="%.3f", help=tip("seasonal naive")
                ),
            },
        )


def describe_best(table: pd.DataFrame, level_name: str) -> str:
    """Describe the best method at a level, and how the choice compares, in one sentence; table as of `winners`."""
    here = table[table["level_name"] == level_name]
    if here.empty:
        return "The backtest did not score this level."
    row = here.iloc[0]
    said = f"Best at level {plain(level_name)}: **{plain(str(row['winner']))}** {row['best']:.3f}"
    if pd.notna(row["naive"]) and row["naive"] > 0 and row["winner"] != "seasonal_naive":
        said += f", {abs(1 - row['best'] / row['naive']):.0%} below seasonal naive"
    if pd.isna(row["chosen"]):
        return f"{said}."
    return f"{said}. Published: {row['chosen']:.3f}."


def errors_by_level(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Lay our errors beside seasonal naive's; frame as the query forecast_errors returns it.

    Returns columns level_name, ours, naive; no row where either is missing.
    """
    wide = (
        frame[frame["metric"] == metric]
        .pivot(index=["level", "level_name"], columns="model", values="value")
        .reset_index()
    )
    ours = next(
        (name for name in wide.columns if name not in ("level", "level_name", "seasonal_naive")),
        None,
    )
    if ours is None or "seasonal_naive" not in wide:
        return pd.DataFrame(columns=["level_name", "ours", "naive"])
    return (
        wide.rename(columns={ours: "ours", "seasonal_naive": "naive"})[
            ["level_name", "ours", "naive"]
        ]
        .dropna()
        .reset_index(drop=True)
    )

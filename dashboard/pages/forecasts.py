"""Forecasts: walk down the hierarchy; actual, forecast, interval; error against seasonal naive."""

from typing import Any

import pandas as pd
import streamlit as st

from catalog.forecasts import find_nodes, node_days, published_run
from catalog.frames import read_frame
from dashboard.figures import error_by_level, sales_and_forecast
from dashboard.reader import Reader
from dashboard.theme import distinct, plain, quantity, roles, today, when
from stocktide.users import User

DAYS = 120
CHILDREN_MAX = 200


def render(reader: Reader, _user: User) -> None:
    """Draw the page."""
    run = published_run(reader.engine)
    if run is None:
        st.info(
            "No forecast is published yet. Run `stocktide forecast`, or press “Retrain now” on the System page."
        )
        return
    node = _node(reader, st.query_params.get("node"))
    _breadcrumb(reader, node)
    _chart(reader, run, node)
    _children(reader, node)
    _errors(reader, run)


def _node(reader: Reader, wanted: str | None) -> dict[str, Any]:
    """The node that the address names by its unique id and level, or the largest root."""
    if wanted and wanted.isdecimal() and int(wanted) < 2**31:
        found = find_nodes(reader.engine, node_id=int(wanted))
        if found:
            return found[0]
        st.caption("The node in the address is not in the published run; this is the top.")
    return find_nodes(reader.engine, roots=True, limit=1)[0]


def _breadcrumb(reader: Reader, node: dict[str, Any]) -> None:
    path = [node]
    while path[0]["parent_id"] is not None:
        path.insert(0, find_nodes(reader.engine, node_id=path[0]["parent_id"])[0])
    with st.container(horizontal=True, gap="small"):
        for step in path[:-1]:
            if st.button(
                plain(_named(step)), key=f"forecasts.up.{step['node_id']}", type="tertiary"
            ):
                _go(step["node_id"])
        st.markdown(f"**{plain(_named(path[-1]))}**")


def _named(node: dict[str, Any]) -> str:
    return "All" if node["level_name"] == "total" else str(node["label"])


# How often a node was gone to: tables of an earlier visit, and the rows ticked in them, are not taken for today's.
VISITS = "forecasts.visits"


def _go(node_id: int) -> None:
    st.session_state[VISITS] = st.session_state.get(VISITS, 0) + 1
    st.query_params["node"] = str(node_id)
    st.rerun()


def _chart(reader: Reader, run: dict[str, Any], node: dict[str, Any]) -> None:
    forecast = pd.DataFrame(node_days(reader.engine, node["node_id"]))
    sold = read_frame(reader.engine, "node_actuals", node_id=node["node_id"], days=DAYS)
    calendar = pd.date_range(end=pd.Timestamp(run["cutoff"]), periods=DAYS, freq="D", name="ds")
    actual = (
        sold.assign(ds=pd.to_datetime(sold["ds"]))
        .set_index("ds")["y"]
        .reindex(calendar, fill_value=0.0)
        .reset_index()
    )
    total = forecast["yhat"].sum()
    before = actual["y"].tail(len(forecast)).sum()
    change = f", {total / before - 1:+.0%} against the last {len(forecast)}" if before else ""
    title = f"{_named(node)}: {quantity(total)} units in the next {len(forecast)} days{change}"
    chart = sales_and_forecast(
        actual,
        forecast,
        roles(),
        title=title,
        unit="units a day",
        where=f"level: {node['level_name']}",
        today=today(),
    )
    st.altair_chart(chart, width="stretch", key="forecasts.fan")
    notes = [
        f"Run {run['forecast_run_id']}",
        f"trained to {run['cutoff']}",
        f"reconciled by {run['method']}",
        f"lake version {run['lake_version']}",
        f"published {when(run['published_at'])}",
    ]
    if node["warning"]:
        notes.append(f"note: {node['warning'].replace('_', ' ')}")
    st.caption(" · ".join(notes))


def _children(reader: Reader, node: dict[str, Any]) -> None:
    children = find_nodes(reader.engine, parent_id=node["node_id"], limit=CHILDREN_MAX)
    if not children:
        st.caption("This is the lowest level.")
        return
    frame = pd.DataFrame(children)
    # by level, from the top down: by size the tables would change places from run to run
    for (_, level_name), group in frame.groupby(["level", "level_name"]):
        _child_table(str(level_name), group, node)


def _child_table(level_name: str, group: pd.DataFrame, node: dict[str, Any]) -> None:
    st.markdown(f"**By {level_name}**")
    codes = [" · ".join(keys.values()) for keys in group["keys"]]
    shown = pd.DataFrame(
        {
            "label": distinct(group["label"].tolist(), codes),
            "total": group["total"],
            "share": 100 * group["total"] / max(node["total"], 1e-9),
        }
    )
    event = st.dataframe(
        shown,
        key=f"forecasts.children.{node['node_id']}.{level_name}.{st.session_state.get(VISITS, 0)}",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        placeholder="",
        row_height=28,
        column_config={
            "label": st.column_config.TextColumn("Click a row to go down", width="large"),
            "total": st.column_config.NumberColumn(
                f"Units, next {node['horizon_days']} days", format="%,.0f"
            ),
            "share": st.column_config.ProgressColumn(
                "Share of what is above", format="%.0f %%", min_value=0, max_value=100
            ),
        },
    )
    selected = event["selection"]["rows"]
    if selected and selected[0] < len(group):
        _go(int(group["node_id"].iloc[selected[0]]))


def errors_by_level(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Put ours beside seasonal naive; frame as the query forecast_errors gives it.

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


def _errors(reader: Reader, run: dict[str, Any]) -> None:
    errors = errors_by_level(read_frame(reader.engine, "forecast_errors"), "wape")
    if errors.empty:
        st.info("The run held no days out, so its error is not known: the history is too short.")
        return
    better = int((errors["ours"] < errors["naive"]).sum())
    chart = error_by_level(
        errors,
        roles(),
        title=f"Better than seasonal naive at {better} of {len(errors)} levels",
        unit=f"WAPE: all misses of {run['horizon_days']} days held out, added up, as a share of what was sold",
    )
    st.altair_chart(chart, width="stretch", key="forecasts.errors")

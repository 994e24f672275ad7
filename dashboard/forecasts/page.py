"""Forecasts: walk down the hierarchy; the fan, what it is made of, what moved it, what the backtest said."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from catalog.forecasts import find_nodes, published_run
from catalog.frames import read_frame
from catalog.nodes import read_parts, read_paths
from dashboard.charts import draw_chart
from dashboard.fan import WEEK, days_ahead, grain_of, sales_and_forecast
from dashboard.filters import choose
from dashboard.forecasts.filtered import followed
from dashboard.forecasts.inside import INSIDE, departments, part_of, read_leaves
from dashboard.forecasts.node_picture import read_actuals
from dashboard.forecasts.panels import (
    backtest_panel,
    chips,
    components_panel,
    moves_panel,
    taken_over,
)
from dashboard.forecasts.unusual import unusual_panel
from dashboard.forecasts.weeks import Weeks, in_weeks, seasonal_naive
from dashboard.freshness import data_state, foot_line
from dashboard.friendly_errors import isolated
from dashboard.links import page_link
from dashboard.overridden import before_overrides, in_words, move_paths, read_forecast
from dashboard.panels import AsSql, rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.sums import mixed_note, node_unit
from dashboard.theme import change, distinct, plain, plural, quantity, roles, when
from dashboard.widgets import OPENS, clicked, table
from stocktide.domain.rhythm import Rhythm, rhythm_of
from stocktide.foundation.users import User

CHILDREN_MAX = 200
# ?paths=20 draws the sample paths in place of the bands.
PATHS = "20"
# ?grain=week adds the days up; a year of weeks is as many points as two months of days.
GRAINS = ("day", "week")
# Keys of an item that its children are narrowed by in SQL.
NARROWED = ("location", "department", "category")
DAYS_OF_WEEKS = 371
NO_PATHS = pd.DataFrame(columns=["path", "ds", "units"])


def render(reader: Reader, user: User) -> None:
    """Draw the page."""
    run = published_run(reader.engine)
    if run is None:
        st.info(
            "No forecast is published yet. Run `stocktide forecast`, or press “Retrain now” on the System page."
        )
        return
    node = followed(reader, choose(reader))
    if node is None:
        node = _node(reader, st.query_params.get("node"))
    else:
        st.query_params["node"] = str(node["node_id"])
        st.query_params.pop(INSIDE, None)
    if late := not_final_note(run):
        st.warning(late)
    found = find_nodes(reader.engine, parent_id=node["node_id"], limit=CHILDREN_MAX)
    # the chart has the overrides in it, so the sums beside it have them, too
    node, *children = [{**one, "total": one["adjusted_total"]} for one in (node, *found)]
    errors = read_frame(reader.engine, "forecast_errors")
    with isolated("days of unusual demand"):
        unusual_panel(reader, user, run["unusual_days"])
    leaves = read_leaves(reader, node, children)
    part = part_of(node, leaves)
    _breadcrumb(reader, node, part)
    with isolated("the chart"):
        _chart(reader, run, part or node)
    with isolated("the items below"):
        _below(reader, children, leaves, node, part)
    if part is not None:
        st.caption(
            "The sum of its products; components and tests are known of the items it is made of."
        )
        return
    with isolated("the notes"):
        _notes(run, node, chips(run, node, children, errors))
    parts = read_parts(reader.engine, node["node_id"])
    with isolated("components"):
        components_panel(parts, run)
    with isolated("changes since the last run"):
        moves_panel(parts)
    with isolated("backtest results"):
        backtest_panel(reader, run, node, errors)
    page_link("accuracy", "How accurate is it, by level?", icon=":material/target:")


def not_final_note(run: dict[str, Any]) -> str:
    """Describe the days that the forecast was made of and that were not final then; "" where all were."""
    if not run["not_final"]:
        return ""
    return (
        f"Made before its last days were final: {plain(run['not_final'])}. It may be too low; the next run reads what "
        "came since."
    )


def _node(reader: Reader, wanted: str | None) -> dict[str, Any]:
    """Return the node that the address names, or the largest root."""
    if wanted and wanted.isdecimal() and int(wanted) < 2**31:
        found = find_nodes(reader.engine, node_id=int(wanted))
        if found:
            return found[0]
        st.caption("The item in the address is not in the published forecast; this is the total.")
    return find_nodes(reader.engine, roots=True, limit=1)[0]


def _breadcrumb(reader: Reader, node: dict[str, Any], part: dict[str, Any] | None) -> None:
    path = [node]
    while path[0]["parent_id"] is not None:
        path.insert(0, find_nodes(reader.engine, node_id=path[0]["parent_id"])[0])
    with st.container(horizontal=True, gap="small"):
        for step in path if part else path[:-1]:
            if st.button(
                plain(_named(step)), key=f"forecasts.up.{step['node_id']}", type="tertiary"
            ):
                _go(step["node_id"])
        st.markdown(f"**{plain(part['part'] if part else _named(path[-1]))}**")


def _named(node: dict[str, Any]) -> str:
    return "All" if node["level_name"] == "total" else str(node["label"])


# How often a node was opened: tables of an earlier visit, and the rows clicked in them, are not taken for today's.
VISITS = "forecasts.visits"


def _go(node_id: int, *, inside: str | None = None) -> None:
    st.session_state[VISITS] = st.session_state.get(VISITS, 0) + 1
    st.query_params["node"] = str(node_id)
    st.query_params.pop(INSIDE, None)
    if inside is not None:
        st.query_params[INSIDE] = inside
    st.rerun()


def _go_to(items: pd.DataFrame, row: int) -> None:
    _go(int(items["node_id"].iloc[row]))


def _chart(reader: Reader, run: dict[str, Any], node: dict[str, Any]) -> None:
    rhythm = rhythm_of(run["frequency"])
    with st.container(horizontal=True, vertical_alignment="center"):
        # only days can be added up to weeks
        as_weeks = rhythm.is_daily and _grain() != GRAINS[0]
        as_paths = _wants_paths()
    back = DAYS_OF_WEEKS if as_weeks else rhythm.history
    nodes = node.get("nodes") or [node["node_id"]]
    actual = read_actuals(reader.engine, nodes, run["cutoff"], rhythm, back)
    forecast = read_forecast(reader.engine, nodes, is_adjusted=node["is_adjusted"])
    published = before_overrides(forecast)
    is_moved = published is not None
    naive = seasonal_naive(actual, forecast, back=rhythm.naive_back)
    paths = NO_PATHS if as_weeks else None
    if (as_paths or as_weeks) and len(nodes) == 1:
        paths = read_paths(reader.engine, node["node_id"])
        paths = move_paths(paths, forecast) if is_moved else paths
    if as_paths and (paths is None or paths.empty):
        st.caption(
            "This run has no sample paths; bands are shown instead."
            if len(nodes) == 1
            else "Sample paths are kept of items, not of this sum."
        )
    moved_words = in_words(forecast) if is_moved else ""
    state, counted = data_state(reader, rhythm=rhythm), node_unit(node)
    grain, unit, open_from = grain_of(rhythm), rhythm.each(counted), state.open_from
    title = _said(node, actual, forecast, rhythm, state.today)
    if as_weeks and paths is not None:
        weeks = in_weeks(actual, forecast, naive, paths)
        st.caption(_said_of_weeks(weeks, paths))
        grain, unit, open_from = WEEK, f"{counted} a week", weeks.under_way
        actual, forecast, naive = weeks.actual, weeks.forecast, weeks.naive
        paths = weeks.paths if as_paths else None
    chart = sales_and_forecast(
        actual,
        forecast,
        roles(),
        title=title,
        unit=unit,
        where=f"level: {node['level_name']}",
        today=open_from,
        paths=paths,
        naive=naive,
        grain=grain,
        published=None if as_weeks else published,
        # what bands of weeks hold is not measured
        coverage={} if as_weeks else node["coverage"] or {},
    )
    draw_chart(chart, "forecasts.fan")
    if is_moved:
        st.markdown(plain(moved_words))
    _change_link(node, is_moved=is_moved)
    if note := mixed_note(node["units"]):
        st.caption(note)
    foot_line(state, f"{_named(node)}, sold to {run['cutoff']}")


def _change_link(node: dict[str, Any], *, is_moved: bool) -> None:
    """Link to the form that changes this item's forecast, and to who did."""
    # a department inside a shop is not the shop
    more = {"department": node["part"]} if "part" in node else {}
    label = "Who changed it, and why; change it" if is_moved else "Change this forecast"
    page_link("overrides", label, icon=":material/edit_note:", **{**(node["keys"] or {}), **more})


def _said(
    node: dict[str, Any],
    actual: pd.DataFrame,
    forecast: pd.DataFrame,
    rhythm: Rhythm,
    today: date,
) -> str:
    total = forecast["yhat"].sum()
    before = actual["y"].tail(len(forecast)).sum()
    previous = rhythm.counted(len(forecast))
    if len(actual) < len(forecast):
        moved = f"; not compared, fewer than {previous} are behind"
    else:
        moved = f", {change(total, before, '+.0%')} vs previous {previous}" if before else ""
    return (
        f"{_named(node)}: {quantity(total)} {node_unit(node)}, {days_ahead(forecast, today)}{moved}"
    )


def _said_of_weeks(weeks: Weeks, paths: pd.DataFrame) -> str:
    """Describe how weeks differ from days: what is left out, and what the bands are made of."""
    said = (
        "Weeks run from Monday to Sunday. The current week is hollow: its sales so far, which its forecast includes. "
        "Seasonal naive repeats the last week."
    )
    if weeks.days_left_out:
        said += f" Last {plural(weeks.days_left_out, 'day')} omitted (incomplete week)."
    if paths.empty:
        return f"{said} This run has no sample paths, so weekly bands are not known."
    return f"{said} Bands come from {paths['path'].nunique()} sample paths; a 95 % band needs more."


def _grain() -> str:
    """Ask for days or weeks; the address keeps the answer."""
    asked = st.query_params.get("grain")
    grain = st.segmented_control(
        "By",
        GRAINS,
        default=asked if asked in GRAINS else GRAINS[0],
        required=True,
        key="forecasts.grain",
        label_visibility="collapsed",
    )
    if grain == GRAINS[0] or grain is None:
        st.query_params.pop("grain", None)
        return GRAINS[0]
    st.query_params["grain"] = grain
    return grain


def _wants_paths() -> bool:
    """Ask whether to show sample paths in place of bands; the address keeps the answer."""
    wanted: bool = st.toggle(
        "20 sample paths instead of bands",
        value=st.query_params.get("paths") == PATHS,
        key="forecasts.paths",
    )
    if wanted:
        st.query_params["paths"] = PATHS
    else:
        st.query_params.pop("paths", None)
    return wanted


def _notes(run: dict[str, Any], node: dict[str, Any], said: list[str]) -> None:
    st.markdown(" ".join(f":gray-badge[{plain(one)}]" for one in said))
    notes = [
        f"forecast by {run['method']}",
        f"data version {run['lake_version']}",
        f"published {when(run['published_at'])}",
    ]
    if node["warning"]:
        notes.append(f"note: {node['warning'].replace('_', ' ')}")
    notes += [plain(one) for one in taken_over(node)]
    st.caption(" · ".join(notes))


def _below(
    reader: Reader,
    children: list[dict[str, Any]],
    leaves: pd.DataFrame,
    node: dict[str, Any],
    part: dict[str, Any] | None,
) -> None:
    """List the items one step down; those that the hierarchy has not, by department and then by product."""
    if part is not None:
        products = leaves[leaves["department"] == part["part"]].reset_index(drop=True)
        products = products.assign(
            label=distinct(products["name"].tolist(), products["sku"].tolist())
        )
        _child_table(reader, "product", products, part, partial(_go_to, products))
    elif not leaves.empty:
        groups = departments(leaves)
        inside = groups["label"].tolist()
        _child_table(
            reader, "department", groups, node, lambda row: _go(node["node_id"], inside=inside[row])
        )
    elif not children:
        st.caption("This is the lowest level.")
    else:
        for level_name, group in _children(pd.DataFrame(children)):
            _child_table(reader, level_name, group, node, partial(_go_to, group))


def _children(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Name the items of each level, from the top down: by size the tables would change places from run to run."""
    for (_, level_name), group in frame.groupby(["level", "level_name"]):
        codes = [" · ".join(keys.values()) for keys in group["keys"]]
        yield str(level_name), group.assign(label=distinct(group["label"].tolist(), codes))


def _child_table(
    reader: Reader,
    level_name: str,
    group: pd.DataFrame,
    node: dict[str, Any],
    go: Callable[[int], None],
) -> None:
    """Draw items with their shares; a click goes to one. group: label, total."""
    st.markdown(f"**By {level_name}**")
    state = data_state(reader, rhythm=rhythm_of(node["frequency"]))
    shown = group[["label", "total"]].assign(share=100 * group["total"] / max(node["total"], 1e-9))
    event = table(
        shown,
        f"forecasts.children.{node['node_id']}.{level_name}.{st.session_state.get(VISITS, 0)}",
        {
            "label": st.column_config.TextColumn("Click a row to drill down", width="medium"),
            "total": st.column_config.NumberColumn(
                f"Units, {rhythm_of(node['frequency']).counted(node['horizon'])} from "
                f"{node['cutoff'] + timedelta(days=1)}",
                format="%,.0f",
            ),
            "share": st.column_config.ProgressColumn(
                "Share of parent", format="%.0f %%", min_value=0, max_value=100
            ),
        },
        **OPENS,
    )
    row = clicked(event, len(group))
    if row is not None:
        go(row)
    rows_foot(
        state,
        rows_words(len(group), len(group), "item"),
        key=f"forecasts.children.{level_name}.csv",
        file=f"forecast-by-{level_name}",
        read=shown.copy,
        sql=AsSql(
            reader,
            f"Forecast by {level_name}",
            "forecast_items",
            {
                "level": level_name,
                **{name: (node.get("keys") or {}).get(name) for name in NARROWED},
            },
        ),
    )

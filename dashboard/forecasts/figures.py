"""Charts of a forecast's inside: what it is made of, and what moved it."""

from typing import Any

import altair as alt
import pandas as pd

from catalog.nodes import Moves
from dashboard.crosshair import crosshair
from dashboard.fan import grain_of, with_days
from dashboard.figures import FRAME_HEIGHT, NAME_AXIS, ROW_HEIGHT
from dashboard.theme import Roles, chart_frame, quantity
from stocktide.domain.rhythm import DAILY, Rhythm, rhythm_of

TILE_HEIGHT = 130
# A change that is shown as +0.0 is not a step.
STEP_MIN = 0.05
TREND = "trend"
# A weekly shape repeats: a year of it is a grey block.
WEEKLY_DAYS_BACK = 28
WEEKLY = "weekly"


def component_tiles(
    parts: pd.DataFrame,
    cutoff: pd.Timestamp,
    role: Roles,
    rhythm: Rhythm = DAILY,
    *,
    pointer: bool = True,
) -> list[Any]:
    """Draw each component in a tile of its own, the trend first, the others by size and on one scale.

    parts: columns component, ds, units (added units a period). cutoff: last day that the models saw.
    pointer: False where nobody can point at them.
    """
    effects = parts[parts["component"] != TREND]
    size = effects.groupby("component")["units"].agg(lambda units: float(units.abs().max()))
    order = size.sort_values(ascending=False).index.tolist()
    low = min(0.0, float(effects["units"].min())) if not effects.empty else 0.0
    high = max(0.0, float(effects["units"].max())) if not effects.empty else 0.0
    scale = alt.Scale(domain=[low, high], nice=True) if low < high else alt.Scale()
    tiles = []
    for name in [*([TREND] if (parts["component"] == TREND).any() else []), *order]:
        mine = parts[parts["component"] == name]
        if name.startswith(WEEKLY):
            mine = mine[mine["ds"] > cutoff - pd.Timedelta(days=WEEKLY_DAYS_BACK)]
        own_scale = alt.Scale(zero=False) if name == TREND else scale
        tiles.append(_tile(name, mine, cutoff, role, own_scale, rhythm, pointer))
    return tiles


def _tile(
    name: str,
    part: pd.DataFrame,
    cutoff: pd.Timestamp,
    role: Roles,
    scale: alt.Scale,
    rhythm: Rhythm,
    pointer: bool,
) -> Any:
    is_trend, grain = name == TREND, grain_of(rhythm).over(part["ds"])
    title = rhythm.each() if is_trend else f"added {rhythm.each()}"
    x = alt.X("ds:T", axis=grain.axis())
    line = (
        alt.Chart(with_days(part, "ds", grain))
        .mark_line(color=role.forecast, strokeWidth=1.5)
        .encode(
            x=x,
            y=alt.Y("units:Q", title=title, scale=scale, axis=alt.Axis(tickCount=4)),
        )
    )
    layers: list[Any] = [line]
    if not is_trend:
        zero = alt.Chart(pd.DataFrame({"zero": [0.0]}))
        layers.insert(0, zero.mark_rule(color=role.actual, strokeWidth=1).encode(y=alt.Y("zero:Q")))
    if (part["ds"] <= cutoff).any():
        edge = with_days(pd.DataFrame({"ds": [cutoff]}), "ds", grain)
        edge["ds"] += pd.Timedelta(hours=grain.hours_before)
        layers.append(
            alt.Chart(edge).mark_rule(color=role.baseline, strokeWidth=1).encode(x=alt.X("ds:T"))
        )
    if pointer:
        by_day = with_days(part, "ds", grain).set_index("ds")["units"]
        read = {title: by_day.map("{:,.1f}".format if is_trend else "{:+,.1f}".format)}
        layers += crosshair(read, role, one=grain.one, hover=grain.hover, axis=grain.axis())
    said = "underlying trend" if is_trend else "below the line: fewer units than the trend"
    return chart_frame(
        alt.layer(*layers).properties(height=FRAME_HEIGHT + TILE_HEIGHT),
        role,
        title=name,
        subtitle=said,
    )


def waterfall(moves: Moves, role: Roles) -> Any:
    """Draw from the last version's total to this one's, a step a cause, the largest first."""
    was, now = (f"version {version or '?'}" for version in moves.versions)
    rhythm = rhythm_of(moves.frequency)
    periods = rhythm.counted(moves.periods)
    steps = _steps(moves, was, now)
    order = steps["what"].tolist()
    y = alt.Y("what:N", sort=order, title=None, axis=NAME_AXIS)
    scale = alt.Scale(zero=False, nice=True, padding=24)
    x = alt.X("start:Q", title=f"units over {periods}", scale=scale, axis=alt.Axis(tickCount=6))
    base = alt.Chart(steps)
    tooltip = [
        alt.Tooltip("what:N", title="cause"),
        alt.Tooltip("label:N", title="units"),
        alt.Tooltip("before:Q", title=was, format=",.0f"),
        alt.Tooltip("now:Q", title=now, format=",.0f"),
    ]
    sign = alt.condition("datum.change < 0", alt.value(role.stock_out), alt.value(role.forecast))
    bars = (
        base.transform_filter("datum.kind == 'step'")
        .mark_bar(size=14)
        .encode(y=y, x=x, x2=alt.X2("end:Q"), color=sign, tooltip=tooltip)
    )
    totals = (
        base.transform_filter("datum.kind == 'total'")
        .mark_tick(color=role.actual, thickness=3, size=20)
        .encode(y=y, x=x, tooltip=tooltip[:2])
    )
    labels = base.mark_text(align="left", dx=6, color=role.actual).encode(
        y=y, x=alt.X("right:Q", scale=scale), text=alt.Text("label:N")
    )
    chart = alt.layer(bars, totals, labels).properties(
        height=FRAME_HEIGHT + ROW_HEIGHT * len(steps)
    )
    change = moves.now - moves.before
    share = f" ({change / moves.before:+.1%})" if moves.before else ""
    return chart_frame(
        chart,
        role,
        title=f"{quantity(abs(change))} units {'more' if change >= 0 else 'fewer'}{share} than {was}",
        subtitle=(
            f"{periods} from {_since(moves, rhythm)}, forecast by both. Blue adds, orange subtracts. "
            "Unchanged parts are omitted; the axis does not start at 0."
        ),
    )


def _since(moves: Moves, rhythm: Rhythm) -> str:
    if rhythm.is_daily:
        return f"{moves.first_day:%a %d %b}"
    named = rhythm.named(moves.first_day)
    return named if rhythm.frequency == "M" else f"the {named}"


def _steps(moves: Moves, was: str, now: str) -> pd.DataFrame:
    at = moves.before
    rows: list[dict[str, Any]] = [
        {"what": was, "kind": "total", "start": at, "end": at, "label": f"{at:,.0f}"}
    ]
    moved = moves.causes[moves.causes["change"].abs() >= STEP_MIN]
    for cause in moved.to_dict("records"):
        end = at + cause["change"]
        rows.append(
            {
                "what": cause["cause"],
                "kind": "step",
                "start": at,
                "end": end,
                "label": f"{cause['change']:+,.1f}",
                **{name: cause[name] for name in ("change", "before", "now")},
            }
        )
        at = end
    rows.append(
        {
            "what": now,
            "kind": "total",
            "start": moves.now,
            "end": moves.now,
            "label": f"{moves.now:,.0f}",
        }
    )
    steps = pd.DataFrame(rows).reindex(
        columns=["what", "kind", "start", "end", "label", "change", "before", "now"]
    )
    return steps.assign(right=steps[["start", "end"]].max(axis=1))

"""Figures of the policy lab: the frontier of stock against service, and what the policies did."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from dashboard.theme import CHART_HEIGHT, Roles, chart_frame

NAMES = {"stocktide": "Stocktide", "(s, S)": "(s, S), 28-day mean", "naive": "Seasonal naive"}
# Below this share nobody runs a shop, and a chart down to it hides what matters.
FILL_MIN = 0.85


def policy_frame(policies: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a row a policy; `policy` is its name, `setting` what it was set to."""
    frame = pd.DataFrame(policies)
    return frame.assign(
        policy=frame["name"].map(NAMES).fillna(frame["name"]), setting=frame["knob"]
    )


def frontier_chart(policies: Sequence[Mapping[str, Any]], roles: Roles, *, under: str) -> Any:
    """Draw average stock by fill rate, a line a policy; bars reach over the seeds."""
    frame = policy_frame(policies)
    seen = frame[frame["fill_rate"] >= FILL_MIN]
    frame = seen if len(seen) else frame
    kinds = [name for name in NAMES.values() if name in set(frame["policy"])]
    colours = {
        NAMES["stocktide"]: roles.forecast,
        NAMES["(s, S)"]: roles.stock_out,
        NAMES["naive"]: roles.baseline,
    }
    base = alt.Chart(frame).encode(
        x=alt.X(
            "fill_rate:Q",
            title="Fill rate",
            scale=alt.Scale(zero=False),
            axis=alt.Axis(format=".1%"),
        ),
        color=alt.Color(
            "policy:N",
            scale=alt.Scale(domain=kinds, range=[colours[kind] for kind in kinds]),
            legend=alt.Legend(title=None, orient="top", columns=2),
        ),
        tooltip=[
            alt.Tooltip("policy:N", title="Policy"),
            alt.Tooltip("setting:Q", title="Set to"),
            alt.Tooltip("fill_rate:Q", title="Fill rate", format=".1%"),
            alt.Tooltip("mean_stock:Q", title="Average stock, units", format=",.0f"),
        ],
    )
    stock = alt.Y("mean_stock:Q", title="Average stock, units", scale=alt.Scale(zero=False))
    line = base.mark_line(point=True, strokeWidth=2).encode(y=stock)
    seeds = base.mark_rule().encode(
        y=alt.Y("mean_stock_low:Q", title="Average stock, units"), y2="mean_stock_high:Q"
    )
    title = "Stock against service"
    return chart_frame(
        (line + seeds).properties(height=CHART_HEIGHT), roles, title=title, subtitle=under
    )

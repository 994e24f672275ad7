"""Policy lab: the chain's own history through order policies, side by side."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from catalog.replay_report import replay_html
from catalog.replay_words import assumed, headline
from catalog.replays import list_replays, read_replay
from dashboard.api_client import queue_job
from dashboard.charts import draw_chart
from dashboard.policylab.figures import frontier_chart, policy_frame
from dashboard.reader import Reader
from dashboard.theme import plain, roles, when
from dashboard.widgets import table
from stocktide.foundation.users import User

NONE_YET = (
    "No replay has been made yet. Run one below, or `stocktide replay --weeks 26`: it plays the history of your own "
    "shops through order policies, with forecasts that were made from the past alone."
)
SHARES = ("fill_rate", "cycle_service")


def render(reader: Reader, user: User) -> None:
    """Draw the page."""
    with reader.engine.connect() as connection:
        listed = list_replays(connection)
        chosen = _choose(listed)
        result = None if chosen is None else read_replay(connection, chosen["replay_id"])
    if result is None or chosen is None:
        st.info(NONE_YET)
        _run(reader, user)
        return
    st.markdown(plain(headline(result)))
    st.caption(
        f"Replay {chosen['replay_id']} · {when(chosen['made_at'])} · {plain(chosen['made_by'])}"
    )
    draw_chart(
        frontier_chart(
            result["policies"], roles(), under="Average stock on hand for each fill rate reached"
        ),
        "policylab.frontier",
    )
    _measures(result)
    _worst(result)
    st.header("What was assumed")
    st.markdown("\n".join(f"- {plain(line)}" for line in assumed(result)))
    _report(result, chosen["made_at"], chosen["replay_id"])
    _run(reader, user)


def _choose(listed: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the replay to show: the newest, or the one that was chosen."""
    if len(listed) < 2:
        return listed[0] if listed else None
    found: dict[str, Any] = st.selectbox(
        "Replay",
        listed,
        format_func=lambda one: f"{one['replay_id']} · {when(one['made_at'])}",
        key="policylab.replay",
    )
    return found


def _measures(result: Mapping[str, Any]) -> None:
    st.header("Measures by policy")
    frame = policy_frame(result["policies"])
    shown = frame.assign(**{name: 100 * frame[name] for name in SHARES})
    number = st.column_config.NumberColumn
    columns = {
        "policy": st.column_config.TextColumn("Policy", pinned=True),
        "setting": number(
            "Set to", format="%.3g", help="Target fill rate, safety factor, or quantile of errors."
        ),
        "fill_rate": number("Fill rate", format="%.1f %%"),
        "cycle_service": number("Cycle service", format="%.1f %%"),
        "mean_stock": number("Average stock", format="localized"),
        "mean_position": number("Average position", format="localized"),
        "missed": number("Units missed", format="localized"),
        "short": number("Stock-out periods", format="localized"),
        "wasted": number("Units wasted", format="localized"),
        "orders": number("Order lines", format="localized"),
        "deliveries": number("Deliveries", format="localized"),
        "cost": number("Cost", format="localized", help="Holding, shortage, waste and ordering."),
    }
    names = [name for name in columns if name not in ("policy", "setting", *SHARES)]
    table(shown.assign(**shown[names].round())[list(columns)], "policylab.measures", columns)


def _worst(result: Mapping[str, Any]) -> None:
    st.header("Products that missed most")
    if not result["worst"]:
        st.caption("Nothing was missed at the highest target.")
        return
    frame = pd.DataFrame(result["worst"])
    rounded = {name: frame[name].round(1) for name in ("demand", "missed", "mean_stock")}
    frame = frame.assign(fill_rate=100 * frame["fill_rate"], **rounded)
    keys = [key for key in ("product", "location") if key in frame]
    number = st.column_config.NumberColumn
    columns = {
        **{key: st.column_config.TextColumn(key.title()) for key in keys},
        "demand": number("Demand", format="localized"),
        "missed": number("Units missed", format="localized"),
        "fill_rate": number("Fill rate", format="%.1f %%"),
        "mean_stock": number("Average stock", format="localized"),
    }
    st.caption(f"Stocktide at {max(result['options']['targets']):.0%}.")
    table(frame[list(columns)], "policylab.worst", columns)


def _report(result: Mapping[str, Any], made: datetime, number: int) -> None:
    st.download_button(
        "Download the report",
        replay_html(result, made=made.date()),
        file_name=f"replay-{number}.html",
        mime="text/html",
        key="policylab.report",
        icon=":material/print:",
        help="Proof on your own history: one file, to read in a browser or to print.",
    )


def _run(reader: Reader, user: User) -> None:
    if not user.plans:
        st.caption("Planners and operators can run a replay.")
        return
    if st.button("Run a replay", key="policylab.run", icon=":material/replay:"):
        st.info(queue_job("replay", reader.settings.api_address, reader.settings.dashboard_key))

"""The item of the forecast that the filters name: a change of them goes to it, and a click goes on from there."""

from typing import Any

import streamlit as st

from catalog.forecasts import find_nodes
from dashboard.filters import Filters
from dashboard.reader import Reader
from dashboard.theme import plain

# In the session: the filters that were followed last.
FOLLOWED = "forecasts.followed"


def wanted_keys(filters: Filters) -> list[dict[str, str]]:
    """Return the keys of the items that the filters may name, the most exact ones first; none where all is shown."""
    place = {"location": filters.location} if filters.location else {}
    group = {
        name: value
        for name, value in (("department", filters.department), ("category", filters.category))
        if value
    }
    groups = [group, *([{"category": group["category"]}] if len(group) == 2 else [])]
    exact = [{**place, **one} for one in groups]
    return [one for one in exact if one]


def followed(reader: Reader, filters: Filters) -> dict[str, Any] | None:
    """Return the item to go to, where the filters have changed and the forecast has one; says where it has none."""
    before = st.session_state.get(FOLLOWED)
    now = {name: value for name, value in filters.asked.items() if value}
    st.session_state[FOLLOWED] = now
    # an address with an item of its own is not left for filters that were chosen on another page
    if now == before or (before is None and "node" in st.query_params):
        return None
    if not now:
        return None if before is None else find_nodes(reader.engine, roots=True, limit=1)[0]
    found = _first(reader, wanted_keys(filters))
    if found is None:
        st.caption(
            f"The forecast has no item for {plain(filters.words)}; its levels are other ones. Go there step by step "
            "below."
        )
    return found


def _first(reader: Reader, keys: list[dict[str, str]]) -> dict[str, Any] | None:
    for one in keys:
        found = find_nodes(reader.engine, keys=one, limit=1)
        if found:
            return found[0]
    return None

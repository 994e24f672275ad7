"""Which terms are shown: a group first, then a kind of it; the address names the kind."""

from collections.abc import Mapping
from typing import NamedTuple

import streamlit as st

from dashboard.terms.words import KINDS

MISSING, LEAD_TIMES = "missing", "lead-times"


class Group(NamedTuple):
    """Kinds that answer one question of a buyer, under a title."""

    title: str
    kinds: tuple[str, ...]


GROUPS: Mapping[str, Group] = {
    "missing": Group("What is missing", (MISSING,)),
    "suppliers": Group(
        "Suppliers",
        ("suppliers", "supplier-products", "price-breaks", "supplier-days", LEAD_TIMES),
    ),
    "targets": Group("Targets and costs", ("service-targets", "stock-costs")),
    "limits": Group(
        "Limits and rules", ("shelf-limits", "receiving-limits", "buyer-budgets", "approval-rules")
    ),
}
TITLES = {name: kind.title for name, kind in KINDS.items()} | {LEAD_TIMES: "Lead times"}


def choose_kind() -> str:
    """Offer the groups, and the kinds of the chosen one; the worklist unless the address names a kind."""
    asked = st.query_params.get("kind", MISSING)
    of_asked = next((name for name, group in GROUPS.items() if asked in group.kinds), MISSING)
    chosen = _one_of(
        "Terms of buying", {name: group.title for name, group in GROUPS.items()}, of_asked, "group"
    )
    kinds = GROUPS[chosen].kinds
    kind = kinds[0]
    if len(kinds) > 1:
        first = asked if asked in kinds else kind
        kind = _one_of(GROUPS[chosen].title, {name: TITLES[name] for name in kinds}, first, chosen)
    if kind == MISSING:
        st.query_params.pop("kind", None)
    else:
        st.query_params["kind"] = kind
    return kind


def _one_of(label: str, options: Mapping[str, str], first: str, key: str) -> str:
    chosen = st.segmented_control(
        label,
        list(options),
        format_func=lambda option: options[option],
        key=f"terms.{key}",
        default=first,
        required=True,
    )
    return first if chosen is None else chosen

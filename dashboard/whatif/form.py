"""The form of a comparison: which lines, and what up to three scenarios assume."""

from typing import Any

import streamlit as st

from dashboard.calendar.fields import SCOPES, ask_place, ask_scope
from dashboard.reader import Reader

SCENARIOS_MAX = 3
# Fields of a scenario: label, smallest and largest value.
PERCENT = {
    "demand_percent": ("Demand, % more", -100.0, 900.0),
    "price_percent": ("Price, % more", -99.0, 900.0),
}
SHARES = {"fill_rate": "Fill rate aimed at, %", "discount": "Promotion, % off"}
FIRST = {"demand_percent": 20.0}
SUPPLIER = "supplier"


def ask_comparison(reader: Reader) -> tuple[dict[str, Any], str]:
    """Ask for a comparison; return its body as the API takes it, and what it still lacks."""
    scope, lacking = _ask_lines(reader)
    many = int(
        st.number_input(
            "Scenarios", min_value=1, max_value=SCENARIOS_MAX, value=1, key="whatif.many", width=160
        )
    )
    scenarios = []
    for number, column in enumerate(st.columns(SCENARIOS_MAX)[:many], 1):
        with column:
            scenarios.append(_ask_scenario(number))
    empty = [one["name"] for one in scenarios if len(one) == 1]
    return {"scope": scope, "scenarios": scenarios}, lacking or (
        f"what {empty[0]} assumes" if empty else ""
    )


def _ask_lines(reader: Reader) -> tuple[dict[str, str], str]:
    first, second, third = st.columns(3)
    with first:
        limits = ask_scope("whatif", None)
    with second:
        place = ask_place(reader, "whatif", None)
    with third:
        supplier = st.text_input(
            "Supplier",
            key="whatif.supplier",
            max_chars=100,
            help="Only lines that are bought there now.",
        ).strip()
    scope = {name: told for name, told in {**limits, **place}.items() if told}
    scope.pop("country", None)
    if supplier:
        scope[SUPPLIER] = supplier
    empty = next((SCOPES[name] for name, told in limits.items() if not told), "")
    return scope, "" if scope else empty or "a product, a category, a shop or a supplier"


def _ask_scenario(number: int) -> dict[str, Any]:
    """Ask for one scenario; what is left empty stays as it is."""
    key = f"whatif.{number}"
    told: dict[str, Any] = {
        "name": st.text_input(
            "Name", f"Scenario {number}", max_chars=100, key=f"{key}.name"
        ).strip()
        or f"Scenario {number}"
    }
    for name, (label, least, most) in PERCENT.items():
        start = FIRST.get(name) if number == 1 else None
        told[name] = st.number_input(
            label, least, most, start, key=f"{key}.{name}", placeholder="as it is"
        )
    for name, label in SHARES.items():
        share = st.number_input(
            label, 0.1, 99.9, None, step=0.5, key=f"{key}.{name}", placeholder="as it is"
        )
        told[name] = None if share is None else round(share / 100, 4)
    told["lead_days"] = st.number_input(
        "Lead time, days", 0, 365, None, key=f"{key}.lead_days", placeholder="as it is"
    )
    told[SUPPLIER] = (
        st.text_input(
            "Buy from", key=f"{key}.supplier", max_chars=100, placeholder="as it is"
        ).strip()
        or None
    )
    return {name: value for name, value in told.items() if value is not None}

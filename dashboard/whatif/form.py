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
SHARES = {"discount": "Promotion, % off", "fill_rate": "Fill rate aimed at, %"}
AS_IT_IS = "as it is"
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
    for number in range(1, many + 1):
        with st.container(border=True):
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
    key, name = f"whatif.{number}", f"Scenario {number}"
    upper, lower = st.columns(4), st.columns(4)
    with upper[0]:
        told: dict[str, Any] = {
            "name": st.text_input("Name", name, max_chars=100, key=f"{key}.name").strip() or name
        }
    for column, (field, (label, least, most)) in zip(upper[1:3], PERCENT.items(), strict=True):
        start = FIRST.get(field) if number == 1 else None
        told[field] = column.number_input(
            label, least, most, start, key=f"{key}.{field}", placeholder=AS_IT_IS
        )
    for column, (field, label) in zip((upper[3], lower[0]), SHARES.items(), strict=True):
        share = column.number_input(
            label, 0.1, 99.9, None, step=0.5, key=f"{key}.{field}", placeholder=AS_IT_IS
        )
        told[field] = None if share is None else round(share / 100, 4)
    told["lead_days"] = lower[1].number_input(
        "Lead time, days", 0, 365, None, key=f"{key}.lead_days", placeholder=AS_IT_IS
    )
    bought = lower[2].text_input(
        "Buy from", key=f"{key}.supplier", max_chars=100, placeholder=AS_IT_IS
    )
    told[SUPPLIER] = bought.strip() or None
    return {field: value for field, value in told.items() if value is not None}

"""The fields of a plan on the page: what, when, for what, where, and on what terms."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from catalog.frames import read_frame
from dashboard.calendar.words import EVERYWHERE, body_of, cell_text
from dashboard.freshness import data_state
from dashboard.reader import Reader

SCOPES = {
    "product": "Product (SKU)",
    "category": "Category",
    "department": "Department",
    "": "Everything",
}
NAMES = {"promotions": "leaflet", "events": "", "closures": "closed"}
NAME_LABELS = {"promotions": "Kind", "events": "Name", "closures": "State"}
STATES = ("closed", "open")
WEEK = timedelta(days=7)


def ask_plan(
    reader: Reader, kind: str, key: str, plan: Mapping[str, Any] | None
) -> tuple[dict[str, Any], str]:
    """Ask for the fields of a plan; return the body that records it, and what it still lacks.

    key: distinguishes the forms of a page.
    """
    key = f"calendar.{kind}.{key}"
    first, second, third = st.columns(3)
    with first:
        name = _ask_name(kind, key, plan)
        days = _ask_days(kind, key, plan, data_state(reader).today)
    with second:
        limits = {} if kind == "closures" else ask_scope(key, plan)
        limits |= ask_place(reader, key, plan)
    around, discount = (0, 0), 0.0
    with third:
        if kind == "promotions":
            discount = _ask_discount(key, plan)
        elif kind == "events":
            around = _ask_around(key, plan)
    now = {"plan": None, "price": None} if plan is None else plan
    body = body_of(
        kind,
        name,
        days,
        limits,
        around=around,
        discount=discount,
        price=None if now["price"] is None or pd.isna(now["price"]) else float(now["price"]),
        plan=cell_text(now["plan"]),
    )
    return body, missing(kind, name, limits)


def missing(kind: str, name: str, limits: Mapping[str, str]) -> str:
    """Return the label of a required field that is empty: the name, or the product if limited to one; else ""."""
    if not name:
        return NAME_LABELS[kind]
    return next((SCOPES[key] for key, value in limits.items() if not value and key in SCOPES), "")


def _ask_name(kind: str, key: str, plan: Mapping[str, Any] | None) -> str:
    now = NAMES[kind] if plan is None else str(plan["label"])
    if kind == "closures":
        chosen = st.selectbox(
            NAME_LABELS[kind],
            STATES,
            index=STATES.index(now),
            key=f"{key}.name",
            help="Open: overrides another plan that says closed.",
        )
        return str(chosen)
    return st.text_input(NAME_LABELS[kind], value=now, key=f"{key}.name", max_chars=100).strip()


def _ask_days(
    kind: str, key: str, plan: Mapping[str, Any] | None, today: date
) -> tuple[date, date]:
    start: Any = (
        today + WEEK if plan is None else plan["day"] if kind == "events" else plan["starts_on"]
    )
    first: Any = st.date_input(
        "Day" if kind == "events" else "First day",
        value=start,
        key=f"{key}.from",
        format="YYYY-MM-DD",
    )
    if kind == "events":
        return first, first
    end: Any = start + WEEK - timedelta(days=1) if plan is None else plan["ends_on"]
    last: Any = st.date_input("Last day", value=end, key=f"{key}.to", format="YYYY-MM-DD")
    return first, last


def ask_scope(key: str, plan: Mapping[str, Any] | None) -> dict[str, str]:
    """Ask for which products; a product by its SKU. Returns the limit, with an empty value where it is missing."""
    now = {} if plan is None else {name: cell_text(plan[name]) for name in SCOPES if name}
    given = next(
        (name for name, value in now.items() if value), "" if plan is not None else "product"
    )
    scope = st.selectbox(
        "For",
        list(SCOPES),
        index=list(SCOPES).index(given),
        format_func=lambda name: SCOPES[name],
        key=f"{key}.scope",
    )
    if not scope:
        return {}
    value = st.text_input(SCOPES[scope], value=now.get(scope) or "", key=f"{key}.{scope}")
    return {scope: value.strip()}


def ask_place(reader: Reader, key: str, plan: Mapping[str, Any] | None) -> dict[str, str]:
    """Ask where; returns the limit, empty for everywhere."""
    places = place_choices(read_frame(reader.engine, "places"))
    limits = ("location", "region", "country")
    now = None if plan is None else next(((n, plan[n]) for n in limits if cell_text(plan[n])), None)
    chosen = st.selectbox(
        "Where",
        list(places),
        index=next((i for i, limit in enumerate(places.values()) if limit == now), 0),
        key=f"{key}.where",
    )
    limit = places[str(chosen)]
    return {} if limit is None else dict([limit])


def place_choices(places: pd.DataFrame) -> dict[str, tuple[str, str] | None]:
    """Return what a plan can be limited to, by its label: everywhere, a country, a region, a location.

    places: as the query of that name returns it.
    """
    choices: dict[str, tuple[str, str] | None] = {EVERYWHERE.capitalize(): None}
    for key, label in (("country", "Country"), ("region", "Region")):
        for value in sorted(places[key].dropna().unique()):
            choices[f"{label} {value}"] = (key, str(value))
    for place in places.itertuples():
        name = f"{place.name} ({place.code})" if cell_text(place.name) else str(place.code)
        choices[name] = ("location", str(place.code))
    return choices


def _ask_discount(key: str, plan: Mapping[str, Any] | None) -> float:
    now = None if plan is None else plan["discount"]
    value = 20.0 if plan is None else 0.0 if now is None or pd.isna(now) else round(100 * now, 2)
    return float(
        st.number_input(
            "Percent off",
            min_value=0.0,
            max_value=95.0,
            value=value,
            step=5.0,
            key=f"{key}.discount",
            help="0: on display at its usual price. A fixed price is entered over the API or from a file.",
        )
    )


def _ask_around(key: str, plan: Mapping[str, Any] | None) -> tuple[int, int]:
    now = (0, 0) if plan is None else (int(plan["days_before"]), int(plan["days_after"]))
    labels = ("Days before with an effect", "Days after with an effect")
    before, after = (
        st.number_input(label, min_value=0, max_value=60, value=value, key=f"{key}.{label}")
        for label, value in zip(labels, now, strict=True)
    )
    return int(before), int(after)

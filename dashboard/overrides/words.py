"""Overrides in the words of the page: what they change, for what, and what came of it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dashboard.calendar.words import for_what, where
from stocktide.domain.exact_numbers import in_full

CHANGES = {
    "percent": "Change by per cent",
    "add": "Add or take away units",
    "set": "Set the units",
}
REASONS = {
    "promotion": "Promotion",
    "local_event": "Local event",
    "weather": "Weather",
    "competitor": "Competitor",
    "new_customer": "New customer",
    "assortment": "Assortment",
    "supply": "Supply",
    "forecast_wrong": "Forecast is wrong",
    "other": "Other",
}
GROUPS = {"planner": "By planner", "reason": "By reason", "level": "By level"}
# Fields of a file, in the order of its columns.
FIELDS = (
    "id", "product", "department", "category", "location", "region", "country", "change", "value", "from", "to",
    "reason", "note", "expires_on",
)  # fmt: skip


def change_words(change: str, value: float) -> str:
    """Return what an override does: "+20 %", "+30 units", "set to 500 units"."""
    if change == "percent":
        return f"{value:+g} %"
    units = f"{in_full(value)} units"
    if change == "add":
        return units if value < 0 else f"+{units}"
    return f"set to {units}"


def in_words(overrides: pd.DataFrame) -> pd.DataFrame:
    """Add the columns for_what, where, says, why and effect to overrides as the query `override_list` returns them."""
    rows: list[Any] = overrides.to_dict("records")
    return overrides.assign(
        for_what=[for_what(row) for row in rows],
        where=[where(row) for row in rows],
        says=[change_words(row["change"], row["value"]) for row in rows],
        why=[REASONS.get(row["reason"], row["reason"]) for row in rows],
        effect=[_effect(row) for row in rows],
    )


def _effect(row: Mapping[str, Any]) -> str:
    """Return how far an override moved the first forecast that it met, "" where it met none yet."""
    if row["before"] is None or pd.isna(row["before"]):
        return ""
    return f"{row['before']:,.0f} → {row['after']:,.0f}"


def as_file(overrides: pd.DataFrame) -> pd.DataFrame:
    """Return overrides as a file holds them, which can be imported again."""
    named = {"override": "id", "starts_on": "from", "ends_on": "to"}
    return overrides.rename(columns=named)[list(FIELDS)]


def worth_words(row: Mapping[str, Any]) -> str:
    """Describe what overrides were worth in all."""
    saved, periods = float(row["error_before"] - row["error_after"]), int(row["periods"])
    said = f"On {periods:,} periods that are over, {int(row['overrides']):,} overrides "
    if abs(saved) < 0.5:
        return f"{said}neither helped nor hurt: the error is the same with and without them."
    share = "" if pd.isna(row["gain"]) else f" ({abs(row['gain']):.0%} of the error)".replace("%", " %")  # fmt: skip
    if saved > 0:
        return f"{said}saved {saved:,.0f} units of error{share}."
    return f"{said}added {-saved:,.0f} units of error{share}: the forecast alone was better."

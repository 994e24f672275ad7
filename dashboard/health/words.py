"""What the page says of states: their names, the sentence above the bar, and what to do about a shelf."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from catalog.money import Money
from dashboard.sums import money_words
from dashboard.theme import counted, plain, plural

# States in the order in which they stand, with the rule of each.
STATES = {
    "out": "empty, though it sold in the last 28 days",
    "at risk": "the stock lasts fewer days than a delivery takes",
    "healthy": "none of the others",
    "excess": "more than was sold in the last 13 weeks",
    "dead": "nothing sold in the last 13 weeks",
    "cannot judge": "stock unknown, under 4 weeks of history, or nothing that tells when a delivery can come",
}
IDLE = ("excess", "dead")


def named(state: str) -> str:
    """Return a state as it stands in a table."""
    return state.capitalize()


def value_by_currency(rows: pd.DataFrame, column: str = "value") -> Money:
    """Add a column of money up by currency; rows whose cost is not known count nowhere."""
    known = rows[rows["currency"].notna()]
    sums = known.groupby("currency")[column].sum()
    return Money({str(code): float(value) for code, value in sums.items() if value})


def headline(states: pd.DataFrame) -> str:
    """Return the sentence above the bar. states: rows of the report health_states."""
    shelves = states.groupby("state")["shelves"].sum()
    idle = value_by_currency(states, "excess_value")
    out, risk = int(shelves.get("out", 0)), int(shelves.get("at risk", 0))
    many = plural(sum(int(shelves.get(state, 0)) for state in IDLE), "shelf holds", "shelves hold")
    worth = f": {plain(money_words(idle))} beyond 13 weeks of sales" if idle.amounts else ""
    return (
        f"**{many} excess or dead stock{worth}.** {plural(out, 'shelf is', 'shelves are')} out of stock, and "
        f"{plural(risk, 'shelf is', 'shelves are')} at risk of running out before a delivery can come."
    )


def state_lines(states: pd.DataFrame) -> list[str]:
    """Describe each state: how many shelves, how much stock, and its rule."""
    lines = []
    for state, rule in STATES.items():
        rows = states[states["state"] == state]
        value = value_by_currency(rows)
        worth = f", {plain(money_words(value))}" if value.amounts else ""
        count = plural(int(rows["shelves"].sum()), "shelf", "shelves")
        why = "; ".join(
            f"{reason}: {count:,}" for reason, count in rows.groupby("why")["shelves"].sum().items()
        )
        lines.append(f"- **{named(state)}**: {count}{worth} ({why or rule})")
    return lines


def remedy(row: Mapping[str, Any]) -> str:
    """Say what to do about a shelf. row: of the report health_shelves."""
    state, unit = row["state"], row["unit"]
    if state in ("out", "at risk"):
        return (
            f"Chase the {counted(row['coming'], unit)} on order" if row["coming"] else "Order now"
        )
    if state == "excess":
        return f"Order no more; move or mark down {counted(row['excess_units'], unit)}"
    if state == "dead":
        return "Mark down, return, or write off"
    return WAYS_TO_JUDGE.get(row["why"], "")


WAYS_TO_JUDGE = {
    "stock unknown": "Count it",
    "too new": "Wait for 4 weeks of history",
    "lead time missing": "Send its orders and receipts",
}

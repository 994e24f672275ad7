"""Money and quantities on pages: one amount, or several side by side with the reason."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from catalog.money import Money
from dashboard.theme import amount, in_words, quantity, unit_word
from stocktide.domain.units import code_of

UNNAMED = "no currency named"


def money_words(money: Money) -> str:
    """Write a sum of money: "EUR 160", or "EUR 160 + JPY 297,000" where it is in several currencies."""
    if money.one is not None:
        code, value = money.one
        return amount(value, code or None)
    return " + ".join(
        amount(value, code) if code else f"{amount(value, None)} ({UNNAMED})"
        for code, value in money.amounts.items()
    )


def money_note(money: Money) -> str | None:
    """Return what to know of a sum of several currencies: what was converted, or why it is not added."""
    parts = []
    if money.converted:
        into = next(iter(money.amounts))
        parts.append(f"In {into} at the day's rate: {money_words(Money(money.converted))}.")
    if money.one is None:
        names = in_words([code or UNNAMED for code in money.amounts])
        parts.append(
            f"Not added: {names}. Record rates (`stocktide rates`), and set `STOCKTIDE_CURRENCY` to the currency that "
            "sums are shown in."
        )
    return " ".join(parts) or None


def quantity_words(sold: Mapping[str, float]) -> str:
    """Write quantities by unit: "1,204" of pieces, else "35 kg", or "1,204 units + 35 kg"."""
    if set(sold) <= {"each"}:
        return quantity(sum(sold.values()))
    return " + ".join(f"{quantity(value)} {unit_word(unit)}" for unit, value in sold.items())


def node_unit(node: Mapping[str, Any]) -> str:
    """Return the word for what a node counts: its unit, or "units" where its products have several."""
    codes = {code_of(unit) for unit in node["units"]}
    return unit_word(node["units"][0]) if len(codes) == 1 else "units"


def mixed_note(units: Sequence[str]) -> str | None:
    """Return that a figure adds units of several kinds, or None if it does not."""
    spelled = {code_of(unit): unit_word(unit) for unit in units}
    if len(spelled) < 2:
        return None
    return f"Adds products counted in {in_words(list(spelled.values()))}."


def price_column(frame: pd.DataFrame) -> ColumnConfig:
    """Turn a table's `price` into what can be read with its `currency`, and return how the column is shown."""
    return amount_column(frame, "price", "Price")


def amount_column(
    frame: pd.DataFrame, column: str, label: str, *, help: str | None = None
) -> ColumnConfig:
    """Turn a column of money into what can be read with its `currency`, and return how the column is shown.

    Amounts of one currency stay numbers, with the currency in the header; of several each has its own.
    """
    known = frame[column].notna()
    codes = {code or "" for code in frame.loc[known, "currency"]}
    if len(codes) > 1:
        frame[column] = [
            amount(value, currency) if value == value else None
            for value, currency in zip(frame[column], frame["currency"], strict=True)
        ]
        return st.column_config.TextColumn(label, help=help)
    code = next(iter(codes), "")
    named = f"{label}, {code}" if code else label
    return st.column_config.NumberColumn(named, format="%.2f", help=help)

"""What buyers may spend: the packs that return most come first."""

from typing import Any

import numpy as np
import pandas as pd

from purchasing.proposing.facts import Facts
from purchasing.proposing.shared_lines import Floats, SharedLines
from stocktide.domain.exact_numbers import in_full


def within_budgets(lines: SharedLines, facts: Facts, waiting: dict[str, str]) -> set[str]:
    """Cut lines to what is left of their buyers' budgets; returns the suppliers of those that bind.

    waiting: is told of each buyer whose budget binds.
    """
    bound: set[str] = set()
    if not len(facts.budgets):
        return bound
    suppliers = facts.terms["suppliers"]
    for (buyer, amount, currency, until), spent in facts.budgets.groupby(
        ["buyer", "amount_micros", "currency", "ends_on"]
    ):
        # what comes from a warehouse of our own is paid for already
        pays = (suppliers["buyer"] == buyer) & suppliers["location"].isna()
        mine = set(suppliers.loc[pays, "supplier"])
        at = np.flatnonzero(lines.rows["supplier"].isin(mine) & (lines.quantity > 0))
        if not len(at):
            continue
        left = max(0.0, (float(str(amount)) - _spent(spent, str(currency), facts)) / 1e6)
        price = _in_currency(lines.rows.iloc[at], str(currency), facts)
        bought = lines.cut_to(at, price, left)
        if (bought.cut > 1e-9).any():
            why = f"{currency} {in_full(left, 2)} are left of {buyer}'s budget until {until}"
            wanted = float(price @ lines.quantity[at])
            lines.take(at, bought.quantity, why)
            bound |= mine
            waiting[str(buyer)] = f"{why}; {currency} {in_full(wanted, 2)} are needed today"
    return bound


def _spent(rows: pd.DataFrame, currency: str, facts: Facts) -> float:
    """Add up what was spent, in millionths of a currency; amounts without a currency or a rate are in it."""
    return sum(
        float(row["spent_micros"])
        * (
            1.0
            if _same(row["spent_in"], currency)
            else facts.rates.get((row["spent_in"], currency), 1.0)
        )
        for row in rows.to_dict("records")
    )


def _same(one: Any, other: str) -> bool:
    return one is None or pd.isna(one) or one == other


def _in_currency(rows: pd.DataFrame, currency: str, facts: Facts) -> Floats:
    """Return the price of a unit of each line in a currency; amounts without a currency or a rate are in it."""
    known = rows["order_price"].notna()
    price = rows["order_price"].where(known, rows["unit_cost"]).to_numpy(np.float64)
    said = rows["order_currency"].where(known, rows["currency"])
    rates = [1.0 if _same(one, currency) else facts.rates.get((one, currency), 1.0) for one in said]
    return np.asarray(price * np.array(rates), np.float64)

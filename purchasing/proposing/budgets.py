"""What buyers may spend: the packs that return most come first."""

import numpy as np
import pandas as pd

from purchasing.proposing.facts import Facts
from purchasing.proposing.money import Rates, amounts_words, order_prices, rate_of
from purchasing.proposing.shared_lines import SharedLines
from stocktide.domain.exact_numbers import in_full


def within_budgets(
    lines: SharedLines, facts: Facts, waiting: dict[str, str], not_counted: dict[str, str]
) -> set[str]:
    """Cut lines to what is left of their buyers' budgets; returns the suppliers of those that bind.

    waiting: is told of each buyer whose budget binds. not_counted: of amounts in currencies without a rate to that of
    the budget; their lines are neither cut nor counted.
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
        price = order_prices(lines.rows.iloc[at], str(currency), facts.rates)
        known = np.isfinite(price)
        spent_known, apart = spent_of(spent, str(currency), facts.rates)
        if not known.all():
            rest = at[~known]
            apart.append(
                f"{amounts_words(lines.rows.iloc[rest], lines.quantity[rest])} of today's lines"
            )
        if apart:
            not_counted[str(buyer)] = (
                f"{' and '.join(apart)} are not counted in {buyer}'s budget of {currency}: no rate is known"
            )
        at, price = at[known], price[known]
        left = max(0.0, (float(str(amount)) - spent_known) / 1e6)
        bought = lines.cut_to(at, price, left)
        if (bought.cut > 1e-9).any():
            why = f"{currency} {in_full(left, 2)} are left of {buyer}'s budget until {until}"
            wanted = float(price @ lines.quantity[at])
            lines.take(at, bought.quantity, why)
            bound |= mine
            waiting[str(buyer)] = f"{why}; {currency} {in_full(wanted, 2)} are needed today"
    return bound


def spent_of(rows: pd.DataFrame, currency: str, rates: Rates) -> tuple[float, list[str]]:
    """Add up what was spent, in millionths of a currency, and name what no rate turns into it."""
    total, apart = 0.0, []
    for row in rows.to_dict("records"):
        worth = float(row["spent_micros"]) * rate_of(rates, row["spent_in"], currency)
        if np.isfinite(worth):
            total += worth
        else:
            apart.append(
                f"{row['spent_in']} {in_full(row['spent_micros'] / 1e6, 2)} that were spent"
            )
    return total, apart

"""Amounts in several currencies: added where they are in one, or where rates turn them into one; else side by side."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True)
class Money:
    """A sum of money.

    amounts: by currency; "" is that of amounts that name none. converted: what is part of an amount at a rate.
    """

    amounts: Mapping[str, float]
    converted: Mapping[str, float] = field(default_factory=dict)

    @property
    def one(self) -> tuple[str, float] | None:
        """Return currency and amount of a sum in one currency, ("", 0) for nothing at all; None for several."""
        if len(self.amounts) > 1:
            return None
        return next(iter(self.amounts.items()), ("", 0.0))


def money_of(rows: Iterable[tuple[str, float, float | None]], currency: str | None) -> Money:
    """Add amounts up. rows: currency, amount, and the amount in `currency`, None where no rate is known.

    Amounts of one currency stay in it. Those of several are converted into `currency`, each as far as all of it can be.
    """
    amounts: dict[str, float] = {}
    turned: dict[str, float] = {}
    without_rate = set()
    for code, amount, in_currency in rows:
        amounts[code] = amounts.get(code, 0.0) + amount
        if in_currency is None or pd.isna(in_currency):
            without_rate.add(code)
        else:
            turned[code] = turned.get(code, 0.0) + in_currency
    present = {code: amount for code, amount in sorted(amounts.items()) if amount}
    foreign = [code for code in present if code != currency and code not in without_rate]
    if len(present) < 2 or currency is None or not foreign:
        return Money(present)
    whole = sum(turned[code] for code in foreign) + present.get(currency, 0.0)
    kept = {code: amount for code, amount in present.items() if code not in (*foreign, currency)}
    return Money({currency: whole, **kept}, {code: present[code] for code in foreign})

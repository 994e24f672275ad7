"""Amounts in several currencies: turned into one by the rates that are known, and named where none is."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stocktide.domain.exact_numbers import in_full
from stocktide.foundation.errors import Invalid

Floats = NDArray[np.float64]
# Columns of a line that are money of a unit.
MONEY = ("unit_cost", "price", "holding", "shortage")
# What one unit of a currency is worth in another.
Rates = Mapping[tuple[str, str], float]


def rate_of(rates: Rates, base: Any, quote: Any) -> float:
    """Return what one unit of a currency is worth in another; NaN where no rate is known.

    An amount that names no currency is in that of the other.
    """
    if is_unsaid(base) or is_unsaid(quote) or base == quote:
        return 1.0
    return rates.get((base, quote), np.nan)


def rates_of(rates: Rates, base: Iterable[Any], quote: Iterable[Any]) -> Floats:
    """Return the rate of each pair of currencies, row by row."""
    pairs = zip(base, quote, strict=True)
    return np.array([rate_of(rates, one, other) for one, other in pairs], np.float64)


def is_unsaid(value: Any) -> bool:
    """Return True for a cell that says nothing."""
    return value is None or (isinstance(value, float) and np.isnan(value))


def usual(currencies: "pd.Series[Any]") -> str | None:
    """Return the currency that most rows are in, None if no row says one."""
    found = currencies.dropna().mode()
    return str(found.iloc[0]) if len(found) else None


def in_one_currency(rows: pd.DataFrame, currency: str | None, rates: Rates) -> pd.DataFrame:
    """Return lines whose money is all in one currency, so that it can be added up. Raises Invalid without a rate.

    rows: of `prepare`.
    """
    factor = rates_of(rates, rows["currency"], [currency] * len(rows))
    if np.isnan(factor).any():
        others = sorted(set(rows.loc[np.isnan(factor), "currency"]))
        raise Invalid(
            "no_rate",
            f"Lines sell in {currency} and in {', '.join(others)}, and no rate is known, so their money cannot be "
            "added up. Record one (`stocktide rates set`), or compare those of one currency.",
        )
    return rows.assign(**{name: rows[name] * factor for name in MONEY})


def order_prices(rows: pd.DataFrame, currency: Any, rates: Rates) -> Floats:
    """Return the price of a unit of each line in a currency, what it costs where no price is known; NaN without a rate.

    rows: of `prepare`.
    """
    price, said = _asked(rows)
    return price * rates_of(rates, said, [currency] * len(rows))


def amounts_words(rows: pd.DataFrame, quantity: Floats) -> str:
    """Return what some units of lines cost, by the currency that each is asked in: `JPY 20,000 and USD 12.5`."""
    price, said = _asked(rows)
    amounts = pd.Series(price * quantity).groupby([str(one) for one in said], sort=True).sum()
    return " and ".join(f"{name} {in_full(amount, 2)}" for name, amount in amounts.items())


def _asked(rows: pd.DataFrame) -> tuple[Floats, list[Any]]:
    """Return the price of a unit of each line and its currency; what it costs where no price is known."""
    known = rows["order_price"].notna()
    price = rows["order_price"].where(known, rows["unit_cost"]).to_numpy(np.float64)
    return price, list(rows["order_currency"].where(known, rows["currency"]))

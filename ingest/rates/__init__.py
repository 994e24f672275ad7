"""Rates between currencies, dated: what one unit of a currency is worth in another, from a day until the next rate.

- `put_rates`, `put_rates_file`: record them, from a call or from a file.
- `list_rates`, `remove_rate`: read them, take one back.
- `missing_rates`: currencies in which goods cost something that could not be averaged.
"""

from ingest.rates.files import put_rates_file
from ingest.rates.rates import (
    FIELDS,
    RateIn,
    RatesPut,
    list_rates,
    missing_rates,
    put_rates,
    rate_of,
    remove_rate,
)

__all__ = [
    "FIELDS",
    "RateIn",
    "RatesPut",
    "list_rates",
    "missing_rates",
    "put_rates",
    "put_rates_file",
    "rate_of",
    "remove_rate",
]

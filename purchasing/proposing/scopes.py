"""Which of several terms holds for a product at a location: the narrowest that fits."""

from collections.abc import Sequence

import pandas as pd

# How narrow each field of a scope is; a product says more than a category, whatever the place.
WEIGHT = {
    "product": 64,
    "category": 32,
    "department": 16,
    "location": 8,
    "region": 4,
    "country": 2,
    "abc": 1,
}


def narrowest(pairs: pd.DataFrame, terms: pd.DataFrame, values: Sequence[str]) -> pd.DataFrame:
    """Return the values that hold for each pair, NaN where no term does; indexed as the pairs.

    pairs: a column a field of scopes. terms: the same columns, None where a term is not limited, and the values; of
    each value the narrowest term that has it counts.
    """
    fields = [name for name in WEIGHT if name in terms.columns and name in pairs.columns]
    found = pd.DataFrame(index=pairs.index, columns=list(values), dtype=object)
    weight = sum(terms[name].notna() * WEIGHT[name] for name in fields)
    # terms of one weight limit the same fields; wider ones come first, narrower ones over them
    for _, rows in terms.groupby(weight, sort=True):
        keys = [name for name in fields if rows[name].notna().any()]
        if keys:
            fits = pairs[keys].merge(rows[[*keys, *values]], on=keys, how="left")[list(values)]
            fits.index = pairs.index
        else:
            last = {name: rows[name].iloc[-1] for name in values}
            fits = pd.DataFrame([last] * len(pairs), index=pairs.index)
        found = fits.astype(object).combine_first(found)[list(values)]
    return found

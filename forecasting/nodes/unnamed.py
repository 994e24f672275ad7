"""Leaves without a value for a key (a product without category) are pooled under a name; the others are forecast."""

from collections.abc import Sequence

import pandas as pd

from stocktide.domain.pools import name_for


def with_names(frame: pd.DataFrame, keys: Sequence[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Put a name wherever a key has no value. Returns the frame, and a warning per key that says how many and which."""
    named, warnings = frame, []
    for key in keys:
        missing = frame[key].isna() | (frame[key].astype(str) == "")
        if not missing.any():
            continue
        named = named.assign(**{key: named[key].astype(object).mask(missing, name_for(key))})
        shown = [column for column in ("product", "location", "unique_id") if column in frame]
        first = frame[missing].iloc[0]
        which = ", ".join(f"{column} {first[column]}" for column in shown)
        warnings.append(
            f"{int(missing.sum())} of {len(frame)} leaves have no {key} and are forecast as {name_for(key)!r}"
            + (f"; the first is {which}." if which else ".")
        )
    return named, tuple(warnings)

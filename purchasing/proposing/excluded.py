"""Lines that no order fits, since their terms exclude each other: said, for a line of 0 is not on the desk."""

import numpy as np
import pandas as pd

from stocktide.domain.exact_numbers import in_full

# So many are named; the rest is counted.
NAMED_MAX = 5


def excluded_words(rows: pd.DataFrame) -> dict[str, str]:
    """Return in words which lines have a least order of more than their shelf holds. rows: of `prepare`."""
    if rows.empty:
        return {}
    least = np.maximum(rows["minimum"], rows[["pack", "multiple"]].max(axis=1))
    lost = rows.assign(least=least)[least > rows["capacity"]]
    if lost.empty:
        return {}
    named = [
        f"{row['product']} at {row['location']} ({in_full(row['least'])}, {in_full(row['capacity'])} fit)"
        for row in lost.head(NAMED_MAX).to_dict("records")
    ]
    more = [f"{len(lost) - NAMED_MAX:,} more"] if len(lost) > NAMED_MAX else []
    said = f"Not ordered, since the least order is more than the shelf holds: {', '.join(named + more)}"
    return {"shelf-limits": said}

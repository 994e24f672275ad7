"""What commands say of rows that are never overwritten: plans, and the terms of buying."""

from typing import Any

# One read of the command line; a chain with more in force asks the API page by page.
ROWS_MAX = 100_000


def said_of(kind: str, done: Any) -> str:
    """Return what was recorded, as a sentence. done: a RowsPut."""
    counts = (
        f"{done.recorded:,} recorded, {done.changed:,} changed, {done.unchanged:,} known before"
    )
    erased = ", ".join(
        f"{field} of {count:,}" for field, count in sorted((done.erased or {}).items())
    )
    said = f"{kind}: {counts}{f'; erased: {erased}' if erased else ''}."
    return "\n".join([said, *(f"Warning: {why}" for why in done.warnings)])


def shown(value: Any) -> Any:
    """Return a value as a table shows it."""
    return value if value is None or isinstance(value, int | float) else str(value)

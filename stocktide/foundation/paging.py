"""Parts of routes that list things: a bounded page, the key that the next one begins after, and a search text."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, unquote

from fastapi import Query

from stocktide.foundation.errors import Invalid
from stocktide.foundation.stored_text import is_storable

Limit = Annotated[int, Query(ge=1, le=500, description="Most rows in the answer.")]
RowId = Annotated[int, Query(ge=1, le=2**63 - 1)]
PAIR = ("product", "location")
TextOrNone = TypeVar("TextOrNone", str, str | None)


def checked_text(value: TextOrNone) -> TextOrNone:
    """Refuse text that the database cannot store. Raises Invalid."""
    if value is not None and not is_storable(value):
        raise Invalid(
            "bad_text",
            "A parameter holds a character that cannot be stored as text (NUL or half a surrogate pair).",
        )
    return value


def next_key(rows: Sequence[Mapping[str, Any]], limit: int, name: str) -> Any:
    """Return the last row's key, which the next page begins after; None where this page was the last."""
    return rows[-1][name] if len(rows) == limit else None


def next_pair(rows: Sequence[Mapping[str, Any]], limit: int) -> str | None:
    """Return the last row's product and location as one text for `pair_of`; None where this page was the last."""
    last = rows[-1] if len(rows) == limit else None
    return None if last is None else "/".join(quote(last[name], safe="") for name in PAIR)


def pair_of(after: str) -> tuple[str, str]:
    """Split what `next_pair` returned; the first page begins after ''. Raises Invalid."""
    if not after:
        return "", ""
    product, between, location = checked_text(after).partition("/")
    if not between or "/" in location:
        raise Invalid("after", f"after={after[:100]!r} is not the `next` of a page before.")
    return checked_text(unquote(product)), checked_text(unquote(location))

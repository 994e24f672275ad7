"""What a key may send: one rule for every door."""

from collections.abc import Sequence

import msgspec

from ingest.parsing.events import Correction, Event, Fault
from ingest.parsing.sales import Item, Parsed, PlainSales
from stocktide.domain.kinds import RETURN, SALE
from stocktide.foundation.errors import Forbidden
from stocktide.foundation.keys import Key

KEY_KIND, KEY_LOCATION = "key_kind", "key_location"


def permitted_all(key: Key, parsed: Sequence[Item]) -> Sequence[Item]:
    """Return inputs with a fault instead of each event that the key may not send."""
    if key.kinds is None and key.locations is None:
        return parsed
    if isinstance(parsed, Parsed) and all(_permits(key, part) for part in parsed.sales):
        others = [(index, permitted(key, item)) for index, item in parsed.others]
        return Parsed(others, parsed.sales)
    return [permitted(key, item) for item in parsed]


def permitted(key: Key, item: Event | Fault) -> Event | Fault:
    """Return the event if the key may send it, else why not.

    Where the event is that a correction means, the ledger finds out; it is told where that may be.
    """
    if isinstance(item, Fault):
        return item
    if isinstance(item, Correction):
        why = key.refuses(item.kind, None)
        if why is None and key.locations is not None:
            return msgspec.structs.replace(item, only_at=tuple(sorted(key.locations)))
    else:
        why = key.refuses(item.kind, item.location) or key.refuses(item.kind, item.to_location)
    if why is None:
        return item
    reason = KEY_LOCATION if key.kinds is None or item.kind in key.kinds else KEY_KIND
    field = "type" if reason == KEY_KIND else "data.location"
    return Fault(reason, why, field, item.source, item.event_id)


def require_unlimited(key: Key, what: str) -> None:
    """Raise Forbidden for a key of some kinds or locations: what it asks for concerns all of them."""
    if key.kinds is not None or key.locations is not None:
        raise Forbidden(
            "key_limits",
            f"The key {key.name!r} is for some kinds or locations, and {what} concern all. Use a key without limits.",
        )


def _permits(key: Key, sales: PlainSales) -> bool:
    kinds = (SALE.name if is_sale else RETURN.name for is_sale in sales.is_sale)
    asked = set(zip(kinds, sales.location, strict=True))
    return all(key.refuses(kind, location) is None for kind, location in asked)

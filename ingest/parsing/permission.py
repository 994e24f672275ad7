"""What a key may send: one rule for every door."""

from collections.abc import Iterator, Sequence

import msgspec

from ingest.parsing.events import Correction, Event, Fault
from ingest.parsing.sales import Item, Parsed, PlainSales
from stocktide.domain.kinds import RETURN, SALE
from stocktide.foundation.keys import KEY_SOURCE, Key

KEY_KIND, KEY_LOCATION = "key_kind", "key_location"


def permitted_all(key: Key, parsed: Sequence[Item]) -> Sequence[Item]:
    """Return inputs with a fault instead of each event that the key may not send."""
    if not key.limited_by():
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
    refused = next(_refusals(key, item), None)
    if refused is not None:
        reason, why, field = refused
        return Fault(reason, why, field, item.source, item.event_id)
    if isinstance(item, Correction) and key.locations is not None:
        return msgspec.structs.replace(item, only_at=tuple(sorted(key.locations)))
    return item


def _refusals(key: Key, item: Event) -> Iterator[tuple[str, str, str]]:
    """Yield reason, sentence and field of all that keeps a key from sending an event."""
    corrects = item.corrects_source if isinstance(item, Correction) else item.source
    places = () if isinstance(item, Correction) else (item.location, item.to_location)
    checks = (
        (KEY_SOURCE, key.refuses_source(item.source), "source"),
        (KEY_SOURCE, key.refuses_source(corrects), "data.corrects_source"),
        (KEY_KIND, key.refuses(item.kind, None), "type"),
        *((KEY_LOCATION, key.refuses(item.kind, place), "data.location") for place in places),
    )
    yield from ((reason, why, field) for reason, why, field in checks if why is not None)


def _permits(key: Key, sales: PlainSales) -> bool:
    kinds = (SALE.name if is_sale else RETURN.name for is_sale in sales.is_sale)
    asked = set(zip(kinds, sales.location, strict=True))
    return all(key.refuses(kind, location) is None for kind, location in asked) and all(
        key.refuses_source(source) is None for source in set(sales.source)
    )

"""One event as the database keeps it: its identity, and the columns that queries look at."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UnsetType

from ingest.epcis.identifiers.epc import canonical
from ingest.epcis.identifiers.patterns import match_keys
from ingest.epcis.model.document import EventRead
from ingest.epcis.model.hash import QUANTITY_LISTS, TYPED_LISTS, event_hash
from ingest.epcis.model.models import AnyEvent
from ingest.epcis.model.reading import Refused
from ingest.epcis.model.values import instant_of, quantity_of
from ingest.epcis.model.vocabulary import BIZ_STEP, DISPOSITION, ERROR_REASON, Vocabulary

_SORTED = msgspec.json.Encoder(order="deterministic", decimal_format="number")
# An index entry of Postgres has to fit a third of a page; longer addresses name nothing real.
ADDRESS_BYTES_MAX = 2_000
# What is kept whole, and in no index.
UNLIMITED = {"event", "context"}
# Years that the database can tell apart from infinity, with room for offsets.
YEARS = range(1, 9999)


def columns_of(read: EventRead) -> dict[str, Any]:
    """Turn an event into the columns of epcis_events. Raises Refused for what the database cannot keep."""
    event = read.event
    digest = event_hash(read.value, read.prefixes)
    columns = {
        "identity": event.eventID or digest,
        "event_hash": digest,
        "event": msgspec.Raw(read.raw),
        "context": read.own_context,
        "event_time": _instant(event.eventTime, "eventTime"),
        "event_type": event.type,
        **_error(event, digest, read.value),
        **_why_and_where(event),
        **_what(event),
    }
    _check_lengths(columns)
    return columns


def _check_lengths(columns: dict[str, Any]) -> None:
    for name, value in columns.items():
        texts = value if isinstance(value, list) else [value]
        if name not in UNLIMITED and any(
            isinstance(text, str) and len(text.encode()) > ADDRESS_BYTES_MAX for text in texts
        ):
            raise Refused(
                "too_long", f"{name} holds an address of more than {ADDRESS_BYTES_MAX} bytes.", name
            )


def _error(event: AnyEvent, digest: str, value: dict[str, Any]) -> dict[str, Any]:
    declaration = event.errorDeclaration
    if isinstance(declaration, UnsetType):
        return {"declares_error": False, "payload_hash": digest}
    declared = hashlib.sha256(_SORTED.encode(value["errorDeclaration"])).hexdigest()
    return {
        "declares_error": True,
        "payload_hash": f"{digest}&{declared}",
        "error_time": _instant(declaration.declarationTime, "errorDeclaration.declarationTime"),
        "error_reason": _word(declaration.reason, ERROR_REASON),
        "corrective_ids": list(declaration.correctiveEventIDs or ()),
    }


def _why_and_where(event: AnyEvent) -> dict[str, Any]:
    persistent = getattr(event, "persistentDisposition", None)
    return {
        "action": getattr(event, "action", None),
        "biz_step": _word(getattr(event, "bizStep", None), BIZ_STEP),
        "disposition": _word(getattr(event, "disposition", None), DISPOSITION),
        "read_point": _address(getattr(getattr(event, "readPoint", None), "id", None)),
        "biz_location": _address(getattr(getattr(event, "bizLocation", None), "id", None)),
        "transactions": _typed_keys(event, "bizTransactionList"),
        "sources": _typed_keys(event, "sourceList"),
        "destinations": _typed_keys(event, "destinationList"),
        "dispositions_set": _words(getattr(persistent, "set", None)),
        "dispositions_unset": _words(getattr(persistent, "unset", None)),
    }


def _what(event: AnyEvent) -> dict[str, Any]:
    def epcs(*names: str) -> list[str]:
        return _keys(epc for name in names for epc in event.listed(name))

    def classes(*names: str) -> list[str]:
        return _keys(element.epcClass for name in names for element in event.listed(name))

    parent = getattr(event, "parentID", None)
    quantities = [
        (str(quantity), element.uom or "")
        for name in QUANTITY_LISTS
        for element in event.listed(name)
        if not isinstance(element.quantity, UnsetType)
        and (quantity := quantity_of(element.quantity)) is not None
    ]
    return {
        "epcs": epcs("epcList", "childEPCs"),
        "input_epcs": epcs("inputEPCList"),
        "output_epcs": epcs("outputEPCList"),
        "classes": classes("quantityList", "childQuantityList"),
        "input_classes": classes("inputQuantityList"),
        "output_classes": classes("outputQuantityList"),
        "parent_id": _address(parent),
        "parent_keys": _keys([parent] if parent else []),
        "transformation_id": _address(getattr(event, "transformationID", None)),
        "quantities": [quantity for quantity, _unit in quantities],
        "units": [unit for _quantity, unit in quantities],
    }


def _typed_keys(event: AnyEvent, name: str) -> list[str]:
    thing, vocabulary = TYPED_LISTS[name]
    return [
        typed_key(item.type or "", getattr(item, thing), vocabulary) for item in event.listed(name)
    ]


def typed_key(kind: str, value: str, vocabulary: Vocabulary) -> str:
    """Return what a transaction, source or destination answers to in a query: its type, bare, and itself."""
    return f"{vocabulary.bare(kind)} {canonical(value)}"


def _keys(epcs: Iterable[str]) -> list[str]:
    return sorted({key for epc in epcs for key in match_keys(epc)})


def _address(text: str | UnsetType | None) -> str | None:
    return canonical(text) if text else None


def _word(value: str | UnsetType | None, vocabulary: Vocabulary) -> str | None:
    return vocabulary.bare(value) if value else None


def _words(values: Any) -> list[str]:
    return sorted({DISPOSITION.bare(value) for value in values or ()})


def _instant(text: str, name: str) -> datetime:
    instant = instant_of(text)
    if instant.year not in YEARS:
        raise Refused("time_range", f"{name} {text} is out of range.", name)
    return instant

"""EPCIS documents for tests."""

import json
from typing import Any

CONTEXT: list[Any] = [
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    {"example": "https://ns.example.com/epcis/"},
]
# GTIN 10614141073464, as class and as things; the shop with GLN 0614141007776.
CLASS = "urn:epc:idpat:sgtin:0614141.107346.*"
GTIN = "10614141073464"
SHOP = "urn:epc:id:sgln:0614141.00777.0"
SHOP_GLN = "0614141007776"
LOT_CLASS = "urn:epc:class:lgtin:4012345.012345.998877"
LOT_GTIN = "04012345123456"


def sgtin(serial: int | str) -> str:
    """One thing of CLASS."""
    return f"urn:epc:id:sgtin:0614141.107346.{serial}"


def event(kind: str = "ObjectEvent", **fields: Any) -> dict[str, Any]:
    """An event with what its type needs; `fields` add to it or replace, None removes."""
    needed: dict[str, dict[str, Any]] = {
        "ObjectEvent": {"action": "OBSERVE", "epcList": [sgtin(1)]},
        "AggregationEvent": {
            "action": "ADD",
            "parentID": "urn:epc:id:sscc:0614141.1234567890",
            "childEPCs": [sgtin(1)],
        },
        "TransactionEvent": {
            "action": "ADD",
            "bizTransactionList": [{"type": "po", "bizTransaction": "urn:example:po:1"}],
            "epcList": [sgtin(1)],
        },
        "TransformationEvent": {
            "inputQuantityList": [{"epcClass": LOT_CLASS, "quantity": 2, "uom": "KGM"}],
            "outputEPCList": [sgtin(1)],
        },
        "AssociationEvent": {
            "action": "ADD",
            "parentID": "urn:epc:id:grai:4012345.55555.987",
            "childEPCs": ["urn:epc:id:giai:4000001.12345"],
        },
    }
    made = {
        "type": kind,
        "eventTime": "2026-03-01T10:00:00.000+01:00",
        "eventTimeZoneOffset": "+01:00",
        **needed.get(kind, {}),
        **fields,
    }
    return {name: value for name, value in made.items() if value is not None}


def bare(kind: str = "ObjectEvent", **fields: Any) -> dict[str, Any]:
    """An event that stands alone."""
    return {"@context": CONTEXT, **event(kind, **fields)}


def document(*events: Any, **fields: Any) -> dict[str, Any]:
    """An EPCISDocument with these events."""
    made = {
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-01T11:00:00.000Z",
        "epcisBody": {"eventList": list(events)},
        **fields,
    }
    return {name: value for name, value in made.items() if value is not None}


def raw(value: Any) -> bytes:
    """As bytes."""
    return json.dumps(value).encode()

"""From an event to CloudEvents of the ledger: pure, given the rules and what products and locations are called."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from ingest.epcis.directory import Directory, location_code, product_code
from ingest.epcis.goods import Goods
from ingest.epcis.models import AnyEvent, Event
from ingest.epcis.rules import Movement
from ingest.epcis.units import in_unit_of_product
from ingest.epcis.vocabulary import PLACE_TYPE, TRANSACTION_TYPE
from ingest.events import Fault
from ingest.kinds import KINDS, TYPE_PREFIX

SOURCE = "urn:stocktide:epcis"
# Longer identities do not fit an event's id in the ledger; a hash of them does.
ID_MAX = 400
TEXT_MAX = 500
INBOUND = frozenset({"receipt", "return", "adjustment in", "arrival"})
KIND_OF = {"adjustment in": "adjustment", "adjustment out": "adjustment"}


@dataclass(frozen=True)
class Line:
    """One movement of an event: the CloudEvent for the ledger, and what is wrong with it already, if anything.

    location: "" where the event names none.
    """

    event_id: str
    kind: str
    raw: bytes
    location: str
    product: str | None = None
    quantity: str | None = None
    fault: Fault | None = None


@dataclass(frozen=True)
class Told:
    """What movements need to know of an event. ilmd: lot and expiry of objects that begin, where they are given."""

    identity: str
    event: AnyEvent
    goods: Sequence[Goods]
    ilmd: Mapping[str, str]

    def id_of(self, number: int) -> str:
        """The id of a movement in the ledger."""
        name = self.identity
        if len(name) > ID_MAX:
            name = f"sha-256:{hashlib.sha256(name.encode()).hexdigest()}"
        return f"{name}#{number}"


def places_of(event: AnyEvent, movement: Movement) -> list[str]:
    """Where the stock is that an event changes, the likeliest first.

    What comes in is at bizLocation afterwards; what goes out was at readPoint before.
    """
    if not isinstance(event, Event):
        return []
    location = [event.bizLocation.id] if event.bizLocation else []
    point = [event.readPoint.id] if event.readPoint else []
    if movement in INBOUND:
        return (
            location
            + point
            + [item.destination for item in _of_type(event, "location", "destination")]
        )
    if movement in ("stocktake", "reading"):
        return location + point
    return point + location + [item.source for item in _of_type(event, "location", "source")]


def lines_of(told: Told, movement: Movement, directory: Directory) -> list[Line]:
    """Make the movements of an event: one for each class and lot of goods, in the order of the goods."""
    goods = _without_lots(told.goods) if movement in ("stocktake", "reading") else told.goods
    return [
        _line(told, item, _movement_of(item, movement), number, directory)
        for number, item in enumerate(goods, start=1)
    ]


def correction(told: Told, corrects_id: str, location: str) -> Line:
    """Make the reversal of a movement that a declared event made, at its location."""
    event_id = f"{corrects_id}/corrected"
    declared = told.event.errorDeclaration
    time = declared.declarationTime if declared else told.event.eventTime
    why = (declared.reason if declared else None) or "no reason given"
    data = {
        "corrects_id": corrects_id,
        "corrects_source": SOURCE,
        "reason": f"EPCIS error declaration: {why}"[:TEXT_MAX],
    }
    raw = _cloud_event("correction", event_id, time, data)
    return Line(event_id, "correction", raw, location)


def _movement_of(goods: Goods, movement: Movement) -> Movement:
    return "adjustment out" if goods.role == "input" else movement


def _without_lots(goods: Sequence[Goods]) -> list[Goods]:
    """A count is of a product, whatever its lots: the last of several counts at one time would win."""
    sums: dict[tuple[str | None, ...], Goods] = {}
    for item in goods:
        key = (item.gtin or item.uri, item.unit, str(item.fault))
        before = sums.get(key)
        quantity = item.quantity
        if before is not None and before.quantity is not None and quantity is not None:
            quantity += before.quantity
        sums[key] = _in_quantity(item, quantity)
    return list(sums.values())


def _in_quantity(goods: Goods, quantity: Decimal | None) -> Goods:
    """The same goods in another quantity, without a lot."""
    return Goods(goods.role, goods.uri, goods.gtin, None, goods.unit, quantity, goods.fault)


def _line(told: Told, goods: Goods, movement: Movement, number: int, directory: Directory) -> Line:
    event_id = told.id_of(number)
    products = directory.products_of(goods)
    places = places_of(told.event, movement)
    location = directory.location_of(places) or (location_code(places[0]) if places else None)
    fault = _fault_of(goods, products, location)
    quantity = goods.quantity
    if fault is None and quantity is not None and products:
        quantity = in_unit_of_product(quantity, goods.unit, products[0].unit)
        if quantity is None:
            fault = (
                "unit",
                f"The event counts {goods.uri[:200]} in {goods.unit or 'pieces'}, "
                f"the product {products[0].sku!r} is kept in {products[0].unit!r}.",
            )
    amount = _amount(movement, quantity)
    product = products[0].sku if products else product_code(goods)
    kind = KIND_OF.get(movement, movement)
    data = {
        "product": product,
        "location": location or "",
        **amount,
        **_more(told, goods, movement),
    }
    raw = _cloud_event(kind, event_id, told.event.eventTime, data)
    wrong = Fault(*fault, None, SOURCE, event_id) if fault else None
    (shown,) = amount.values()
    return Line(event_id, kind, raw, location or "", product, shown, wrong)


def _fault_of(
    goods: Goods, products: Sequence[Any], location: str | None
) -> tuple[str, str] | None:
    if goods.fault is not None:
        return goods.fault
    if len(products) > 1:
        names = ", ".join(repr(product.sku) for product in products[:5])
        return (
            "ambiguous_product",
            f"GTIN {goods.gtin} is the attribute of several products: {names}.",
        )
    if location is None:
        return ("no_location", "The event tells neither bizLocation nor readPoint.")
    return None


def _amount(movement: Movement, quantity: Decimal | None) -> dict[str, str]:
    name = {"stocktake": "counted", "reading": "observed"}.get(movement, "quantity")
    value = Decimal(0) if quantity is None else quantity
    if movement == "adjustment out":
        value = -value
    # a dozen zeros behind the point say nothing, and the ledger counts decimals
    plain = value.normalize()
    return {name: f"{plain:f}"}


def _more(told: Told, goods: Goods, movement: Movement) -> dict[str, str]:
    """What else the kind of movement wants to know."""
    event = told.event
    step = getattr(event, "bizStep", None) or event.type
    known = {
        "reason": f"EPCIS {step}"[:TEXT_MAX],
        "order_id": _transaction(event, "po", "inv"),
        "transfer_id": _transaction(event, "desadv", "po", "bol") or told.identity[:TEXT_MAX],
        "supplier": _supplier(event),
        "lot": goods.lot or told.ilmd.get("lotNumber"),
        "expires_on": told.ilmd.get("itemExpirationDate"),
    }
    fields = KINDS[KIND_OF.get(movement, movement)].__struct_fields__
    if not goods.lot and movement not in INBOUND:
        known["lot"] = known["expires_on"] = None
    return {name: value for name, value in known.items() if value and name in fields}


def _transaction(event: AnyEvent, *kinds: str) -> str | None:
    for kind in kinds:
        for item in getattr(event, "bizTransactionList", None) or ():
            if isinstance(item.type, str) and TRANSACTION_TYPE.bare(item.type) == kind:
                address: str = item.bizTransaction
                return address[:TEXT_MAX]
    return None


def _supplier(event: AnyEvent) -> str | None:
    for kind in ("possessing_party", "owning_party"):
        for item in _of_type(event, kind, "source"):
            address: str = item.source
            return address[:TEXT_MAX]
    return None


def _of_type(event: AnyEvent, kind: str, name: str) -> list[Any]:
    items = getattr(event, f"{name}List", None) or ()
    return [item for item in items if PLACE_TYPE.bare(item.type) == kind]


def _cloud_event(kind: str, event_id: str, time: str, data: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": SOURCE,
            "type": f"{TYPE_PREFIX}{kind}",
            "time": time,
            "data": data,
        }
    )

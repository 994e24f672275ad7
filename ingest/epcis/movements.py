"""From an event to CloudEvents of the ledger: pure, given what products and locations are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from ingest.epcis.directory import Directory, Product, location_code, product_code
from ingest.epcis.goods import Goods
from ingest.epcis.rules import Movement
from ingest.epcis.told import COUNTS, INBOUND, TEXT_MAX, Told, destinations_of, places_of
from ingest.epcis.units import CODES, in_unit_of_product, ledger_unit
from ingest.parsing.events import Fault
from ingest.parsing.kinds import KINDS, TYPE_PREFIX

SOURCE = "urn:stocktide:epcis"
KIND_OF = {"adjustment in": "adjustment", "adjustment out": "adjustment"}
AMOUNT = {"stocktake": "counted", "reading": "observed"}

# A stable reason, and a sentence for people.
Wrong = tuple[str, str]


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


def lines_of(told: Told, movement: Movement, directory: Directory) -> list[Line]:
    """Make the movements of an event: one for each class and lot of goods, in the order of the goods."""
    goods = _without_lots(told.goods) if movement in COUNTS else told.goods
    return [
        _line(told, item, "adjustment out" if item.role == "input" else movement, number, directory)
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


def _without_lots(goods: Sequence[Goods]) -> list[Goods]:
    """A count is of a product, whatever its lots: the last of several counts at one time would win."""
    sums: dict[tuple[str | None, ...], Goods] = {}
    for item in goods:
        key = (item.gtin or item.uri, item.unit, str(item.fault))
        before = sums.get(key)
        quantity = item.quantity
        if before is not None and before.quantity is not None and quantity is not None:
            quantity += before.quantity
        sums[key] = Goods(item.role, item.uri, item.gtin, None, item.unit, quantity, item.fault)
    return list(sums.values())


def _line(told: Told, goods: Goods, movement: Movement, number: int, directory: Directory) -> Line:
    event_id = told.id_of(number)
    products = directory.products_of(goods)
    places = places_of(told.event, movement)
    location = directory.location_of(places) or (location_code(places[0]) if places else "")
    product = products[0].sku if products else product_code(goods)
    quantity, unit, wrong_unit = _counted(goods, products[0] if products else None)
    more = _more(told, goods, movement, directory)
    wrong = _wrong(goods, products, location) or wrong_unit or _missing(movement, more)
    amount = f"{(-quantity if movement == 'adjustment out' else quantity).normalize():f}"
    kind = KIND_OF.get(movement, movement)
    data = {"product": product, "location": location, AMOUNT.get(movement, "quantity"): amount}
    if unit is not None:
        data["unit"] = unit
    raw = _cloud_event(kind, event_id, told.event.eventTime, {**data, **more})
    fault = Fault(*wrong, None, SOURCE, event_id) if wrong else None
    return Line(event_id, kind, raw, location, product, amount, fault)


def _counted(goods: Goods, product: Product | None) -> tuple[Decimal, str | None, Wrong | None]:
    """How much of a product there is, and in which unit if the ledger has to convert it: a pack has to be its own."""
    quantity = Decimal(0) if goods.quantity is None else goods.quantity
    if product is None:
        return quantity, ledger_unit(goods.unit), None
    own = in_unit_of_product(quantity, goods.unit, product.unit)
    if own is not None:
        return own, None, None
    if goods.unit is not None and goods.unit not in CODES:
        return quantity, goods.unit, None
    wrong = (
        "unit",
        f"The event counts {goods.uri[:200]} in {goods.unit or 'pieces'}, "
        f"the product {product.sku!r} is kept in {product.unit!r}.",
    )
    return quantity, None, wrong


def _wrong(goods: Goods, products: Sequence[Product], location: str) -> Wrong | None:
    if goods.fault is not None:
        return goods.fault
    if len(products) > 1:
        names = ", ".join(repr(product.sku) for product in products[:5])
        return (
            "ambiguous_product",
            f"GTIN {goods.gtin} is the attribute of several products: {names}.",
        )
    if not location:
        return ("no_location", "The event tells neither bizLocation nor readPoint.")
    return None


def _missing(movement: Movement, more: Mapping[str, str]) -> Wrong | None:
    if movement == "dispatch" and "to_location" not in more:
        return (
            "no_destination",
            "A dispatch needs a destination of type location in the event's destinationList.",
        )
    if movement in ("dispatch", "arrival") and "transfer_id" not in more:
        return (
            "no_transaction",
            "What is in transit is followed by a transaction of type desadv, po or bol; the event has none.",
        )
    return None


def _more(told: Told, goods: Goods, movement: Movement, directory: Directory) -> dict[str, str]:
    """What else the kind of movement wants to know."""
    begins = movement in INBOUND
    destinations = destinations_of(told.event)
    known = {
        "reason": f"EPCIS {told.step}"[:TEXT_MAX],
        "order_id": told.transaction("po", "inv"),
        "transfer_id": told.transaction("desadv", "po", "bol"),
        "to_location": directory.location_of(destinations)
        or (location_code(destinations[0]) if destinations else None),
        "supplier": told.supplier,
        "lot": goods.lot or (told.ilmd.get("lotNumber") if begins else None),
        "expires_on": told.expires_on if begins else None,
    }
    fields = KINDS[KIND_OF.get(movement, movement)].__struct_fields__
    return {name: value for name, value in known.items() if value and name in fields}


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

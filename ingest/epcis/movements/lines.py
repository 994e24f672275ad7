"""From an event to CloudEvents of the ledger: pure, given what products and locations are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from ingest.epcis.model.goods import Goods, sum_goods
from ingest.epcis.movements.directory import Directory, location_code, product_code
from ingest.epcis.movements.event_facts import (
    SOURCE,
    TEXT_MAX,
    EventFacts,
    destinations_of,
    places_of,
)
from ingest.epcis.movements.held_movements import Held
from ingest.epcis.movements.rules import Movement, brings_in, kind_of
from ingest.epcis.movements.validation import Wrong, counted, goods_wrongs, transit_wrongs
from ingest.parsing.events import Fault
from ingest.parsing.kinds import DATA_TYPES
from stocktide.domain.kinds import CORRECTION, EventKind

# What the id of a correction ends in.
CORRECTED = "/corrected"


@dataclass(frozen=True)
class Line:
    """One movement of an event: the CloudEvent for the ledger, and what is wrong with it already, if anything.

    What is in doubt is left out of the CloudEvent, so that nobody records a guess. location: "" where the event names
    none. same_as: ids under which an earlier table of movements recorded the same goods.
    """

    event_id: str
    kind: str
    raw: bytes
    location: str
    product: str | None = None
    quantity: str | None = None
    fault: Fault | None = None
    same_as: frozenset[str] = frozenset()


def lines_of(facts: EventFacts, movement: Movement, directory: Directory) -> list[Line]:
    """Make the movements of an event: one for each class and lot of goods, in the order of the goods."""
    if kind_of(movement).observes:
        return _counts(facts, movement, directory)
    return [
        replace(
            _line(facts, goods, _way(goods, movement), facts.id_of(goods.digest), directory),
            same_as=frozenset({facts.id_of(goods.count_digest)}),
        )
        for goods in facts.goods
    ]


def _way(goods: Goods, movement: Movement) -> Movement:
    return "adjustment out" if goods.role == "input" else movement


def _counts(facts: EventFacts, movement: Movement, directory: Directory) -> list[Line]:
    """A count is of a product, whatever its lots: the last of several counts at one time would win."""
    lots: dict[str, set[str]] = {}
    for goods in facts.goods:
        lots.setdefault(goods.count_digest, set()).add(facts.id_of(goods.digest))
    return [
        replace(
            _line(facts, goods, _way(goods, movement), facts.id_of(goods.count_digest), directory),
            same_as=frozenset(lots[goods.count_digest]),
        )
        for goods in sum_goods(goods.counted for goods in facts.goods)
    ]


def correction(facts: EventFacts, held: Held) -> Line:
    """Make the reversal of a movement that a declared event made, at its location."""
    event_id = f"{held.movement_id}{CORRECTED}"
    declared = facts.event.errorDeclaration
    time = declared.declarationTime if declared else facts.event.eventTime
    why = (declared.reason if declared else None) or "no reason given"
    data = {
        "corrects_id": held.event_id,
        "corrects_source": held.source,
        "reason": f"EPCIS error declaration: {why}"[:TEXT_MAX],
    }
    raw = _cloud_event(CORRECTION, event_id, time, data)
    return Line(event_id, CORRECTION.name, raw, held.location)


def _line(
    facts: EventFacts, goods: Goods, movement: Movement, event_id: str, directory: Directory
) -> Line:
    products = directory.products_of(goods)
    places = places_of(facts.event, movement)
    location = directory.location_of(places) or (location_code(places[0]) if places else "")
    product = products[0].sku if products else product_code(goods)
    quantity, unit, wrong_unit = counted(goods, products[0] if products else None)
    more = _more(facts, goods, movement, directory)
    wrongs = [
        *goods_wrongs(goods, products, location),
        *wrong_unit,
        *transit_wrongs(movement, more),
    ]
    amount = f"{(-quantity if movement == 'adjustment out' else quantity).normalize():f}"
    kind = kind_of(movement)
    data = {"product": product, "location": location, "quantity": amount, "unit": unit}
    known = _known(data, wrongs)
    fault = _fault(kind, wrongs, event_id)
    raw = _cloud_event(kind, event_id, facts.event.eventTime, _named(kind, known) | more)
    return Line(
        event_id, kind.name, raw, location, known.get("product"), known.get("quantity"), fault
    )


def _known(data: Mapping[str, str | None], wrongs: Sequence[Wrong]) -> dict[str, str]:
    """What can be told: nothing that is in doubt."""
    doubtful = {field for _reason, _message, field in wrongs}
    return {name: value for name, value in data.items() if value and name not in doubtful}


def _named(kind: EventKind, data: Mapping[str, str]) -> dict[str, str]:
    return {_field(kind, name): value for name, value in data.items()}


def _field(kind: EventKind, name: str) -> str:
    return kind.amount or name if name == "quantity" else name


def _fault(kind: EventKind, wrongs: Sequence[Wrong], event_id: str) -> Fault | None:
    """The first of what is wrong."""
    for reason, message, name in wrongs:
        field = None if name is None else f"data.{_field(kind, name)}"
        return Fault(reason, message, field, SOURCE, event_id)
    return None


def _more(
    facts: EventFacts, goods: Goods, movement: Movement, directory: Directory
) -> dict[str, str]:
    """What else the kind of movement wants to know."""
    begins = brings_in(movement)
    destinations = destinations_of(facts.event)
    known = {
        "reason": f"EPCIS {facts.step}"[:TEXT_MAX],
        "order_id": facts.transaction("po", "inv"),
        "transfer_id": facts.transaction("desadv", "po", "bol"),
        "to_location": directory.location_of(destinations)
        or (location_code(destinations[0]) if destinations else None),
        "supplier": facts.supplier,
        "lot": goods.lot or (facts.ilmd.get("lotNumber") if begins else None),
        "expires_on": facts.expires_on if begins else None,
    }
    fields = DATA_TYPES[kind_of(movement).name].__struct_fields__
    return {name: value for name, value in known.items() if value and name in fields}


def _cloud_event(kind: EventKind, event_id: str, time: str, data: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": SOURCE,
            "type": kind.type,
            "time": time,
            "data": data,
        }
    )

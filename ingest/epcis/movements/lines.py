"""From an event to CloudEvents of the ledger: pure, given what products and locations are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from ingest.epcis.movements.validation import counted, goods_wrongs, transit_wrongs
from ingest.ledger.ledger import Outcome
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

    def done(self, outcome: Outcome) -> dict[str, Any]:
        """Return what an event's row keeps of it."""
        done = {
            "id": self.event_id,
            "kind": self.kind,
            "product": self.product,
            "location": self.location,
            "quantity": self.quantity,
            "outcome": outcome.name,
        }
        if outcome.fault is not None:
            done |= {"reason": outcome.fault.reason, "message": outcome.fault.message}
        return {name: value for name, value in done.items() if value is not None}


# Goods, the digest that is their movement's own, and those that another table of movements would give it.
_Told = tuple[Goods, str, set[str]]


def lines_of(facts: EventFacts, movement: Movement, directory: Directory) -> list[Line]:
    """Make the movements of an event: one for each class and lot of goods, in the order of the goods."""
    told: list[_Told] = [(goods, goods.digest, {goods.count_digest}) for goods in facts.goods]
    if kind_of(movement).observes:
        told = _counts(facts.goods)
    return [_line(facts, movement, directory, one) for one in told]


def _counts(several: Sequence[Goods]) -> list[_Told]:
    """Join the counts of a product, whatever its lots: the last of several at one time would win."""
    lots: dict[str, set[str]] = {}
    for goods in several:
        lots.setdefault(goods.count_digest, set()).add(goods.digest)
    counts = sum_goods(goods.counted for goods in several)
    return [(goods, goods.count_digest, lots[goods.count_digest]) for goods in counts]


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


def _line(facts: EventFacts, movement: Movement, directory: Directory, told: _Told) -> Line:
    goods, own, others = told
    if goods.role == "input":
        movement = "adjustment out"
    kind, event_id = kind_of(movement), facts.id_of(own)
    products = directory.products_of(goods)
    location = _location(directory, places_of(facts.event, movement)) or ""
    quantity, unit, wrong_unit = counted(goods, products[0] if products else None)
    more = _more(facts, goods, movement, directory)
    wrongs = goods_wrongs(goods, products, location) + wrong_unit + transit_wrongs(movement, more)
    data = {
        "product": products[0].sku if products else product_code(goods),
        "location": location,
        "quantity": f"{(-quantity if movement == 'adjustment out' else quantity).normalize():f}",
        "unit": unit,
    }
    doubtful = {field for _reason, _message, field in wrongs}
    known = {name: value for name, value in data.items() if value and name not in doubtful}
    named = {_field(kind, name): value for name, value in known.items()}
    raw = _cloud_event(kind, event_id, facts.event.eventTime, named | more)
    fault = _fault(kind, event_id, *wrongs[0]) if wrongs else None
    product, amount = known.get("product"), known.get("quantity")
    same_as = frozenset(map(facts.id_of, others))
    return Line(event_id, kind.name, raw, location, product, amount, fault, same_as)


def _field(kind: EventKind, name: str) -> str:
    return kind.amount or name if name == "quantity" else name


def _fault(kind: EventKind, event_id: str, reason: str, message: str, name: str | None) -> Fault:
    field = None if name is None else f"data.{_field(kind, name)}"
    return Fault(reason, message, field, SOURCE, event_id)


def _location(directory: Directory, places: Sequence[str]) -> str | None:
    return directory.location_of(places) or (location_code(places[0]) if places else None)


def _more(
    facts: EventFacts, goods: Goods, movement: Movement, directory: Directory
) -> dict[str, str]:
    """Return what else the kind of movement wants to know."""
    begins = brings_in(movement)
    known = {
        "reason": f"EPCIS {facts.step}"[:TEXT_MAX],
        "order_id": facts.transaction("po", "inv"),
        "transfer_id": facts.transaction("desadv", "po", "bol"),
        "to_location": _location(directory, destinations_of(facts.event)),
        "supplier": facts.supplier,
        "lot": goods.lot or (facts.ilmd.get("lotNumber") if begins else None),
        "expires_on": facts.expires_on if begins else None,
    }
    fields = DATA_TYPES[kind_of(movement).name].__struct_fields__
    return {name: value for name, value in known.items() if value and name in fields}


def _cloud_event(kind: EventKind, event_id: str, time: str, data: Mapping[str, Any]) -> bytes:
    named = {"specversion": "1.0", "id": event_id, "source": SOURCE, "type": kind.type}
    return msgspec.json.encode({**named, "time": time, "data": data})

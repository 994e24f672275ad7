"""What containers hold: the aggregations that were captured, replayed up to a moment."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import UNSET

from ingest.epcis.epc import canonical, identify
from ingest.epcis.event_parts import QuantityElement
from ingest.epcis.goods import Goods, Named, Role, goods_named
from ingest.epcis.identifier import SSCC_KEY
from ingest.epcis.models import AggregationEvent
from ingest.epcis.reading import decode
from ingest.epcis.values import quantity_of
from stocktide.database import statement
from stocktide.errors import Invalid

# Logistic units, and what is used again as one: returnable assets and other assets.
CONTAINERS = frozenset({SSCC_KEY, "8003", "8004"})
# A pallet of cartons of boxes, and some more.
DEPTH_MAX = 6
# Aggregations that are read for one settle, and things in all containers of one event.
PACKINGS_MAX = 20_000
THINGS_MAX = 50_000


@dataclass(frozen=True)
class Packing:
    """One aggregation of a container: what went in (ADD) or out (DELETE; nothing named: everything)."""

    at: datetime
    adds: bool
    epcs: Sequence[str]
    quantities: Sequence[QuantityElement]


Packings = Mapping[str, Sequence[Packing]]


def is_container(epc: str) -> bool:
    """Tell whether an identifier is that of something that other things are packed into."""
    found = identify(epc)
    return found is not None and found.key in CONTAINERS


def read_packings(connection: sa.Connection, containers: Iterable[str]) -> dict[str, list[Packing]]:
    """Read the aggregations of containers, and of those within them, in the order in which they happened.

    Raises Invalid where there are more than anybody packs.
    """
    found: dict[str, list[Packing]] = {}
    asked: set[str] = set()
    wanted = {canonical(container) for container in containers}
    for _level in range(DEPTH_MAX):
        wanted -= asked
        if not wanted:
            break
        asked |= wanted
        inner: set[str] = set()
        for row in _rows(connection, wanted):
            packing = _packing(row)
            found.setdefault(row.parent_id, []).append(packing)
            inner.update(canonical(epc) for epc in packing.epcs if is_container(epc))
        wanted = inner
    return found


def _rows(connection: sa.Connection, parents: set[str]) -> Sequence[Any]:
    rows = connection.execute(
        statement("ingest/epcis/packings"), {"parents": sorted(parents), "count": PACKINGS_MAX + 1}
    ).all()
    if len(rows) > PACKINGS_MAX:
        raise _too_much()
    return rows


def _packing(row: Any) -> Packing:
    event = msgspec.convert(decode(row.event.encode()), AggregationEvent)
    return Packing(
        row.event_time, row.action == "ADD", event.childEPCs or (), event.childQuantityList or ()
    )


def _too_much() -> Invalid:
    return Invalid(
        "container_size",
        f"Containers were packed more than {PACKINGS_MAX} times, hold more than {THINGS_MAX} things, or stand in "
        f"one another more than {DEPTH_MAX} deep.",
    )


@dataclass
class _Held:
    """What one container holds: things by identifier, amounts by class and unit (None: nobody told)."""

    epcs: dict[str, str] = field(default_factory=dict)
    amounts: dict[tuple[str, str], Decimal | None] = field(default_factory=dict)

    def take(self, packing: Packing) -> None:
        """Put something in or take it out."""
        if not packing.adds and not packing.epcs and not packing.quantities:
            self.epcs.clear()
            self.amounts.clear()
        for epc in packing.epcs:
            if packing.adds:
                self.epcs[canonical(epc)] = epc
            else:
                self.epcs.pop(canonical(epc), None)
        for element in packing.quantities:
            self._change(element, 1 if packing.adds else -1)

    def _change(self, element: QuantityElement, sign: int) -> None:
        key = (element.epcClass, element.uom or "")
        before = self.amounts.get(key, Decimal(0))
        quantity = None if element.quantity is UNSET else quantity_of(element.quantity)
        after = None if before is None or quantity is None else before + sign * quantity
        if after is not None and after <= 0:
            self.amounts.pop(key, None)
        else:
            self.amounts[key] = after

    def elements(self) -> list[QuantityElement]:
        """The amounts as an event tells them."""
        return [
            QuantityElement(epcClass, UNSET if amount is None else amount, unit or UNSET)
            for (epcClass, unit), amount in self.amounts.items()
        ]


@dataclass
class _Opened:
    """All that is in some containers, down to things that are none; unknown: containers that nobody told of."""

    epcs: dict[str, str] = field(default_factory=dict)
    quantities: list[QuantityElement] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def open(self, container: str, packings: Packings, at: datetime, depth: int = 1) -> None:
        """Add what a container held at a moment, and what the containers within it held. Raises Invalid."""
        if depth > DEPTH_MAX:
            raise _too_much()
        past = [packing for packing in packings.get(canonical(container), ()) if packing.at <= at]
        if not past:
            self.unknown.append(container)
            return
        held = _Held()
        for packing in past:
            held.take(packing)
        if len(self.epcs) + len(held.epcs) > THINGS_MAX:
            raise _too_much()
        self.quantities += held.elements()
        for key, epc in held.epcs.items():
            if is_container(epc):
                self.open(epc, packings, at, depth + 1)
            else:
                self.epcs[key] = epc


def goods_within(named: Named, packings: Packings, at: datetime) -> list[Goods]:
    """The goods in the containers that an event names, one by one. Raises Invalid for too many.

    What the event names itself is counted there: a thing once, and of a class that it tells an amount of, nothing
    more. A logistic unit whose content nobody told is at fault where it stands alone; an empty crate is not.
    """
    opened = _Opened()
    for epc in named.epcs:
        if is_container(epc):
            opened.open(epc, packings, at)
    listed = {goods.class_key for goods in goods_named(Named(named.role, named.epcs, ()))}
    amounts = {goods.class_key for goods in goods_named(Named(named.role, (), named.quantities))}
    here = {canonical(epc) for epc in named.epcs}
    things = [epc for key, epc in opened.epcs.items() if key not in here]
    inside = [
        *_besides(amounts, Named(named.role, things, ())),
        *_besides(amounts | listed, Named(named.role, (), opened.quantities)),
    ]
    if not listed and not amounts:
        inside += [_unknown(named.role, epc) for epc in opened.unknown if _is_logistic(epc)]
    return inside


def _besides(classes: set[str], named: Named) -> Iterator[Goods]:
    """The goods of other classes than these."""
    for goods in goods_named(named):
        if goods.class_key not in classes:
            yield replace(goods, contained=True)


def _is_logistic(epc: str) -> bool:
    found = identify(epc)
    return found is not None and found.key == SSCC_KEY


def _unknown(role: Role, epc: str) -> Goods:
    fault = (
        "container_unknown",
        f"No aggregation tells what is in {epc[:200]}: capture it, then make the movements once more.",
    )
    return Goods(role, epc, None, None, None, None, fault, contained=True)

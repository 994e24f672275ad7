"""The goods in containers: what the captured aggregations packed into them, up to a moment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

import msgspec
import sqlalchemy as sa
from msgspec import UNSET

from ingest.epcis.identifiers.epc import canonical, key_of
from ingest.epcis.identifiers.schemes import SSCC_KEY
from ingest.epcis.model.event_parts import QuantityElement
from ingest.epcis.model.goods import Goods, Named
from ingest.epcis.model.models import AggregationEvent
from ingest.epcis.model.reading import decode
from ingest.epcis.model.values import instant_of, quantity_of
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid

# Logistic units, and what is used again as one: returnable assets and other assets.
CONTAINERS = frozenset({SSCC_KEY, "8003", "8004"})
# A pallet of cartons of boxes, and some more.
DEPTH_MAX = 6
# Aggregations that are read at once, and things in all containers of one event.
PACKINGS_MAX = 20_000
THINGS_MAX = 50_000

# The aggregations of each container, in which something went in (ADD) or out (DELETE; nothing named: everything).
Packings = Mapping[str, Sequence[AggregationEvent]]


def is_container(epc: str) -> bool:
    """Return True if an identifier is that of something that other things are packed into."""
    return key_of(epc) in CONTAINERS


def read_packings(connection: sa.Connection, containers: Iterable[str]) -> Packings:
    """Read the aggregations of containers, and of those within them, in the order in which they happened.

    Raises Invalid where there are more than anybody packs.
    """
    found: dict[str, list[AggregationEvent]] = {}
    asked: set[str] = set()
    wanted = {canonical(container) for container in containers}
    for _level in range(DEPTH_MAX):
        wanted -= asked
        if not wanted:
            break
        asked |= wanted
        binds = {"parents": sorted(wanted), "count": PACKINGS_MAX + 1}
        rows = connection.execute(statement("ingest/epcis/packings"), binds).all()
        if len(rows) > PACKINGS_MAX:
            raise too_much()
        wanted = set()
        for row in rows:
            packing = msgspec.convert(decode(row.event.encode()), AggregationEvent)
            found.setdefault(row.parent_id, []).append(packing)
            wanted.update(canonical(epc) for epc in packing.childEPCs or () if is_container(epc))
    return found


def too_much() -> Invalid:
    """Make the error for containers as nobody packs them."""
    return Invalid(
        "container_size",
        f"Containers were packed more than {PACKINGS_MAX} times, hold more than {THINGS_MAX} things, or stand in "
        f"one another more than {DEPTH_MAX} deep.",
    )


@dataclass
class Content:
    """What one container holds: things by identifier, amounts by class and unit (None: nobody told)."""

    epcs: dict[str, str] = field(default_factory=dict)
    amounts: dict[tuple[str, str], Decimal | None] = field(default_factory=dict)

    def take(self, packing: AggregationEvent) -> None:
        """Put something in or take it out."""
        adds = packing.action == "ADD"
        if not adds and not packing.childEPCs and not packing.childQuantityList:
            self.epcs.clear()
            self.amounts.clear()
        for epc in packing.childEPCs or ():
            if adds:
                self.epcs[canonical(epc)] = epc
            else:
                self.epcs.pop(canonical(epc), None)
        for element in packing.childQuantityList or ():
            self._change(element, 1 if adds else -1)

    def _change(self, element: QuantityElement, sign: int) -> None:
        key = (element.epcClass, element.uom or "")
        before = self.amounts.get(key, Decimal(0))
        quantity = None if element.quantity is UNSET else quantity_of(element.quantity)
        after = None if before is None or quantity is None else before + sign * quantity
        if after is not None and after <= 0:
            self.amounts.pop(key, None)
        else:
            self.amounts[key] = after


@dataclass
class _Opened:
    """Return all that is in some containers, down to things that hold nothing; unknown: containers never told of."""

    epcs: dict[str, str] = field(default_factory=dict)
    quantities: list[QuantityElement] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def open(self, container: str, packings: Packings, at: datetime, depth: int = 1) -> None:
        """Add what a container held at a moment, and what the containers within it held. Raises Invalid."""
        if depth > DEPTH_MAX:
            raise too_much()
        told = packings.get(canonical(container), ())
        past = [packing for packing in told if instant_of(packing.eventTime) <= at]
        if not past:
            self.unknown.append(container)
        held = Content()
        for packing in past:
            held.take(packing)
        if len(self.epcs) + len(held.epcs) > THINGS_MAX:
            raise too_much()
        self.quantities += [
            QuantityElement(epcClass, UNSET if amount is None else amount, unit or UNSET)
            for (epcClass, unit), amount in held.amounts.items()
        ]
        for key, epc in held.epcs.items():
            if is_container(epc):
                self.open(epc, packings, at, depth + 1)
            else:
                self.epcs[key] = epc


def goods_within(named: Named, packings: Packings, at: datetime) -> list[Goods]:
    """List the goods in the containers that an event names, one by one. Raises Invalid for too many.

    What the event names itself is counted there: a thing once, and of a class that it tells an amount of, nothing
    more. A logistic unit whose content nobody told is at fault where it stands alone; an empty crate is not.
    """
    opened = _Opened()
    for epc in named.epcs:
        if is_container(epc):
            opened.open(epc, packings, at)
    listed = {goods.class_key for goods in Named(named.role, named.epcs).goods}
    amounts = {goods.class_key for goods in Named(named.role, (), named.quantities).goods}
    here = {canonical(epc) for epc in named.epcs}
    things = Named(named.role, [epc for key, epc in opened.epcs.items() if key not in here])
    bulk = Named(named.role, (), opened.quantities)
    inside = [goods for goods in things.goods if goods.class_key not in amounts]
    inside += [goods for goods in bulk.goods if goods.class_key not in amounts | listed]
    if not listed and not amounts:
        inside += [_unknown(named, epc) for epc in opened.unknown if key_of(epc) == SSCC_KEY]
    return [replace(goods, contained=True) for goods in inside]


def _unknown(named: Named, epc: str) -> Goods:
    fault = (
        "container_unknown",
        f"No aggregation tells what is in {epc[:200]}: capture it, then make the movements once more.",
    )
    return Goods(named.role, epc, quantity=None, fault=fault)

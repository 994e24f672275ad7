"""How containers were packed: the aggregations that were captured, in their order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import UNSET

from ingest.epcis.identifiers.epc import canonical, identify
from ingest.epcis.identifiers.schemes import SSCC_KEY
from ingest.epcis.model.event_parts import QuantityElement
from ingest.epcis.model.models import AggregationEvent
from ingest.epcis.model.reading import decode
from ingest.epcis.model.values import quantity_of
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid

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
        raise too_much()
    return rows


def _packing(row: Any) -> Packing:
    event = msgspec.convert(decode(row.event.encode()), AggregationEvent)
    return Packing(
        row.event_time, row.action == "ADD", event.childEPCs or (), event.childQuantityList or ()
    )


def too_much() -> Invalid:
    """Say that no container is like that."""
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

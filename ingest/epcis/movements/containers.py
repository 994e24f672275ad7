"""The goods in containers: what was packed into them, up to a moment."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from ingest.epcis.identifiers.epc import canonical, identify
from ingest.epcis.identifiers.schemes import SSCC_KEY
from ingest.epcis.model.event_goods import Named, goods_named
from ingest.epcis.model.event_parts import QuantityElement
from ingest.epcis.model.goods import Goods, Role
from ingest.epcis.movements.packings import (
    DEPTH_MAX,
    THINGS_MAX,
    Content,
    Packings,
    is_container,
    too_much,
)


@dataclass
class _Opened:
    """All that is in some containers, down to things that are none; unknown: containers that nobody told of."""

    epcs: dict[str, str] = field(default_factory=dict)
    quantities: list[QuantityElement] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def open(self, container: str, packings: Packings, at: datetime, depth: int = 1) -> None:
        """Add what a container held at a moment, and what the containers within it held. Raises Invalid."""
        if depth > DEPTH_MAX:
            raise too_much()
        past = [packing for packing in packings.get(canonical(container), ()) if packing.at <= at]
        if not past:
            self.unknown.append(container)
            return
        held = Content()
        for packing in past:
            held.take(packing)
        if len(self.epcs) + len(held.epcs) > THINGS_MAX:
            raise too_much()
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

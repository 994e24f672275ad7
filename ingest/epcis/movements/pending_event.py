"""A captured event whose movements are to be made, and what becomes of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ingest.epcis.model.context import prefixes_of
from ingest.epcis.model.event_goods import goods_named, ilmd_of, named_in
from ingest.epcis.model.goods import sum_goods
from ingest.epcis.model.models import EVENT_TYPES, AnyEvent
from ingest.epcis.model.reading import decode
from ingest.epcis.model.values import instant_of
from ingest.epcis.movements.containers import goods_within
from ingest.epcis.movements.event_facts import EventFacts
from ingest.epcis.movements.held_movements import MOVED
from ingest.epcis.movements.lines import Line
from ingest.epcis.movements.packings import Packings
from ingest.ledger.ledger import Outcome


@dataclass
class PendingEvent:
    """One pending event with what it moves, and at the end what became of that.

    row: of claim_capture or claim_stale. kept: what the ledger holds of it. done: what the event's row keeps of each
    movement. state: of movement_state. reverses: the row of the event that a declaration is for.
    """

    row: Any
    event: AnyEvent
    lines: Sequence[Line] = ()
    note: str | None = None
    state: str = "none"
    kept: list[dict[str, Any]] = field(default_factory=list)
    done: list[dict[str, Any]] = field(default_factory=list)
    reverses: Any = None

    def facts(self, packings: Packings) -> EventFacts:
        """The event with its goods, those in its containers too. Raises Invalid for more than can be."""
        at = instant_of(self.event.eventTime)
        goods = [
            goods
            for named in named_in(self.event)
            for goods in (*goods_named(named), *goods_within(named, packings, at))
        ]
        ilmd = ilmd_of(self.event, prefixes_of(self.row.context))
        return EventFacts(self.row.identity, self.event, sum_goods(goods), ilmd)

    def finish(self, outcomes: Mapping[str, Outcome]) -> None:
        """Note what became of the lines. A state that was decided before stays."""
        self.done = self.kept + [_done(line, outcomes[line.event_id]) for line in self.lines]
        moved = sum(done["outcome"] in MOVED for done in self.done)
        if self.done and self.state == "none":
            some = "partial" if moved else "rejected"
            self.state = "recorded" if moved == len(self.done) else some


def read_work(row: Any) -> PendingEvent:
    """Read a captured event again, which was checked when it was captured."""
    value = decode(row.event.encode())
    return PendingEvent(row, msgspec.convert(value, EVENT_TYPES.get(value["type"], AnyEvent)))


def lines_missing(lines: Iterable[Line], kept: Sequence[Mapping[str, Any]]) -> list[Line]:
    """The lines that the ledger does not hold, under whatever table they were made."""
    known = {done["id"] for done in kept}
    return [line for line in lines if line.event_id not in known and not line.same_as & known]


def _done(line: Line, outcome: Outcome) -> dict[str, Any]:
    """What an event's row keeps of one movement."""
    done = {
        "id": line.event_id,
        "kind": line.kind,
        "product": line.product,
        "location": line.location,
        "quantity": line.quantity,
        "outcome": outcome.name,
    }
    if outcome.fault is not None:
        done |= {"reason": outcome.fault.reason, "message": outcome.fault.message}
    return {name: value for name, value in done.items() if value is not None}

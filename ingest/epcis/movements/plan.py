"""What pending events would move, and what error declarations reverse: read, decided, and nothing written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa

from ingest.epcis.model.context import prefixes_of
from ingest.epcis.model.goods import ilmd_of, named_in, sum_goods
from ingest.epcis.model.models import EVENT_TYPES, AnyEvent
from ingest.epcis.model.reading import decode
from ingest.epcis.model.values import instant_of
from ingest.epcis.movements.containers import Packings, goods_within, is_container, read_packings
from ingest.epcis.movements.directory import Directory, read_directory
from ingest.epcis.movements.event_facts import EventFacts, name_of, places_of
from ingest.epcis.movements.held_movements import MOVED, Held, held_movements, kept_of
from ingest.epcis.movements.lines import CORRECTED, Line, correction, lines_of
from ingest.epcis.movements.rules import Movement, Rule, read_rules, rule_of
from ingest.ledger.ledger import Outcome
from stocktide.domain.kinds import CORRECTION
from stocktide.foundation.database import statement
from stocktide.foundation.keys import Key, keys_named

WAYS: frozenset[Movement] = frozenset({"adjustment in", "adjustment out"})
UNMOVED = ("AggregationEvent", "AssociationEvent")


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

    @classmethod
    def of(cls, row: Any) -> "PendingEvent":
        """Read a captured event again, which was checked when it was captured."""
        value = decode(row.event.encode())
        return cls(row, msgspec.convert(value, EVENT_TYPES.get(value["type"], AnyEvent)))

    def facts(self, packings: Packings) -> EventFacts:
        """Return the event with its goods, those in its containers too. Raises Invalid for more than can be."""
        at = instant_of(self.event.eventTime)
        goods = [
            goods
            for named in named_in(self.event)
            for goods in (*named.goods, *goods_within(named, packings, at))
        ]
        ilmd = ilmd_of(self.event, prefixes_of(self.row.context))
        return EventFacts(self.row.identity, self.event, sum_goods(goods), ilmd)

    def finish(self, outcomes: Mapping[str, Outcome]) -> None:
        """Note what became of the lines. A state that was decided before stays."""
        self.done = self.kept + [line.done(outcomes[line.event_id]) for line in self.lines]
        moved = sum(done["outcome"] in MOVED for done in self.done)
        if self.done and self.state == "none":
            some = "partial" if moved else "rejected"
            self.state = "recorded" if moved == len(self.done) else some


Moving = tuple[PendingEvent, EventFacts, Movement]


def plan_events(connection: sa.Connection, work: Sequence[PendingEvent]) -> None:
    """Decide for each event which movements are still to be made: never one that the ledger holds.

    An event that was declared wrong makes none any more; what it has made already, its declaration reverses.
    """
    _keep(connection, work)
    moving = _moving(connection, work)
    directory = _directory(connection, moving)
    for item, facts, movement in moving:
        lines = lines_of(facts, movement, directory)
        # held under whatever table of movements it was made
        held = {done["id"] for done in item.kept}
        item.lines = [
            line for line in lines if line.event_id not in held and not line.same_as & held
        ]
        if not lines:
            item.note = "no trade items in the event"
    _withdraw(connection, work)


def _keep(connection: sa.Connection, work: Sequence[PendingEvent]) -> None:
    """Find what the ledger holds of events already."""
    held: dict[str, list[Held]] = {}
    for movement in held_movements(connection, [item.row for item in work]):
        if not movement.corrects:
            held.setdefault(movement.event_name, []).append(movement)
    for item in work:
        item.kept = kept_of(item.row, held.get(name_of(item.row.identity), ()))


def _moving(connection: sa.Connection, work: Sequence[PendingEvent]) -> list[Moving]:
    """Find the events that move something by the table, with their goods."""
    rules = read_rules(connection)
    moving: list[tuple[PendingEvent, Movement]] = []
    for item in work:
        movement, item.note = _movement(item.row, rules)
        if movement != "none":
            moving.append((item, movement))
    things = {
        epc for item, _movement in moving for named in named_in(item.event) for epc in named.epcs
    }
    packings = read_packings(connection, filter(is_container, things))
    return [(item, item.facts(packings), movement) for item, movement in moving]


def _movement(row: Any, rules: Sequence[Rule]) -> tuple[Movement, str | None]:
    if row.event_type in UNMOVED:
        return "none", f"an {row.event_type} moves no stock"
    rule = rule_of(rules, row)
    if rule is None:
        return "none", f"no rule for {row.event_type} with bizStep {row.biz_step}"
    return rule.movement, rule.why


def _directory(connection: sa.Connection, moving: Sequence[Moving]) -> Directory:
    goods = [goods for _item, facts, _movement in moving for goods in facts.goods]
    places = [
        place
        for _item, facts, movement in moving
        for way in WAYS | {movement}
        for place in places_of(facts.event, way)
    ]
    return read_directory(connection, goods, places)


def _withdraw(connection: sa.Connection, work: Sequence[PendingEvent]) -> None:
    """Hold back what was declared wrong, by a feed whose key may reverse it."""
    declared: dict[str, set[str]] = {}
    binds = {"identities": [item.row.identity for item in work]}
    for row in connection.execute(statement("ingest/epcis/declared_wrong"), binds):
        declared.setdefault(row.identity, set()).add(row.feed)
    keys = keys_named(connection, {feed for feeds in declared.values() for feed in feeds})
    for item in work:
        feeds = declared.get(item.row.identity, ())
        if any(_may_withdraw(keys.get(feed), item) for feed in feeds):
            item.state, item.lines = "withdrawn", ()
            what = "everything" if item.kept else "anything"
            item.note = f"declared wrong before it had moved {what}"


def _may_withdraw(key: Key | None, item: PendingEvent) -> bool:
    planned = (line.location for line in item.lines)
    return may_declare(key, [*planned, *(done["location"] for done in item.kept)]) is None


def plan_reversal(connection: sa.Connection, item: PendingEvent) -> None:
    """Decide which corrections a declaration makes. It waits while the event itself is being posted."""
    binds = {"identity": item.row.identity, "event_hash": item.row.event_hash}
    original = connection.execute(statement("ingest/epcis/event_declared"), binds).one_or_none()
    key = keys_named(connection, {item.row.feed}).get(item.row.feed)
    if original is None:
        item.note = "the event that it declares wrong is not known here"
        _refuse(item, key, [])
    elif original.movement_state == "pending":
        # it may be recorded at this moment, by a process that knew nothing of the declaration: wait until that ends
        item.state = "pending"
    else:
        _reverse(connection, item, original, key)


def _reverse(connection: sa.Connection, item: PendingEvent, original: Any, key: Key | None) -> None:
    item.reverses = original
    # asked of the ledger: a movement that was refused may have been fixed and recorded since
    movements = held_movements(connection, [original])
    done = {movement.movement_id: movement.done for movement in movements if movement.corrects}
    moved = [movement for movement in movements if movement.can_be_reversed]
    reversals = (movement.movement_id + CORRECTED for movement in moved)
    item.kept = [done[own] for own in reversals if own in done]
    facts = EventFacts(item.row.identity, item.event, (), {})
    item.lines = [correction(facts, movement) for movement in moved if not movement.corrected]
    if item.lines or item.kept:
        return
    item.note = (
        "what the event that it declares wrong had moved is reversed already"
        if moved
        else "the event that it declares wrong had moved nothing; counts stand until newer ones come"
    )
    _refuse(item, key, [line["location"] for line in original.movements if "location" in line])


def _refuse(item: PendingEvent, key: Key | None, locations: Sequence[str]) -> None:
    """Refuse a declaration that only withdraws its event, where the key could not reverse it."""
    why = may_declare(key, locations)
    if why is not None:
        item.state, item.note, item.reverses = "rejected", why, None


def may_declare(key: Key | None, places: Sequence[str]) -> str | None:
    """Return why a key may not declare an event wrong that moves something at some places; None if it may."""
    if key is None:
        return None
    refused = (key.refuses(CORRECTION.name, place) for place in places or (None,))
    return next((why for why in refused if why is not None), None)

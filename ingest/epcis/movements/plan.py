"""What pending events would move: read from the database, decided, and nothing written."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ingest.epcis.model.event_goods import named_in
from ingest.epcis.movements.directory import Directory, read_directory
from ingest.epcis.movements.event_facts import EventFacts, name_of, places_of
from ingest.epcis.movements.feed_keys import keys_of, may_declare
from ingest.epcis.movements.held_movements import Held, held_movements, kept_of, noted_ids
from ingest.epcis.movements.lines import lines_of
from ingest.epcis.movements.packings import is_container, read_packings
from ingest.epcis.movements.pending_event import PendingEvent, lines_missing
from ingest.epcis.movements.rules import Movement, Rule, read_rules, rule_of
from stocktide.foundation.database import statement
from stocktide.foundation.keys import Key

WAYS: frozenset[Movement] = frozenset({"adjustment in", "adjustment out"})
UNMOVED = ("AggregationEvent", "AssociationEvent")

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
        item.lines = lines_missing(lines, item.kept)
        if not lines:
            item.note = "no trade items in the event"
    _withdraw(connection, work)


def _keep(connection: sa.Connection, work: Sequence[PendingEvent]) -> None:
    """Find what the ledger holds of events already."""
    rows = [item.row for item in work]
    held = held_movements(connection, (row.identity for row in rows), noted_ids(rows))
    for item in work:
        item.kept = kept_of(item.row, _movements_in(held, item.row.identity))


def _movements_in(held: Mapping[str, Sequence[Held]], identity: str) -> list[Held]:
    return [movement for movement in held.get(name_of(identity), ()) if not movement.corrects]


def _moving(connection: sa.Connection, work: Sequence[PendingEvent]) -> list[Moving]:
    """The events that move something by the table, with their goods."""
    rules = read_rules(connection)
    moving: list[tuple[PendingEvent, Movement]] = []
    for item in work:
        movement, item.note = _movement(item.row, rules)
        if movement != "none":
            moving.append((item, movement))
    containers = {
        epc
        for item, _movement in moving
        for named in named_in(item.event)
        for epc in named.epcs
        if is_container(epc)
    }
    packings = read_packings(connection, containers)
    return [(item, item.facts(packings), movement) for item, movement in moving]


def _movement(row: Any, rules: Sequence[Rule]) -> tuple[Movement, str | None]:
    if row.event_type in UNMOVED:
        return "none", f"an {row.event_type} moves no stock"
    rule = rule_of(
        rules, row.event_type, step=row.biz_step, disposition=row.disposition, action=row.action
    )
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
    declared = _declared_wrong(connection, [item.row.identity for item in work])
    keys = keys_of(connection, {feed for feeds in declared.values() for feed in feeds})
    for item in work:
        feeds = declared.get(item.row.identity, ())
        if any(_may_withdraw(keys.get(feed), item) for feed in feeds):
            item.state, item.lines = "withdrawn", ()
            item.note = "declared wrong before it had moved everything" if item.kept else WITHDRAWN


WITHDRAWN = "declared wrong before it had moved anything"


def _may_withdraw(key: Key | None, item: PendingEvent) -> bool:
    planned = (line.location for line in item.lines)
    return may_declare(key, [*planned, *(done["location"] for done in item.kept)]) is None


def _declared_wrong(connection: sa.Connection, identities: Sequence[str]) -> dict[str, set[str]]:
    """Which events were declared wrong, by the feeds that said so."""
    rows = connection.execute(
        statement("ingest/epcis/declared_wrong"), {"identities": list(identities)}
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row.identity, set()).add(row.feed)
    return found

"""What pending events would move: read from the database, decided, and nothing written."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import sqlalchemy as sa

from ingest.epcis.context import prefixes_of
from ingest.epcis.directory import Directory, read_directory
from ingest.epcis.goods import goods_of, ilmd_of
from ingest.epcis.models import EVENT_TYPES, AnyEvent
from ingest.epcis.movements import SOURCE, Line, correction, lines_of
from ingest.epcis.reading import decode
from ingest.epcis.rules import Movement, Rule, read_rules, rule_of
from ingest.epcis.told import Told, places_of
from ingest.parsing.events import Fault
from ingest.parsing.kinds import REVERSIBLE
from stocktide.database import statement
from stocktide.keys import COLUMNS, Key, key_of

# Outcomes under which a movement stands in the ledger.
MOVED = ("accepted", "duplicate")
WAYS: frozenset[Movement] = frozenset({"adjustment in", "adjustment out"})
UNMOVED = ("AggregationEvent", "AssociationEvent")


@dataclass
class Work:
    """One pending event with what it moves, and at the end what became of that.

    state: of movement_state. kept: what an earlier try recorded. done: what the event's row keeps of each movement.
    reverses: the event that a declaration is for.
    """

    row: Any
    told: Told
    lines: Sequence[Line] = ()
    note: str | None = None
    state: str = "none"
    kept: list[dict[str, Any]] = field(default_factory=list)
    done: list[dict[str, Any]] = field(default_factory=list)
    reverses: int | None = None


def read_work(row: Any) -> Work:
    """Read a captured event again. row: of claim_pending."""
    event = event_of(row.event.encode())
    ilmd = ilmd_of(event, prefixes_of(row.context))
    return Work(row, Told(row.identity, event, goods_of(event), ilmd))


def event_of(raw: bytes) -> AnyEvent:
    """Make an event of its JSON, which was checked when it was captured."""
    value = decode(raw)
    event: AnyEvent = msgspec.convert(value, EVENT_TYPES.get(value["type"], AnyEvent))
    return event


def plan_events(connection: sa.Connection, work: Sequence[Work]) -> None:
    """Decide for each event which movements it makes. One that was declared wrong already makes none."""
    rules = read_rules(connection)
    wrong = _declared_wrong(connection, [item.row.identity for item in work])
    moving: list[tuple[Work, Movement]] = []
    for item in work:
        if item.row.identity in wrong:
            item.state, item.note = "withdrawn", "declared wrong before it had moved anything"
            continue
        movement, item.note = _movement(item.row, rules)
        if movement != "none":
            moving.append((item, movement))
    directory = _directory(connection, moving)
    keys = keys_of(connection, {item.row.feed for item, _movement in moving})
    for item, movement in moving:
        item.kept = [done for done in item.row.movements if done["outcome"] in MOVED]
        known = {done["id"] for done in item.kept}
        lines = lines_of(item.told, movement, directory)
        new = [line for line in lines if line.event_id not in known]
        item.lines = _allowed(new, keys.get(item.row.feed))
        if not lines:
            item.note = "no trade items in the event"


def plan_reversal(connection: sa.Connection, item: Work) -> None:
    """Decide what an error declaration reverses: what the event that it is for has moved, and nothing twice."""
    original = connection.execute(
        statement("ingest/epcis/event_declared"),
        {"identity": item.row.identity, "event_hash": item.row.event_hash},
    ).one_or_none()
    if original is None:
        item.note = "the event that it declares wrong is not known here"
        return
    if original.movement_state == "pending":
        # it may be recorded at this moment, by a process that knew nothing of the declaration: wait until that ends
        item.state = "pending"
        return
    item.reverses = original.event_no
    # of a conflict something stands in the ledger as well, if not what the event says
    moved = [
        done
        for done in original.movements
        if done["outcome"] in (*MOVED, "conflict") and done["kind"] in REVERSIBLE
    ]
    lines = [correction(item.told, done["id"], done["location"]) for done in moved]
    key = keys_of(connection, {item.row.feed}).get(item.row.feed)
    item.lines = _allowed(lines, key)
    if not lines:
        item.note = (
            "the event that it declares wrong had moved nothing; counts stand until newer ones come"
        )


def _declared_wrong(connection: sa.Connection, identities: Sequence[str]) -> set[str]:
    rows = connection.execute(
        statement("ingest/epcis/declared_wrong"), {"identities": list(identities)}
    )
    return set(rows.scalars())


def _movement(row: Any, rules: Sequence[Rule]) -> tuple[Movement, str | None]:
    if row.event_type in UNMOVED:
        return "none", f"an {row.event_type} moves no stock"
    rule = rule_of(
        rules, row.event_type, step=row.biz_step, disposition=row.disposition, action=row.action
    )
    if rule is None:
        return "none", f"no rule for {row.event_type} with bizStep {row.biz_step}"
    return rule.movement, rule.why


def _directory(connection: sa.Connection, moving: Sequence[tuple[Work, Movement]]) -> Directory:
    goods = [goods for item, _movement in moving for goods in item.told.goods]
    places = [
        place
        for item, movement in moving
        for way in WAYS | {movement}
        for place in places_of(item.told.event, way)
    ]
    return read_directory(connection, goods, places)


def keys_of(connection: sa.Connection, feeds: set[str]) -> dict[str, Key]:
    """The keys of some feeds, by name."""
    query = sa.text(f"SELECT {COLUMNS} FROM access_keys WHERE name = ANY(:feeds)")  # noqa: S608 - our own names
    rows = connection.execute(query, {"feeds": sorted(feeds)}).mappings()
    return {row["name"]: key_of(row) for row in rows}


def _allowed(lines: Sequence[Line], key: Key | None) -> list[Line]:
    """Refuse what the feed's key may not send: a movement that goes through EPCIS is one all the same."""
    checked = []
    for line in lines:
        why = None if key is None else key.refuses(line.kind, line.location)
        fault = Fault("key_limits", why, None, SOURCE, line.event_id) if why else None
        checked.append(replace(line, fault=line.fault or fault))
    return checked

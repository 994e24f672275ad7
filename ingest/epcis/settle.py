"""Captured events to the ledger. Idempotent: a movement's id follows from its event, so what was done is not redone.

An event is captured in one transaction and its movements are recorded in the next. Between the two it is pending:
whoever finds it so, also after a crash, makes its movements.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from ingest.epcis.context import prefixes_of
from ingest.epcis.directory import Directory, read_directory
from ingest.epcis.goods import goods_of, ilmd_of
from ingest.epcis.models import EVENT_TYPES, AnyEvent
from ingest.epcis.movements import SOURCE, Line, Told, correction, lines_of, places_of
from ingest.epcis.reading import decode
from ingest.epcis.rules import Movement, Rule, read_rules, rule_of
from ingest.events import Fault
from ingest.ledger import Outcome
from ingest.recording import Recorder
from stocktide.database import statement
from stocktide.keys import COLUMNS, Key, key_of

CLOUD_EVENT = "application/cloudevents+json"
# A pending event that nobody has touched for so long belongs to a process that died.
STALE_S = 60.0
# Events taken up at once.
CHUNK = 500
MOVED = ("accepted", "duplicate")


@dataclass
class _Work:
    """One pending event with what it moves, and at the end what became of that."""

    row: Any
    told: Told
    movement: Movement = "none"
    lines: Sequence[Line] = ()
    note: str | None = None
    state: str = "none"
    done: list[dict[str, Any]] = field(default_factory=list)
    reverses: int | None = None


def settle(recorder: Recorder, *, capture_id: UUID | None = None, stale_s: float = STALE_S) -> int:
    """Make the movements of pending events: those of a capture, and those that nobody works on any more.

    Returns how many events were settled. Raises Transient if the database is away; the rest stays pending.
    """
    settled = 0
    while True:
        with recorder.engine.begin() as connection:
            rows = connection.execute(
                statement("ingest/epcis/claim_pending"),
                {"capture_id": capture_id, "stale_s": stale_s, "count": CHUNK},
            ).all()
            work = [_Work(row, _told(row)) for row in sorted(rows, key=lambda row: row.event_no)]
            _plan(connection, work)
        plain = [item for item in work if not item.row.declares_error]
        _record(recorder, plain)
        _write(recorder.engine, plain)
        # declarations come last: what they reverse may have been recorded just now
        declarations = [item for item in work if item.row.declares_error]
        for item in declarations:
            _withdraw(recorder, item)
        _write(recorder.engine, declarations)
        settled += len(work)
        if len(work) < CHUNK:
            return settled


def retry_rejected(recorder: Recorder) -> int:
    """Make the movements that were refused once more. Returns how many events were tried."""
    with recorder.engine.begin() as connection:
        connection.execute(statement("ingest/epcis/retry_rejected"))
    return settle(recorder)


def _told(row: Any) -> Told:
    event = event_of(row.event.encode())
    ilmd = ilmd_of(event, prefixes_of(row.context))
    return Told(row.identity, row.event_hash, event, goods_of(event), ilmd)


def event_of(raw: bytes) -> AnyEvent:
    """Read a captured event again. raw: its JSON; it was checked when it was captured."""
    value = decode(raw)
    event: AnyEvent = msgspec.convert(value, EVENT_TYPES.get(value["type"], AnyEvent))
    return event


def _plan(connection: sa.Connection, work: Sequence[_Work]) -> None:
    """Decide for each event which movements it makes."""
    if not work:
        return
    rules = read_rules(connection)
    wrong = set(
        connection.execute(
            statement("ingest/epcis/declared_wrong"),
            {"identities": [item.row.identity for item in work]},
        ).scalars()
    )
    for item in work:
        item.movement, item.note = _movement(item.row, rules)
        if not item.row.declares_error and item.row.identity in wrong:
            item.movement, item.state = "none", "withdrawn"
            item.note = "declared wrong before its movements were made"
    moving = [item for item in work if item.movement != "none"]
    directory = read_directory(
        connection,
        [goods for item in moving for goods in item.told.goods],
        [place for item in moving for place in _all_places(item)],
    )
    keys = _keys(connection, {item.row.feed for item in moving})
    for item in moving:
        item.lines = _allowed(_lines(item, directory), keys.get(item.row.feed))


def _movement(row: Any, rules: Sequence[Rule]) -> tuple[Movement, str | None]:
    if row.event_type in ("AggregationEvent", "AssociationEvent"):
        return "none", f"an {row.event_type} moves no stock"
    rule = rule_of(
        rules, row.event_type, step=row.biz_step, disposition=row.disposition, action=row.action
    )
    if rule is None:
        return "none", f"no rule for {row.event_type} with bizStep {row.biz_step}"
    return rule.movement, rule.why


def _all_places(item: _Work) -> list[str]:
    places = places_of(item.told.event, item.movement)
    return places + places_of(item.told.event, "adjustment out")


def _lines(item: _Work, directory: Directory) -> list[Line]:
    if item.row.declares_error:
        return []
    lines = lines_of(item.told, item.movement, directory)
    if not lines:
        item.note = "no trade items in the event"
    return lines


def _keys(connection: sa.Connection, feeds: set[str]) -> dict[str, Key]:
    query = sa.text(f"SELECT {COLUMNS} FROM access_keys WHERE name = ANY(:feeds)")  # noqa: S608 - our own names
    rows = connection.execute(query, {"feeds": sorted(feeds)}).mappings()
    return {row["name"]: key_of(row) for row in rows}


def _allowed(lines: Sequence[Line], key: Key | None) -> list[Line]:
    """Refuse what the feed's key may not send: a movement that goes through EPCIS is one all the same."""
    checked = []
    for line in lines:
        event = decode(line.raw)
        kind = event["type"].removeprefix("stocktide.")
        why = None if key is None else key.refuses(kind, event["data"]["location"])
        fault = Fault("key_limits", why, None, SOURCE, line.event_id) if why else None
        checked.append(Line(line.event_id, line.raw, line.fault or fault))
    return checked


def _record(recorder: Recorder, work: Sequence[_Work]) -> None:
    """Record the movements of events; all lines of one event are in one transaction."""
    for feed in sorted({item.row.feed for item in work}):
        mine = [item for item in work if item.row.feed == feed]
        outcomes = _tell_ledger(recorder, feed, [line for item in mine for line in item.lines])
        for item in mine:
            if item.state != "withdrawn":
                _note(item, [outcomes[line.event_id] for line in item.lines])


def _tell_ledger(recorder: Recorder, feed: str, lines: Sequence[Line]) -> dict[str, Outcome]:
    """Record lines; those that are wrong already are kept as rejects. Returns outcomes by the lines' ids."""
    good = [line for line in lines if line.fault is None]
    bad = [line for line in lines if line.fault is not None]
    outcomes: dict[str, Outcome] = {}
    if bad:
        faults = [line.fault for line in bad if line.fault is not None]
        recorder.record_parsed(feed, CLOUD_EVENT, [line.raw for line in bad], faults)
        outcomes |= {
            line.event_id: Outcome("rejected", SOURCE, line.event_id, line.fault) for line in bad
        }
    if good:
        recorded = recorder.record(feed, CLOUD_EVENT, [line.raw for line in good])
        outcomes |= dict(zip((line.event_id for line in good), recorded, strict=True))
    return outcomes


def _withdraw(recorder: Recorder, item: _Work) -> None:
    """Reverse what a declared event moved. An event that is not known here, or not settled yet, is left to itself."""
    with recorder.engine.connect() as connection:
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
    declared = item.told.event.errorDeclaration
    reason = f"EPCIS error declaration: {declared.reason or 'no reason given'}" if declared else ""
    lines = [
        correction(item.told, done["id"], reason)
        for done in original.movements
        if done["outcome"] in MOVED
    ]
    item.reverses = original.event_no
    item.lines = lines
    outcomes = _tell_ledger(recorder, item.row.feed, lines)
    _note(item, [outcomes[line.event_id] for line in lines])
    if not lines:
        item.note = "the event that it declares wrong had moved nothing"


def _note(item: _Work, outcomes: Sequence[Outcome]) -> None:
    item.done = [
        {
            "id": line.event_id,
            "outcome": outcome.name,
            **(
                {"reason": outcome.fault.reason, "message": outcome.fault.message}
                if outcome.fault is not None
                else {}
            ),
        }
        for line, outcome in zip(item.lines, outcomes, strict=True)
    ]
    moved = sum(outcome.name in MOVED for outcome in outcomes)
    if not outcomes:
        item.state = "none"
    elif moved == len(outcomes):
        item.state = "recorded"
    else:
        item.state = "partial" if moved else "rejected"


def _write(engine: sa.Engine, work: Sequence[_Work]) -> None:
    rows = [
        {
            "event_no": item.row.event_no,
            "movement_state": item.state,
            "movement_note": item.note,
            "movements": item.done,
        }
        for item in work
        if item.state != "pending"
    ]
    if not rows:
        return
    reversed_events = [item.reverses for item in work if item.reverses is not None]
    with engine.begin() as connection:
        connection.execute(statement("ingest/epcis/withdraw"), {"event_nos": reversed_events})
        connection.execute(
            statement("ingest/epcis/settle"), {"rows": msgspec.json.encode(rows).decode()}
        )

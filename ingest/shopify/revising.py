"""Events that exports should have in the ledger, compared with what is there: what is new, changed, or taken back.

An export repeats what it said before, and sometimes says it otherwise: an order was edited, cancelled, or paid back. An
event that differs is taken back by a correction, and recorded again under its key with a number behind it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from ingest.parsing.events import Event, Fault
from ingest.parsing.parser import EventParser
from ingest.recording.recording import Recorder
from ingest.shopify.sales import Draft
from stocktide.domain.kinds import CORRECTION
from stocktide.foundation.database import statement

# An event that was edited more often than this is left as it stands.
VERSIONS_MAX = 20
CHUNK = 2_000
EDITED, TAKEN_BACK = "edited since", "cancelled or removed since"


class Sent(NamedTuple):
    """An event to be recorded: its bytes, and what parsing made of them."""

    raw: bytes
    parsed: Event | Fault


@dataclass
class Revision:
    """What is to be sent, and counts of what stays, was edited, and is taken back. refused: keys of drafts that are."""

    sent: list[Sent] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    unchanged: int = 0
    edited: int = 0
    taken_back: int = 0

    def __iadd__(self, other: "Revision") -> "Revision":
        """Add another's events and counts."""
        self.sent += other.sent
        self.refused |= other.refused
        self.unchanged += other.unchanged
        self.edited += other.edited
        self.taken_back += other.taken_back
        return self


def revise(recorder: Recorder, source: str, drafts: Iterable[Draft]) -> Revision:
    """Compare drafts with what is recorded under their keys. Nothing is written."""
    revision = Revision()
    open_drafts, version = list(drafts), 1
    while open_drafts and version <= VERSIONS_MAX:
        known = known_events(recorder.engine, source, [_id(d.key, version) for d in open_drafts])
        sent = [(d, encoded(recorder.parser, source, d, version)) for d in open_drafts]
        told = [(d, one) for d, one in sent if _id(d.key, version) in known]
        revision.sent += [one for d, one in sent if _id(d.key, version) not in known]
        revision.refused |= {draft.key for draft, one in sent if isinstance(one.parsed, Fault)}
        differing = _differing(recorder, told)
        revision.unchanged += len(told) - len(differing)
        if version == 1:
            revision.edited = len(differing)
        ids = [_id(draft.key, version) for draft in differing]
        revision.sent += _corrections(recorder, source, ids, EDITED)
        open_drafts, version = differing, version + 1
    return revision


def withdraw(recorder: Recorder, source: str, keys: Iterable[str]) -> Revision:
    """Take back the newest event of each key that is recorded, unless it is taken back already."""
    last: dict[str, str] = {}
    left, version = list(keys), 1
    while left and version <= VERSIONS_MAX:
        known = known_events(recorder.engine, source, [_id(key, version) for key in left])
        left = [key for key in left if _id(key, version) in known]
        last |= {key: _id(key, version) for key in left}
        version += 1
    sent = list(_corrections(recorder, source, list(last.values()), TAKEN_BACK))
    return Revision(sent, taken_back=len(sent))


def removed_lines(recorder: Recorder, source: str, lines: Mapping[str, int]) -> list[str]:
    """Return keys of recorded lines behind the last that an order still has. lines: number of lines by order."""
    found: list[str] = []
    left = {f"{name}:{count + 1}": (name, count + 1) for name, count in lines.items()}
    while left:
        known = known_events(recorder.engine, source, list(left))
        found += known
        left = {f"{n}:{c + 1}": (n, c + 1) for key, (n, c) in left.items() if key in known}
    return found


def known_events(engine: sa.Engine, source: str, ids: Sequence[str]) -> dict[str, datetime]:
    """Return which events of a source are recorded, and when they happened."""
    found: dict[str, datetime] = {}
    with engine.connect() as connection:
        for start in range(0, len(ids), CHUNK):
            binds = {"source": source, "ids": list(ids[start : start + CHUNK])}
            rows = connection.execute(statement("ingest/known_events"), binds)
            found |= {row.event_id: row.occurred_at for row in rows}
    return found


def _differing(recorder: Recorder, told: Sequence[tuple[Draft, Sent]]) -> list[Draft]:
    """Return the drafts whose recorded events say something else: by recording them, and taking that back."""
    differing = []
    for start in range(0, len(told), CHUNK):
        part = told[start : start + CHUNK]
        with recorder.engine.connect() as connection:
            outcomes = recorder.ledger.append(connection, [one.parsed for _, one in part])
            connection.rollback()
        pairs = zip(part, outcomes, strict=True)
        differing += [draft for (draft, _), outcome in pairs if outcome.name == "conflict"]
    return differing


def _corrections(
    recorder: Recorder, source: str, ids: Sequence[str], reason: str
) -> Iterator[Sent]:
    """Yield corrections of recorded events, without those that were made before."""
    backs = {f"{one}/back": one for one in ids}
    known = known_events(recorder.engine, source, list(backs))
    now = datetime.now(UTC).isoformat()
    for back, one in backs.items():
        if back not in known:
            data = {"corrects_id": one, "reason": reason}
            raw = _event(source, back, CORRECTION.type, now, data)
            yield Sent(raw, recorder.parser.parse(raw))


def encoded(parser: EventParser, source: str, draft: Draft, version: int = 1) -> Sent:
    """Return a draft as an event, or with its fault, which says where its row stands."""
    raw = _event(source, _id(draft.key, version), draft.kind.type, draft.time, draft.data)
    one = Sent(raw, parser.parse(raw))
    if isinstance(one.parsed, Fault):
        fault = replace(one.parsed, message=f"{draft.place}: {one.parsed.message}")
        return Sent(raw, fault)
    return one


def _event(source: str, name: str, type_: str, time: str, data: Mapping[str, object]) -> bytes:
    head = {"specversion": "1.0", "id": name, "source": source, "type": type_, "time": time}
    return msgspec.json.encode({**head, "data": data})


def _id(key: str, version: int) -> str:
    return key if version == 1 else f"{key}/{version}"

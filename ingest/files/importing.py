"""Import of files: rows become CloudEvents and go the way of all events; every row ends in one outcome."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from ingest.files.code_flags import code_warnings
from ingest.files.mapping import Mapping, open_mapping
from ingest.files.row_events import broken_rows, parsed_chunks
from ingest.files.source_file import no_rows
from ingest.files.struct_rows import in_calls
from ingest.files.tabular import TabularFile
from ingest.files.tally import Tally
from ingest.ledger.announcement import announce
from ingest.ledger.dimensions import (
    LocationIn,
    ProductIn,
    price_micros,
    put_locations,
    put_products,
)
from ingest.parsing.events import Event, Fault
from ingest.parsing.parser import EventParser
from ingest.recording.feed_limits import permitted_of_feed
from ingest.recording.recording import Recorder
from stocktide.foundation.runs import Run, note_progress, recorded_run
from stocktide.foundation.settings import Settings
from stocktide.foundation.stored_text import is_storable

__all__ = ["Tally", "dry_run_file", "import_file", "open_mapping"]
SAMPLE_ROWS = 5
# Pages take an import that has noted nothing for two minutes for dead.
NOTE_EVERY_S = 2.0
CONTENT_TYPE = "application/cloudevents+json"
ROW_TYPE = "text/csv"
Advance = Callable[[int, int | None], None]


def import_file(path: Path, mapping: Mapping, recorder: Recorder, advance: Advance) -> Tally:
    """Import a file. Raises Invalid if file and mapping do not fit; a row's fault is counted and kept instead.

    Stopped or killed at any moment, it can be run again: what was recorded answers "duplicate".
    """
    with recorded_run(recorder.engine, "import") as run:
        run.detail.update(file=path.name, mapping=mapping.name)
        with TabularFile(path, mapping) as table:
            tally = _import_table(table, recorder, noting(recorder.engine, run, advance))
        run.detail.update(tally.as_dict())
    return tally


def noting(engine: sa.Engine, run: Run, advance: Advance) -> Advance:
    """Return what tells the caller how far an import is, and now and then the pages."""
    noted_at = -NOTE_EVERY_S

    def note(rows: int, of: int | None) -> None:
        nonlocal noted_at
        advance(rows, of)
        if time.monotonic() - noted_at < NOTE_EVERY_S:
            return
        noted_at = time.monotonic()
        at = datetime.now(UTC).isoformat()
        note_progress(
            engine, run, "importing", rows / of if of else 0.0, rows=rows, rows_of=of, noted_at=at
        )

    return note


def _import_table(table: TabularFile, recorder: Recorder, advance: Advance) -> Tally:
    plan = _plan(table)
    _make_known(plan, recorder, table.mapping.timezone)
    feed, tally = f"import {table.mapping.name}", plan.tally
    for text, fault in broken_rows(table):
        recorder.keep(feed, ROW_TYPE, text, fault)
        tally.reject(fault)
    for raws, parsed in parsed_chunks(table, recorder.parser):
        allowed = permitted_of_feed(recorder.engine, feed, parsed)
        for outcome in recorder.record_parsed(feed, CONTENT_TYPE, raws, allowed):
            tally.add(outcome)
        advance(tally.accounted, tally.read)
    tally.check()
    return tally


def dry_run_file(
    path: Path, mapping: Mapping, settings: Settings
) -> tuple[list[dict[str, Any]], Tally]:
    """Return the first rows as events, and counts of what would become of all rows: by the plan of the import.

    The ledger is not asked, so "event" does not tell what is recorded already; rows of the file that repeat another one
    are told apart as the import does it.
    """
    sample: list[dict[str, Any]] = []
    seen: dict[int, int] = {}
    with TabularFile(path, mapping) as table:
        tally = _plan(table).tally
        for _, fault in broken_rows(table):
            tally.reject(fault)
        for raws, parsed in parsed_chunks(table, EventParser(settings)):
            for raw, item in zip(raws, parsed, strict=True):
                if isinstance(item, Fault):
                    tally.reject(item)
                    continue
                tally.outcomes[_repeated(seen, item, tally) or f"event: {item.kind}"] += 1
                if len(sample) < SAMPLE_ROWS:
                    sample.append(msgspec.json.decode(raw))
    tally.check()
    return sample, tally


def _repeated(seen: dict[int, int], event: Event, tally: Tally) -> str | None:
    """Return "duplicate" or "conflict" for an event whose identity stood in the file before, else None.

    seen: hashes of the events so far by hashes of their identities.
    """
    identity, content = hash((event.source, event.event_id)), hash(msgspec.json.encode(event))
    if identity not in seen:
        seen[identity] = content
        return None
    if seen[identity] == content:
        return "duplicate"
    tally.examples.setdefault(
        "conflict",
        f"{event.event_id!r} is the id of an earlier row with other content; each event needs an id of its own, "
        "such as one with the line of its order.",
    )
    return "conflict"


class Plan(NamedTuple):
    """What an import begins with: counts, and the products and locations that its events name."""

    tally: Tally
    products: list[ProductIn]
    locations: list[LocationIn]


def _plan(table: TabularFile) -> Plan:
    """Return what both the import and its dry run begin with. Raises Invalid for a file without rows."""
    read, _ = table.counts()
    if read == 0:
        raise no_rows(table.path)
    dialect = table.source.dialect
    tally = Tally(read, table.left_out(), dialect=None if dialect is None else dialect.shown())
    products = described(table.products(), ProductIn)
    locations = described(table.locations(), LocationIn)
    for place in ("product.sku", "location.code"):
        tally.warnings += code_warnings(place, table.codes(place))
    doubled, first = table.doubled_times()
    if doubled:
        zone = table.mapping.timezone
        tally.warnings.append(
            f"event.time: {doubled} rows stand in an hour that clocks in {zone} pass twice, and name no offset,"
            f" such as row {first}; they are taken as its second time."
        )
    return Plan(tally, products, locations)


def _make_known(plan: Plan, recorder: Recorder, zone: str) -> None:
    """Create and describe the products and locations of the file. zone: of new locations that name none."""
    with recorder.engine.begin() as connection:
        for products in in_calls(plan.products):
            announce(connection, put_products(connection, products))
        for locations in in_calls(plan.locations):
            put_locations(connection, locations, new_zone=zone)


def described(rows: list[dict[str, Any]], shape: type[Any]) -> list[Any]:
    """Return the sound rows; an event that names another is rejected by name like any other.

    A price that cannot be one is left unknown: the rows that say it are judged one by one.
    """
    sound = []
    for row in rows:
        said = {name: value for name, value in row.items() if value is not None}
        if any(isinstance(value, str) and not is_storable(value) for value in said.values()):
            continue
        try:
            described = msgspec.convert(said, shape, strict=False)
        except msgspec.ValidationError:
            continue
        price = getattr(described, "price", None)
        if price is not None and price_micros(price) is None:
            described.price = None
        sound.append(described)
    return sound

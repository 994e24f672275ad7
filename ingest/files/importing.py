"""Import of files: rows become CloudEvents and go the way of all events; every row ends in one outcome."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from ingest.files.mapping import Mapping, open_mapping
from ingest.files.source_file import no_rows
from ingest.files.struct_rows import in_calls
from ingest.files.tabular import TabularFile
from ingest.ledger.announcement import announce
from ingest.ledger.dimensions import (
    LocationIn,
    ProductIn,
    price_micros,
    put_locations,
    put_products,
)
from ingest.ledger.outcomes import Outcome, rejected
from ingest.parsing.events import Event, Fault
from ingest.parsing.parser import EventParser
from ingest.recording.feed_limits import permitted_of_feed
from ingest.recording.recording import Recorder
from stocktide.domain.kinds import KINDS
from stocktide.foundation.runs import recorded_run
from stocktide.foundation.settings import Settings
from stocktide.foundation.stored_text import is_storable

__all__ = ["Tally", "dry_run_file", "import_file", "open_mapping"]
SAMPLE_ROWS = 5
CONTENT_TYPE = "application/cloudevents+json"
Advance = Callable[[int, int | None], None]


@dataclass
class Tally:
    """Counts of what became of every row. The parts add up to the rows read."""

    read: int
    left_out: dict[str, int] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Count one row's outcome."""
        if outcome.name == "rejected" and outcome.fault is not None:
            self.rejected[outcome.fault.reason] += 1
        else:
            self.outcomes[outcome.name] += 1

    @property
    def accounted(self) -> int:
        """Return the sum over all outcomes."""
        return sum(self.left_out.values()) + self.outcomes.total() + self.rejected.total()

    def check(self) -> None:
        """Raise AssertionError unless every row is accounted for."""
        if self.accounted != self.read:
            raise AssertionError(f"{self.read} rows read, {self.accounted} accounted for")

    def rows(self) -> list[list[Any]]:
        """Return the counts as rows for people."""
        return [
            ["read", self.read],
            *[[name, count] for name, count in self.outcomes.items()],
            *[[f"left out: {reason}", count] for reason, count in self.left_out.items()],
            *[[f"rejected: {reason}", count] for reason, count in self.rejected.most_common()],
            ["sum of outcomes", self.accounted],
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the counts for machines."""
        return {
            "read": self.read,
            **self.outcomes,
            "left_out": self.left_out,
            "rejected": dict(self.rejected),
            "accounted": self.accounted,
        }


def import_file(path: Path, mapping: Mapping, recorder: Recorder, advance: Advance) -> Tally:
    """Import a file. Raises Invalid if file and mapping do not fit; a row's fault is counted and kept instead.

    Stopped or killed at any moment, it can be run again: what was recorded answers "duplicate".
    """
    with recorded_run(recorder.engine, "import") as run:
        run.detail.update(file=path.name, mapping=mapping.name)
        with TabularFile(path, mapping) as table:
            tally = _import_table(table, recorder, advance)
        run.detail.update(tally.as_dict())
    return tally


def _import_table(table: TabularFile, recorder: Recorder, advance: Advance) -> Tally:
    tally = _begin(table)
    _make_known(table, recorder)
    feed = f"import {table.mapping.name}"
    for line, error, text in table.broken_lines():
        fault = Fault("broken_line", f"{table.path.name}, line {line}: {error}")
        recorder.keep(feed, "text/csv", (text or "").encode(), fault)
        tally.add(rejected(fault))
    for raws, parsed in _parsed_chunks(table, recorder.parser):
        allowed = permitted_of_feed(recorder.engine, feed, parsed)
        for outcome in recorder.record_parsed(feed, CONTENT_TYPE, raws, allowed):
            tally.add(outcome)
        advance(tally.accounted, tally.read)
    tally.check()
    return tally


def dry_run_file(
    path: Path, mapping: Mapping, settings: Settings
) -> tuple[list[dict[str, Any]], Tally]:
    """Return the first rows as events, and counts of what would become of all rows.

    The ledger is not asked, so "event" is not split into accepted, duplicate and conflict.
    """
    sample: list[dict[str, Any]] = []
    with TabularFile(path, mapping) as table:
        tally = _begin(table)
        if broken := len(table.broken_lines()):
            tally.rejected["broken_line"] = broken
        for raws, parsed in _parsed_chunks(table, EventParser(settings)):
            for raw, item in zip(raws, parsed, strict=True):
                if isinstance(item, Fault):
                    tally.rejected[item.reason] += 1
                    continue
                tally.outcomes[f"event: {item.kind}"] += 1
                if len(sample) < SAMPLE_ROWS:
                    sample.append(msgspec.json.decode(raw))
    return sample, tally


def _begin(table: TabularFile) -> Tally:
    read, _ = table.counts()
    if read == 0:
        raise no_rows(table.path)
    return Tally(read, table.left_out())


def _make_known(table: TabularFile, recorder: Recorder) -> None:
    """Create and describe the products and locations of the file."""
    products = _described(table.products(), ProductIn)
    locations = _described(table.locations(), LocationIn)
    with recorder.engine.begin() as connection:
        for part in in_calls(products):
            announce(connection, put_products(connection, part))
        for part in in_calls(locations):
            put_locations(connection, part)


def _described(rows: list[dict[str, Any]], shape: type[Any]) -> list[Any]:
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


def _parsed_chunks(
    table: TabularFile, parser: EventParser
) -> Iterator[tuple[list[bytes], list[Event | Fault]]]:
    """Yield the bytes of events, or of rows as they stood in the file, with what parsing made of them."""
    for chunk in table.event_rows():
        rows = [_parsed(table, row, parser) for row in chunk]
        yield [raw for raw, _ in rows], [parsed for _, parsed in rows]


def _parsed(
    table: TabularFile, row: dict[str, Any], parser: EventParser
) -> tuple[bytes, Event | Fault]:
    fault = _fault_of(row, table.mapping)
    raw = row["original"].encode() if fault else _event(table.mapping, row)
    parsed = fault or parser.parse(raw)
    if isinstance(parsed, Fault):
        said = f"{table.path.name}, row {row['row']}: {parsed.message}"
        parsed = replace(parsed, message=said)
    return raw, parsed


def _fault_of(row: dict[str, Any], mapping: Mapping) -> Fault | None:
    """Return why no event can be made of a row, or None."""
    if (column := row["bad_column"]) is not None:
        return Fault("wrong_type", f"column {column} is no {mapping.columns[column]}.", column)
    if row["rule"] is None:
        return Fault("no_rule", "no [[kind]] of the mapping applies.")
    if row["time"] is None and row["time_said"] is not None:
        return Fault("time_range", f"the time {row['time_said']} is out of range.", "time")
    empty = [name for name in ("id", "time", "product", "location") if row[name] is None]
    return Fault("missing_field", f"the {empty[0]} is empty.", empty[0]) if empty else None


def _event(mapping: Mapping, row: dict[str, Any]) -> bytes:
    fields = {k.removeprefix("data."): v for k, v in row.items() if k.startswith("data.")}
    data = {name: value for name, value in fields.items() if value is not None}
    # what is neither goes in as the text that it is, and is refused as any event with such a field
    if data.get("order_line", "").isdecimal():
        data["order_line"] = int(data["order_line"])
    if data.get("promotion") in ("true", "false"):
        data["promotion"] = data["promotion"] == "true"
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": row["id"],
            "source": mapping.source,
            "type": KINDS[mapping.kind[row["rule"]].kind].type,
            "time": row["time"].isoformat(),
            "data": {"product": row["product"], "location": row["location"], **data},
        }
    )

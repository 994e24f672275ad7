"""Import of files: rows become CloudEvents and go the way of all events; every row ends in one outcome."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from ingest.files.mapping import Mapping, open_mapping
from ingest.files.tabular import TabularFile
from ingest.ledger.announcement import announce
from ingest.ledger.dimensions import (
    PUT_ROWS_MAX,
    LocationIn,
    ProductIn,
    price_micros,
    put_locations,
    put_products,
)
from ingest.ledger.outcomes import Outcome
from ingest.parsing.events import Event, Fault
from ingest.parsing.parser import EventParser
from ingest.recording.recording import Recorder
from stocktide.domain.kinds import KINDS
from stocktide.foundation.errors import Invalid
from stocktide.foundation.runs import recorded_run
from stocktide.foundation.settings import Settings
from stocktide.foundation.stored_text import is_storable

__all__ = ["Tally", "dry_run_file", "import_file", "open_mapping"]
SAMPLE_ROWS = 5
CONTENT_TYPE = "application/cloudevents+json"
Advance = Callable[[int, int | None], None]


@dataclass
class Tally:
    """Where every row went. The parts add up to the rows read."""

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
        """Sum over all outcomes."""
        return sum(self.left_out.values()) + self.outcomes.total() + self.rejected.total()

    def rows(self) -> list[list[Any]]:
        """Rows for people."""
        named = [[name, count] for name, count in self.outcomes.items()]
        return [
            ["read", self.read],
            *named,
            *[[f"left out: {reason}", count] for reason, count in self.left_out.items()],
            *[[f"rejected: {reason}", count] for reason, count in self.rejected.most_common()],
            ["sum of outcomes", self.accounted],
        ]

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "read": self.read,
            **self.outcomes,
            "left_out": self.left_out,
            "rejected": dict(self.rejected),
            "accounted": self.accounted,
        }


@dataclass(frozen=True)
class ImportRow:
    """One row on its way: the event's bytes and what parsing made of them."""

    raw: bytes
    parsed: Event | Fault


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
        tally.add(Outcome("rejected", fault=fault))
    for rows in _parsed_chunks(table, recorder.parser):
        outcomes = recorder.record_parsed(
            feed, CONTENT_TYPE, [r.raw for r in rows], [r.parsed for r in rows]
        )
        for outcome in outcomes:
            tally.add(outcome)
        advance(tally.accounted, tally.read)
    if tally.accounted != tally.read:
        raise AssertionError(f"{tally.read} rows read, {tally.accounted} accounted for")
    return tally


def dry_run_file(
    path: Path, mapping: Mapping, settings: Settings
) -> tuple[list[dict[str, Any]], Tally]:
    """Give the first rows as events, and where all rows would go; the ledger is not asked, so "event" is not split."""
    with TabularFile(path, mapping) as table:
        tally = _begin(table)
        for line, error, _ in table.broken_lines():
            tally.add(Outcome("rejected", fault=Fault("broken_line", f"line {line}: {error}")))
        sample: list[dict[str, Any]] = []
        for rows in _parsed_chunks(table, EventParser(settings)):
            events = [row.raw for row in rows if not isinstance(row.parsed, Fault)]
            sample += [msgspec.json.decode(event) for event in events[: SAMPLE_ROWS - len(sample)]]
            for row in rows:
                _count_dry(tally, row.parsed)
    return sample, tally


def _count_dry(tally: Tally, parsed: Event | Fault) -> None:
    if isinstance(parsed, Fault):
        tally.rejected[parsed.reason] += 1
    else:
        tally.outcomes[f"event: {parsed.kind}"] += 1


def _begin(table: TabularFile) -> Tally:
    read, _ = table.counts()
    if read == 0:
        raise Invalid("file_empty", f"{table.path}: there is a header, but no row.")
    return Tally(read, table.left_out())


def _make_known(table: TabularFile, recorder: Recorder) -> None:
    """Create and describe the products and locations of the file."""
    products = _described(table.products(), ProductIn)
    locations = _described(table.locations(), LocationIn)
    with recorder.engine.begin() as connection:
        for start in range(0, len(products), PUT_ROWS_MAX):
            announce(connection, put_products(connection, products[start : start + PUT_ROWS_MAX]))
        for start in range(0, len(locations), PUT_ROWS_MAX):
            put_locations(connection, locations[start : start + PUT_ROWS_MAX])


def _described(rows: list[dict[str, Any]], shape: type[Any]) -> list[Any]:
    """Rows that are sound; an event that names one that is not is rejected by name like any other.

    A price that is none is left unknown: the rows that say it are judged one by one.
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


def _parsed_chunks(table: TabularFile, parser: EventParser) -> Iterator[list[ImportRow]]:
    for chunk in table.event_rows():
        yield [_row(table, row, parser) for row in chunk]


def _row(table: TabularFile, row: dict[str, Any], parser: EventParser) -> ImportRow:
    """Turn one mapped row into an event, or into a Fault with the row as it stood in the file."""
    mapping = table.mapping
    place = f"{table.path.name}, row {row['row']}"
    original = row["original"].encode()
    if row["bad_column"] is not None:
        column = row["bad_column"]
        message = f"{place}: column {column} is no {mapping.columns[column]}."
        return ImportRow(original, Fault("wrong_type", message, column))
    if row["rule"] is None:
        return ImportRow(
            original, Fault("no_rule", f"{place}: no [[kind]] of the mapping applies.")
        )
    if row["time"] is None and row["time_said"] is not None:
        message = f"{place}: the time {row['time_said']} is out of range."
        return ImportRow(original, Fault("time_range", message, "time"))
    for name in ("id", "time", "product", "location"):
        if row[name] is None:
            return ImportRow(
                original, Fault("missing_field", f"{place}: the {name} is empty.", name)
            )
    event = _event(mapping, row)
    parsed = parser.parse(event)
    if isinstance(parsed, Fault):
        parsed = replace(parsed, message=f"{place}: {parsed.message}")
    return ImportRow(event, parsed)


def _event(mapping: Mapping, row: dict[str, Any]) -> bytes:
    time: datetime = row["time"]
    data = {
        name.removeprefix("data."): value
        for name, value in row.items()
        if name.startswith("data.") and value is not None
    }
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
            "time": time.isoformat(),
            "data": {"product": row["product"], "location": row["location"], **data},
        }
    )

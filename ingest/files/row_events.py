"""Rows of a mapped file as events, or as faults that name row, line, column and value."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from ingest.files.column_types import refusal
from ingest.files.mapped_table import place_in_mapping
from ingest.files.mapping import Mapping
from ingest.files.source_file import place_of, said_of
from ingest.files.tabular import TabularFile
from ingest.parsing.events import Event, Fault
from ingest.parsing.parser import EventParser
from stocktide.domain.kinds import KINDS

VALUE_LETTERS_MAX = 60


def broken_rows(table: TabularFile) -> Iterator[tuple[bytes, Fault]]:
    """Yield the text of what is no row, and its fault."""
    for number, broken in table.source.broken:
        message = f"{table.path.name}, {place_of(number)}: {said_of(broken)}"
        yield broken.text.encode(), Fault("broken_line", message)


def parsed_chunks(
    table: TabularFile, parser: EventParser
) -> Iterator[tuple[list[bytes], list[Event | Fault]]]:
    """Yield the bytes of events, or of rows as they stood in the file, with what parsing made of them."""
    failures: dict[str, str] = {}
    for chunk in table.event_rows():
        rows = [_parsed(table, row, parser, failures) for row in chunk]
        yield [raw for raw, _ in rows], [parsed for _, parsed in rows]


def _parsed(
    table: TabularFile, row: dict[str, Any], parser: EventParser, failures: dict[str, str]
) -> tuple[bytes, Event | Fault]:
    fault = _fault_of(table, row, failures)
    raw = row["original"].encode() if fault else _event(table.mapping, row)
    parsed = fault or parser.parse(raw)
    if isinstance(parsed, Fault):
        line = "" if row["line"] is None else f"line {row['line']} of the file: "
        said = f"{table.path.name}, {place_of(row['row'])}: {line}{parsed.message}{_inexact(table, row, parsed)}"
        parsed = replace(parsed, message=said)
    return raw, parsed


def _inexact(table: TabularFile, row: dict[str, Any], fault: Fault) -> str:
    """Return what to do about decimals that computing with doubles has made."""
    place = place_in_mapping(fault.field or "", row["rule"])
    if fault.reason != "too_precise" or not table.mapped.is_inexact(place):
        return ""
    said = f"{place} = {table.mapped.expression(place)!r} computes with doubles"
    return f" {said}: declare its columns DECIMAL, which computes exactly."


def _fault_of(table: TabularFile, row: dict[str, Any], failures: dict[str, str]) -> Fault | None:
    """Return why no event can be made of a row, or None. failures: what DuckDB said of an expression, by its place."""
    if (column := row["bad_column"]) is not None:
        value = msgspec.json.decode(row["original"])[column]
        said = refusal(table.mapping.columns[column], value, table.marks)
        return Fault("wrong_type", f"column {column}: {said}", column)
    if row["failed"] is not None:
        return _failed(table, row, failures)
    if row["rule"] is None:
        return Fault("no_rule", f"no [[kind]] of the mapping applies to {_cells(row)}.")
    if row["time"] is None and row["time_said"] is not None:
        return Fault("time_range", f"the time {row['time_said']} is out of range.", "time")
    named = (
        ("id", "id"),
        ("time", "time"),
        ("product", "product.sku"),
        ("location", "location.code"),
    )
    empty = next((name for name, field in named if row[field] is None), None)
    return (
        Fault("missing_field", f"the {empty} is empty in {_cells(row)}.", empty) if empty else None
    )


def _failed(table: TabularFile, row: dict[str, Any], failures: dict[str, str]) -> Fault:
    place = place_in_mapping(row["failed"], row["rule"])
    if place not in failures:
        failures[place] = table.mapped.failure(place, row["row"])
        said = failures[place]
    else:
        said = "it fails, as on an earlier row"
    sql = table.mapped.expression(place)
    used = [
        name for name in table.mapping.columns if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sql)
    ]
    return Fault("mapping_expression", f"{place} = {sql!r} on {_cells(row, used)}: {said}.", place)


def _cells(row: dict[str, Any], only: list[str] | None = None) -> str:
    """Return the columns of a row and their values, for a message."""
    cells = msgspec.json.decode(row["original"])
    said = ", ".join(
        f"{name} = {value if value is None else value[:VALUE_LETTERS_MAX]!r}"
        for name, value in cells.items()
        if only is None or name in only
    )
    return said[: 10 * VALUE_LETTERS_MAX] or "a row without columns"


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
            "data": {"product": row["product.sku"], "location": row["location.code"], **data},
        }
    )

"""A first mapping for a file: how it is written, its columns with types, and roles to confirm."""

import json
import re
from pathlib import Path

from ingest.files.column_guesses import Columns
from ingest.files.dialect import FileOptions
from ingest.files.draft_rows import DraftRows, draft_rows
from ingest.files.draft_rules import kind_rules, leave_out_rules
from ingest.files.mapping import RESERVED
from ingest.files.raw_table import quoted
from ingest.files.time_guesses import text_when_joined, time_of, zone_of
from ingest.files.toml_text import toml_text
from stocktide.foundation.errors import Invalid


def draft_mapping(path: Path, options: FileOptions | None = None) -> str:
    """Return a commented first mapping for a file, as TOML. Raises Invalid where it cannot be read or has no row."""
    rows = draft_rows(path, options or FileOptions())
    columns = rows.columns
    if all(name.lower() in RESERVED for name in columns.seen):
        why = f"every column has a name that is ours ({', '.join(columns.seen)}); rename them in the file."
        raise Invalid("mapping_column", f"{path.name}: {why}")
    roles = _roles(columns, rows.footer)
    return "\n\n".join([_head(path, columns), _file(rows), _columns(columns, roles), roles]) + "\n"


def _head(path: Path, columns: Columns) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", path.name.partition(".")[0].lower()).strip("-") or "import"
    order = columns.role("id")
    lines = [
        f"# A first mapping for {json.dumps(path.name, ensure_ascii=False)}. Check the lines marked CONFIRM, then:",
        "#   stocktide mapping check THIS.toml FILE",
        "# Expressions are SQL (DuckDB) over the columns below and `line`; docs/mappings.md has all keys, and recipes.",
        f'name = "{name}"',
        "# CONFIRM: the zone of times without an offset, such as Europe/London or America/New_York.",
        'timezone = "UTC"',
        "# CONFIRM: who sends. With the event's id it is its identity: never change it afterwards.",
        f'source = "{name}"',
    ]
    if order and columns.repeats(order):
        lines += [
            "# CONFIRM: `line` counts the rows of the same order, so that they keep their ids in another export.",
            f"line_within = {toml_text(order)}",
        ]
    return "\n".join(lines)


def _file(rows: DraftRows) -> str:
    dialect = rows.source.dialect
    if dialect is None:
        return "# The file is not a delimited one: it needs no table [file]."
    lines = [
        "# How the file is written. A line that is taken out is found again in each file.",
        "[file]",
    ]
    lines += [
        f"{name} = {toml_text(getattr(dialect, name))}" for name in ("delimiter", "quote", "escape")
    ]
    if rows.is_guessed:
        lines.append(
            f"# CONFIRM: the file is not UTF-8. Read so it says {_odd_text(rows.columns)}."
        )
    lines.append(f"encoding = {toml_text(rows.options.encoding or dialect.encoding)}")
    if rows.skip_footer:
        lines += ["# CONFIRM: the last lines are a total.", f"skip_footer = {rows.skip_footer}"]
    if rows.columns.decimal_comma():
        lines += ["# CONFIRM: numbers are written 1.234,5.", 'decimal = ","', 'thousands = "."']
    return "\n".join(lines)


def _odd_text(columns: Columns) -> str:
    """Return a text that shows whether the encoding is right."""
    values = (v for said in columns.seen.values() for v in said if not v.isascii())
    return json.dumps(next(values, "nothing but plain letters"), ensure_ascii=False)


def _columns(columns: Columns, roles: str) -> str:
    """Return the columns that the roles use; the others as comments."""
    text, lines = text_when_joined(columns), []
    said = roles.replace('\\"', '"')
    for name, values in columns.seen.items():
        kind = "VARCHAR" if name in text else columns.type_of(name)
        if (
            kind == "DECIMAL"
            and name == columns.role("quantity")
            and f"* {quoted(name)}" not in said
        ):
            kind = "DOUBLE"  # nothing is computed of it
        used = quoted(name) in said or not any(quoted(column) in said for column in columns.seen)
        note = toml_text(values[0][:40]) if values else "empty in the first rows"
        if name.lower() in RESERVED:
            used, note = False, f"{note}; the name is ours: rename the column in the file to use it"
        lines.append(f'{"" if used else "# "}{toml_text(name)} = "{kind}"  # {note}')
    start = (
        "# CONFIRM the types; behind them is the first value. Take the # away before what you need."
    )
    return "\n".join(["[columns]", start, *lines])


def _roles(columns: Columns, footer: str | None) -> str:
    parts = [
        _event(columns),
        ["[product]", *_product(columns)],
        ["[location]", *_location(columns)],
        leave_out_rules(columns, footer),
        kind_rules(columns),
    ]
    return "\n\n".join("\n".join(part) for part in parts)


def _event(columns: Columns) -> list[str]:
    order, time = columns.role("id"), time_of(columns)
    lines = ["[event]", "# CONFIRM: what names the row, the same whenever it is exported again."]
    if order is None:
        lines.append(
            'id = "line::VARCHAR"  # no column looks like an id: the row\'s place in the file is a poor one'
        )
    else:
        name = quoted(order)
        lines.append(
            f"id = {toml_text(f'''{name} || ':' || line''' if columns.repeats(order) else name)}"
        )
    if time is None:
        return [*lines, 'time = ""  # CONFIRM: no column looks like a time; write one']
    return [*lines, f"# CONFIRM: {time[1]}.", f"time = {toml_text(time[0])}"]


def _product(columns: Columns) -> list[str]:
    sku, name = columns.role("sku"), columns.role("name")
    if sku is None:
        return ['sku = ""  # CONFIRM: no column looks like a product; write one']
    lines = [f"sku = {toml_text(quoted(sku))}"]
    if not columns.is_full(sku):
        why = "is empty in some rows; they are rejects, unless another column takes its place."
        lines = [f"# CONFIRM: {toml_text(sku)} {why}"]
        said = f"coalesce(nullif(trim({quoted(sku)}), ''), {quoted(name)})" if name else quoted(sku)
        lines.append(f"sku = {toml_text(said)}")
    if name:
        lines.append(f"name = {toml_text(quoted(name))}")
    category, department = columns.role("category"), columns.role("department")
    groups = {"category": category, "department": None if department == category else department}
    return lines + [f"{key} = {toml_text(quoted(said))}" for key, said in groups.items() if said]


def _location(columns: Columns) -> list[str]:
    place, zone = columns.role("location"), zone_of(columns)
    zones = [f"timezone = {toml_text(zone)}"] if zone else []
    if place is None:
        why = "# CONFIRM: no column looks like a location; one for all rows."
        return [why, "code = \"'main'\"", *zones]
    if columns.is_full(place):
        return [f"code = {toml_text(quoted(place))}", *zones]
    why = f"# CONFIRM: {toml_text(place)} is empty in some rows: taken from the order's other rows, else 'online'."
    return [
        why,
        f"code = {toml_text(f'coalesce({columns.carried(place)}, {chr(39)}online{chr(39)})')}",
        *zones,
    ]

"""A first mapping for a file, written from its head: columns with types, the dialect, and roles to confirm."""

import json
import re
from itertools import islice
from pathlib import Path

from ingest.files.column_guesses import Columns
from ingest.files.dialect import FileOptions
from ingest.files.raw_table import RowSource, literal, quoted
from ingest.files.source_file import no_rows, open_source
from stocktide.domain.kinds import RETURN, SALE

ROWS_SEEN = 1_000


def draft_mapping(path: Path, options: FileOptions | None = None) -> str:
    """Return a commented first mapping for a file, as TOML. Raises Invalid where it cannot be read or has no row."""
    source = open_source(path, options)
    rows = list(islice(source.dicts(), ROWS_SEEN))
    if not rows:
        raise no_rows(path)
    names = dict.fromkeys(name for row in rows for name in row if name)
    values = {n: [str(row[n]) for row in rows if row.get(n) not in (None, "")] for n in names}
    columns = Columns(values, len(rows))
    roles = _roles(columns)
    return (
        "\n\n".join(
            [_head(path, columns), _file(source, columns, options), _columns(columns, roles), roles]
        )
        + "\n"
    )


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
            f"line_within = {_toml(order)}",
        ]
    return "\n".join(lines)


def _file(source: RowSource, columns: Columns, options: FileOptions | None) -> str:
    if source.dialect is None:
        return "# The file is not a delimited one: it needs no table [file]."
    dialect = source.dialect
    parts = {"delimiter": dialect.delimiter, "quote": dialect.quote, "escape": dialect.escape}
    parts["encoding"] = (options and options.encoding) or dialect.encoding
    lines = [
        "# How the file is written. A line that is taken out is found again in each file.",
        "[file]",
    ]
    lines += [f"{name} = {_toml(value)}" for name, value in parts.items()]
    if columns.decimal_comma():
        lines += ["# CONFIRM: numbers are written 1.234,5.", 'decimal = ","', 'thousands = "."']
    return "\n".join(lines)


def _columns(columns: Columns, roles: str) -> str:
    """Return the columns that the roles use; the others as comments."""
    text, lines = set(columns.text_when_joined()), []
    said = roles.replace('\\"', '"')
    for name, values in columns.seen.items():
        kind = "VARCHAR" if name in text else columns.type_of(name)
        used = quoted(name) in said or not any(quoted(column) in said for column in columns.seen)
        first = _toml(values[0][:40]) if values else "empty in the first rows"
        lines.append(f'{"" if used else "# "}{_toml(name)} = "{kind}"  # {first}')
    start = (
        "# CONFIRM the types; behind them is the first value. Take the # away before what you need."
    )
    return "\n".join(["[columns]", start, *lines])


def _roles(columns: Columns) -> str:
    quantity = columns.role("quantity")
    parts = [
        *_event(columns),
        "",
        "[product]",
        *_product(columns),
        "",
        "[location]",
        *_location(columns),
        "",
        *_leave_out(columns),
        "",
        "# CONFIRM: what the other rows are; the first rule that holds counts.",
        *_kind(columns, SALE.name, ">", quantity, ""),
    ]
    if quantity and columns.has_negative(quantity):
        parts += ["", *_kind(columns, RETURN.name, "<", quantity, "-")]
    return "\n".join(parts)


def _event(columns: Columns) -> list[str]:
    order, time = columns.role("id"), columns.time()
    lines = ["[event]", "# CONFIRM: what names the row, the same whenever it is exported again."]
    if order is None:
        lines.append(
            'id = "line::VARCHAR"  # no column looks like an id: the row\'s place in the file is a poor one'
        )
    else:
        name = quoted(order)
        lines.append(
            f"id = {_toml(f'''{name} || ':' || line''' if columns.repeats(order) else name)}"
        )
    if time is None:
        return [*lines, 'time = ""  # CONFIRM: no column looks like a time; write one']
    return [*lines, f"# CONFIRM: {time[1]}.", f"time = {_toml(time[0])}"]


def _product(columns: Columns) -> list[str]:
    sku, name = columns.role("sku"), columns.role("name")
    if sku is None:
        return ['sku = ""  # CONFIRM: no column looks like a product; write one']
    lines = [f"sku = {_toml(quoted(sku))}"]
    if not columns.is_full(sku):
        lines = [
            f"# CONFIRM: {_toml(sku)} is empty in some rows; they are rejects, unless another column takes its place."
        ]
        said = f"coalesce(nullif(trim({quoted(sku)}), ''), {quoted(name)})" if name else quoted(sku)
        lines.append(f"sku = {_toml(said)}")
    return lines + ([f"name = {_toml(quoted(name))}"] if name else [])


def _location(columns: Columns) -> list[str]:
    place = columns.role("location")
    if place is None:
        return [
            "# CONFIRM: no column looks like a location; one for all rows.",
            "code = \"'main'\"",
        ]
    if columns.is_full(place):
        return [f"code = {_toml(quoted(place))}"]
    why = f"# CONFIRM: {_toml(place)} is empty in some rows: taken from the order's other rows, else 'online'."
    return [
        why,
        f"code = {_toml(f'coalesce({_carried(columns, place)}, {chr(39)}online{chr(39)})')}",
    ]


def _leave_out(columns: Columns) -> list[str]:
    lines = ["# Rows that are no event, by reason; the first rule that holds counts."]
    for name, values in columns.states():
        shown = ", ".join(values)
        lines += ["# [[leave_out]]", '# reason = "cancelled"', f"# {_toml(name)} has: {shown}"]
        lines.append(f"# when = {_toml(f'{quoted(name)} = {literal(values[0])}')}")
    if len(lines) == 1:
        lines += ["# [[leave_out]]", '# reason = "postage"', "# when = \"sku = 'POST'\""]
    return lines


def _kind(columns: Columns, kind: str, sign: str, quantity: str | None, minus: str) -> list[str]:
    price, currency, total = map(columns.role, ("price", "currency", "line_total"))
    lines = ["[[kind]]", f'kind = "{kind}"']
    if quantity is None:
        lines += [
            'when = "true"',
            "[kind.data]",
            'quantity = "1"  # CONFIRM: no column looks like a quantity',
        ]
    else:
        name = quoted(quantity)
        lines += [
            f"when = {_toml(f'{name} {sign} 0')}",
            "[kind.data]",
            f"quantity = {_toml(minus + name)}",
        ]
    numbers = ("BIGINT", "DOUBLE")
    if price and columns.type_of(price) in numbers:
        lines.append(f"price = {_toml(quoted(price))}  # CONFIRM: of one piece")
    if total and total != price and columns.type_of(total) in numbers:
        amount = _toml((minus if quantity else "") + quoted(total))
        lines.append(f"line_total = {amount}  # CONFIRM: paid for the line, without tax?")
    if any("price =" in line or "line_total =" in line for line in lines):
        known = _toml(_carried(columns, currency)) if currency else "\"'EUR'\"  # CONFIRM"
        lines.append(f"currency = {known}")
    return lines


def _carried(columns: Columns, name: str) -> str:
    """Return SQL of a column, taken from the order's other rows where only some have it."""
    order = columns.role("id")
    if columns.is_full(name) or order is None or not columns.repeats(order):
        return quoted(name)
    return f"max({quoted(name)}) OVER (PARTITION BY {quoted(order)})"


def _toml(text: str) -> str:
    """Quote a text for TOML."""
    if '"' in text and text.isprintable():
        if "'" not in text:
            return f"'{text}'"
        if "'''" not in text and not text.endswith("'"):
            return f"'''{text}'''"
    # JSON's escapes are TOML's, but for DEL
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

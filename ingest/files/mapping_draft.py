"""A first mapping for a file, written from its head: columns with types, the dialect, and roles guessed as comments."""

import json
import re
from itertools import islice
from pathlib import Path

from ingest.files.dialect import Dialect, FileOptions
from ingest.files.raw_table import RowSource, quoted
from ingest.files.source_file import no_rows, open_source

ROWS_SEEN = 1_000
# What a column's name usually says, the likeliest first. Names are compared without spaces, dashes and case.
ROLES = {
    "id": ("lineitemid", "transactionid", "receiptid", "rowid", "id", "orderid", "name", "invoiceno", "ordernumber"),
    "time": ("createdat", "soldat", "paidat", "orderdate", "datetime", "timestamp", "moment", "invoicedate", "date"),
    "sku": ("lineitemsku", "sku", "productid", "itemid", "stockcode", "article", "product", "item"),
    "name": ("lineitemname", "productname", "description", "itemname", "title", "item", "name"),
    "quantity": ("lineitemquantity", "quantity", "qty", "units", "count", "sales"),
    "price": ("lineitemprice", "unitprice", "price", "itemcost"),
    "location": ("location", "locationname", "store", "storeid", "shop", "branch", "warehouse", "city"),
    "currency": ("currency", "ordercurrency"),
}  # fmt: skip
TYPES = {
    "BIGINT": r"[+-]?\d{1,15}",
    "DOUBLE": r"[+-]?\d{1,13}(\.\d{1,6})?",
    "DATE": r"\d{4}-\d{1,2}-\d{1,2}",
    "TIMESTAMP": r"\d{4}-\d{1,2}-\d{1,2}[ T]\d{1,2}:\d{2}.*",
}


def draft_mapping(path: Path) -> str:
    """Return a commented first mapping for a file, as TOML. Raises Invalid where it cannot be read or has no row."""
    source = open_source(path)
    rows = list(islice(source.dicts(), ROWS_SEEN))
    if not rows:
        raise no_rows(path)
    names = list(dict.fromkeys(name for row in rows for name in row if name))
    seen = {
        name: [str(row[name]) for row in rows if row.get(name) not in (None, "")] for name in names
    }
    kinds = {name: type_of(name, values) for name, values in seen.items()}
    parts = [
        _head(path),
        _file_table(source),
        _columns(kinds, seen),
        _roles(names, kinds),
    ]
    return "\n\n".join(parts) + "\n"


def type_of(name: str, values: list[str]) -> str:
    """Return the narrowest type of all the values; codes, which only look like numbers, are text."""
    is_code = (
        role_of([name], "sku")
        or role_of([name], "id")
        or any(v[:1] == "0" and v.isdigit() and len(v) > 1 for v in values)
    )
    for kind, pattern in TYPES.items():
        if values and not is_code and all(re.fullmatch(pattern, value) for value in values):
            return kind
    return "VARCHAR"


def role_of(names: list[str], role: str) -> str | None:
    """Return the column that probably has a role, or None."""
    plain = {re.sub(r"[^a-z]", "", name.lower()): name for name in reversed(names)}
    return next((plain[word] for word in ROLES[role] if word in plain), None)


def _head(path: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", path.name.partition(".")[0].lower()).strip("-") or "import"
    return (
        f"# A first mapping for {json.dumps(path.name, ensure_ascii=False)}. Check the lines marked CONFIRM, then:\n"
        "#   stocktide mapping check THIS.toml FILE\n"
        "# Expressions are SQL (DuckDB) over the columns below and `line`; see docs/mappings.md.\n"
        f'name = "{name}"\n'
        "# CONFIRM: the zone of times without an offset, such as Europe/London or America/New_York.\n"
        'timezone = "UTC"\n'
        "# CONFIRM: who sends. With the event's id it is its identity: never change it afterwards.\n"
        f'source = "{name}"'
    )


def _file_table(source: RowSource) -> str:
    if source.dialect is None:
        return "# How the file is written needs no [file] table: it is not a delimited one."
    shown = _declared(source.dialect)
    marks = '# decimal = ","\n# thousands = "."'
    return (
        "# How the file is written, as found in the whole of it. Without a line it is found again in each file.\n"
        f"[file]\n{shown}\n# CONFIRM if numbers are written 1.234,5:\n{marks}"
    )


def _declared(dialect: Dialect) -> str:
    options = FileOptions(
        dialect.delimiter, dialect.quote, dialect.escape, encoding=dialect.encoding
    )
    parts = (
        (name, getattr(options, name)) for name in ("delimiter", "quote", "escape", "encoding")
    )
    return "\n".join(f"{name} = {_toml(value)}" for name, value in parts)


def _columns(kinds: dict[str, str], seen: dict[str, list[str]]) -> str:
    lines = [
        f'{_toml(name)} = "{kind}"  # {_toml(seen[name][0][:40]) if seen[name] else "empty at first"}'
        for name, kind in kinds.items()
    ]
    return (
        "[columns]\n# CONFIRM the types; the comment is the first value. Take out what you do not need.\n"
        + "\n".join(lines)
    )


def _roles(names: list[str], kinds: dict[str, str]) -> str:
    found = {role: role_of(names, role) for role in ROLES}
    code = found["location"]

    def expression(role: str) -> str:
        return _toml(quoted(found[role] or ""))

    def field(role: str, key: str) -> str:
        return (
            f"{key} = {expression(role)}" if found[role] else f"# {key} = no column looks like it"
        )

    quantity, number = found["quantity"], ""
    if quantity and kinds[quantity] == "VARCHAR":
        number = "  # CONFIRM: declare it DOUBLE in [columns]"
    when = _toml(f"{quoted(quantity)} > 0") if quantity else '"true"'
    whole = _toml(f"{quoted(found['id'])} || ':' || line") if found["id"] else '"line::VARCHAR"'
    return "\n".join(
        [
            "[event]",
            "# CONFIRM: what names the row forever. If an order can come again in another file, `line` must not be the",
            "# row's place in the file: set line_within at the top to the column of the order.",
            f"id = {whole}",
            f"time = {expression('time')}"
            if found["time"]
            else 'time = ""  # CONFIRM: no column looks like a time',
            "",
            "[product]",
            f"sku = {expression('sku')}"
            if found["sku"]
            else 'sku = ""  # CONFIRM: no column looks like a product',
            field("name", "name"),
            "",
            "[location]",
            f"code = {_toml(quoted(code))}"
            if code
            else "code = \"'online'\"  # CONFIRM: no column looks like a location",
            "",
            "# Rows that are no event, by reason; the first rule that holds counts.",
            "# [[leave_out]]",
            '# reason = "postage"',
            "# when = \"sku = 'POST'\"",
            "",
            "# CONFIRM: what the other rows are; the first rule that holds counts.",
            "[[kind]]",
            'kind = "sale"',
            f"when = {when}",
            "[kind.data]",
            (f"quantity = {expression('quantity')}" if quantity else 'quantity = "1"') + number,
            field("price", "price"),
            field("currency", "currency")
            if found["currency"]
            else "# CONFIRM if there is a price: currency = \"'EUR'\"",
        ]
    )


def _toml(text: str) -> str:
    """Quote a text for TOML."""
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    # JSON's escapes are TOML's, but for DEL
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

"""A till's file and its mapping, for the tests of the import."""

from pathlib import Path

from ingest.files.mapping import Mapping, parse_mapping

TILL = """
name = "till"
timezone = "Europe/Berlin"
source = "till/file"

[columns]
id = "VARCHAR"
moment = "TIMESTAMP"
sku = "VARCHAR"
shop = "VARCHAR"
quantity = "DOUBLE"
line = "VARCHAR"

[event]
id = "id"
time = "moment"

[product]
sku = "sku"

[location]
code = "shop"

[[leave_out]]
reason = "a test ring"
when = "sku = 'TEST'"

[[kind]]
kind = "sale"
when = "quantity > 0"
[kind.data]
quantity = "quantity"
order_line = "line"
"""
HEADER = "id,moment,sku,shop,quantity,line\n"


def till(*changes: tuple[str, str]) -> Mapping:
    """The till's mapping with some of its text replaced."""
    text = TILL
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return parse_mapping(text, "till.toml")


def row(
    event_id: str = "a",
    quantity: object = 1,
    *,
    sku: str = "A",
    moment: str = "2026-03-01 10:00:00",
    line: object = 1,
) -> str:
    """One line of the till's CSV."""
    return f"{event_id},{moment},{sku},S1,{quantity},{line}\n"


def write(path: Path, *rows: str, header: str = HEADER) -> Path:
    """Write a CSV of the till."""
    path.write_text(header + "".join(rows))
    return path

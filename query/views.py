"""The documented tables that statements read: each is one file of sql/query/views, with a word on every column."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from stocktide.foundation.database import sql

# In the order in which a reader needs them.
NAMES = (
    "movements",
    "daily_demand",
    "daily_stock",
    "orders",
    "order_lines",
    "purchases",
    "prices",
    "promotions",
    "customers",
    "customer_days",
    "customer_values",
    "feeds_days",
    "stock",
    "forecasts",
    "forecast_errors",
    "alerts",
    "shelf_days",
    "products",
    "locations",
    "days",
    "kinds",
    "runs",
    "feed_minutes",
    "rejects",
)
_COLUMN = re.compile(
    r"^ {4}(?P<what>[^\n]*?)(?P<name>\w+),? -- (?P<description>[^\n]+)$", re.MULTILINE
)
_READS = re.compile(r"^-- reads:(?P<inputs>[^\n]*)$", re.MULTILINE)


@dataclass(frozen=True)
class View:
    """A table for statements. columns: descriptions by name, in order. inputs: what it is made of. text: its SQL."""

    name: str
    description: str
    columns: Mapping[str, str]
    inputs: Sequence[str]
    text: str


@cache
def read_view(name: str) -> View:
    """Read the file of a view."""
    text = sql(f"query/views/{name}")
    reads = _READS.search(text)
    assert reads is not None, f"sql/query/views/{name}.sql has no line `-- reads:`"  # noqa: S101 - a mistake of ours
    head = text[: reads.start()]
    return View(
        name,
        " ".join(line.removeprefix("-- ") for line in head.splitlines()),
        {found["name"]: found["description"] for found in _COLUMN.finditer(text)},
        tuple(part.strip() for part in reads["inputs"].split(",") if part.strip()),
        text,
    )


def all_views() -> list[View]:
    """Return every view, in the order in which a reader needs them."""
    return [read_view(name) for name in NAMES]


def inputs_of(tables: Sequence[str]) -> set[str]:
    """Return what some tables are made of."""
    return {name for table in tables for name in read_view(table).inputs}

"""Rows put together as orders: however an export is cut into parts, and in whatever order its files are told."""

import csv
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.shopify.codes import code_of
from ingest.shopify.headers import layout_of, natural
from ingest.shopify.orders import read_orders
from ingest.shopify.rows import Export, read_export
from tests.ingest.shopify.shop import (
    INVENTORY,
    NEWER,
    ORDERS_NEW,
    ORDERS_OLD,
    PURCHASES,
    history,
    orders_csv,
    table,
    variants_of,
)

END = datetime(2026, 8, 20, 18, tzinfo=UTC)
ORDERS = history(variants_of(2, online="B", shop="M"), end=END, days=3, seed=7, shop="M")
HEAD, *ROWS = orders_csv(ORDERS).splitlines(keepends=True)
ID = next(iter(ORDERS[0].rows()))["Id"]


@contextmanager
def exports(*texts: str) -> Iterator[list[Export]]:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"orders_export_{n}.csv" for n in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
        yield [read_export(path) for path in paths]


def told(found: Sequence[Any]) -> dict[str, Any]:
    return {
        order.name: (
            order.subtotal,
            [(line.code, line.quantity, line.amount) for line in order.lines],
        )
        for order in found
    }


@settings(max_examples=30)
@given(cuts=st.sets(st.integers(1, len(ROWS) - 1), max_size=4))
def test_an_export_says_the_same_in_whatever_parts_it_comes(cuts: set[int]) -> None:
    places = [0, *sorted(cuts), len(ROWS)]
    parts = [HEAD + "".join(ROWS[a:b]) for a, b in pairwise(places)]
    with exports(*parts) as files:
        found = read_orders(files)
    with exports("".join(parts)) as joined:
        assert told(read_orders(joined).orders) == told(found.orders)
    assert not found.refused
    assert found.left_out.total() == 0
    assert told(found.orders).keys() == {order.name for order in ORDERS}
    for order in ORDERS:
        subtotal, lines = told(found.orders)[order.name]
        assert subtotal == order.subtotal == sum((line[2] for line in lines), Decimal(0))
        assert [(code, n) for code, n, _ in lines] == [(o.sku, o.quantity) for o in order.lines]


@settings(max_examples=30)
@given(first=st.integers(1, len(ROWS)), second=st.integers(0, len(ROWS) - 1))
def test_overlapping_exports_count_each_line_once(first: int, second: int) -> None:
    whole = [row for row in ROWS if row.startswith(f"{ORDERS[0].name},")]
    # both begin and end with whole orders
    parts = [_orders(ROWS[:first]), _orders(ROWS[second:]), "".join(whole)]
    with exports(*(HEAD + part for part in parts if part)) as files:
        found = read_orders(files)
    names = [order.name for order in found.orders]
    assert len(names) == len(set(names))
    rows = sum(file.read for file in files)
    assert rows == sum(len(order.lines) for order in found.orders) + found.left_out.total()


def test_an_orders_fields_may_be_filled_down() -> None:
    rows = list(csv.DictReader([HEAD, *ROWS]))
    first = rows[0]
    for row in rows:
        first = row if row["Currency"] else first
        row |= {name: cell for name, cell in first.items() if not name.startswith("Lineitem")}
    with exports(table(ORDERS_OLD, rows)) as files:
        filled = read_orders(files)
    with exports(HEAD + "".join(ROWS)) as files:
        assert told(filled.orders) == told(read_orders(files).orders)


def test_two_orders_of_one_name_are_not_taken_for_one() -> None:
    with exports(HEAD + ROWS[0], HEAD + ROWS[0].replace(ID, "7", 1)) as files:
        found = read_orders(files)
    assert len(found.orders) == 1
    (refused,) = found.refused
    assert refused.fault.reason == "conflict"
    assert "is another than that of Id" in refused.fault.message
    with exports(HEAD + ROWS[0], HEAD + ROWS[0].replace(ID, "", 1)) as files:
        assert not read_orders(files).refused


def _orders(rows: Sequence[str]) -> str:
    names = {row.split(",")[0] for row in rows}
    return "".join(row for row in ROWS if row.split(",")[0] in names)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (ORDERS_OLD, "Shopify orders"),
        (ORDERS_NEW, "Shopify orders"),
        ([*INVENTORY, *NEWER], "Shopify inventory"),
        ([*INVENTORY, "Bakery", "Market"], "Shopify inventory"),
        (["Handle", "Title", "Variant SKU", "Variant Price"], "Shopify products"),
        (["Title", "URL handle", "SKU", "Price"], "Shopify products"),
        (PURCHASES, "Stocky purchase orders"),
        (["po_number", "supplier_name", "sku", "quantity_ordered"], "Stocky purchase orders"),
        (["Supplier Name", "Lead Time (days)", "MOQ"], "Stocky suppliers"),
    ],
)
def test_an_export_is_recognised_by_its_header(names: list[str], kind: str) -> None:
    layout = layout_of(names)
    assert layout is not None
    assert layout.kind == kind
    assert layout_of(["id", "moment", "sku", "shop", "quantity"]) is None


@pytest.mark.parametrize(
    ("sku", "name", "code"),
    [
        ("'00123", "x", "00123"),
        (" A-1 ", "x", "A-1"),
        ("-", "Mug  - Red", "Mug - Red"),
        ("", "n" * 120, f"{'n' * 91}~"),
    ],
)
def test_codes_keep_zeros_and_what_has_no_sku_goes_by_its_name(
    sku: str, name: str, code: str
) -> None:
    assert code_of(sku, name).startswith(code)
    assert len(code_of(sku, name)) <= 100


def test_files_are_read_in_the_order_of_their_numbers() -> None:
    names = ["orders_export_10.csv", "orders_export_2.csv", "orders_export_1.csv"]
    assert [path.name for path in sorted(map(Path, names), key=natural)] == names[::-1]

"""Exports of a made-up shop become the ledger: every sum to the cent, nothing twice, and what is refused is kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.recording.recording import Recorder
from ingest.shopify import Options, Report, dry_run_exports, import_exports
from ingest.terms import kind_of, put_rows
from ingest.terms.shapes import SupplierProductIn
from stocktide.foundation.settings import Settings
from tests.ingest.shopify.shop import (
    ORDERS_NEW,
    ORDERS_OLD,
    ZONE,
    Line,
    Order,
    Variant,
    history,
    inventory_csv,
    orders_csv,
    products_csv,
    purchases_csv,
    variants_of,
    write,
)

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
AT = datetime(2025, 10, 25, 14, 30, tzinfo=ZONE)
Import = Callable[..., Report]
NOTHING_SAID = Options()


@pytest.fixture
def run(database: sa.Engine, tmp_path: Path) -> Import:
    """Import files, given as texts by name, or a folder."""
    recorder = Recorder(database, Settings())

    def run(*paths: Path, options: Options = NOTHING_SAID, **files: str) -> Report:
        named = [write(tmp_path / f"{name}.csv", text) for name, text in files.items()]
        return import_exports([*paths, *named], options, recorder, lambda _done, _of: None)

    return run


def rows(engine: sa.Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def ledger(engine: sa.Engine) -> list[tuple[Any, ...]]:
    """What is recorded, without surrogate keys and times of recording."""
    return rows(
        engine,
        "SELECT event_id, kind, sku, code, quantity_milli, observed_milli, l.price_micros, line_total_micros,"
        " l.currency, order_id, order_line, channel, counterparty, cost_micros, occurred_at,"
        " corrects IS NULL AS stands FROM ledger l JOIN products USING (product_id)"
        " JOIN locations USING (location_id) ORDER BY event_id, leg",
    )


def rejects(engine: sa.Engine) -> list[tuple[Any, ...]]:
    return rows(engine, "SELECT reason, message FROM rejects ORDER BY reject_id")


def test_every_sum_of_the_exports_is_the_ledgers_to_the_cent_and_the_same_again_changes_nothing(
    run: Import, database: sa.Engine, tmp_path: Path
) -> None:
    variants = variants_of(4, online="Bakery", shop="Market")
    orders = history(variants, end=NOW, days=20, seed=1, shop="Market")
    folder = tmp_path / "exports"
    folder.mkdir()
    write(folder / "orders_export_1.csv", orders_csv(orders[:60]))
    # the order across the split has its first line in the first part alone
    text = orders_csv(orders[60:], ORDERS_NEW)
    write(folder / "orders_export_2.csv", text)
    write(folder / "products_export.csv", products_csv(variants))
    write(folder / "inventory_export.csv", inventory_csv(variants))
    report = run(folder)

    kept = [o for o in orders if not o.cancelled]
    back = [o for o in kept if o.status == "refunded"]
    sums = report.as_dict()["reconciliation"]["EUR"]
    assert report.balances
    assert sums["orders"] == len(orders)
    for name, expected in {
        "subtotal_file": sum(o.subtotal for o in orders),
        "recorded": sum(o.subtotal for o in kept),
        "left_out: cancelled or voided": sum(o.subtotal for o in orders if o.cancelled),
        "difference": 0,
        "total_file": sum(o.total for o in orders),
        "total": sum(o.total for o in orders),
        "total_difference": 0,
        "taxes": sum(o.taxes for o in orders if not o.tax_included),
        "shipping": sum(o.shipping for o in orders),
        "refunded": sum(o.refunded for o in orders),
        "returned": sum(o.subtotal for o in back),
    }.items():
        assert Decimal(sums[name]) == expected, name
    assert sums["recorded_units"] == str(sum(line.quantity for o in kept for line in o.lines))
    # and once more from the ledger, order by order
    by_order = rows(
        database,
        "SELECT order_id, sum(coalesce(line_total_micros, -quantity_milli * price_micros / 1000)) / 1e6::numeric"
        " FROM ledger WHERE kind = 'sale' GROUP BY order_id",
    )
    assert dict(by_order) == {o.name: o.subtotal for o in kept}
    assert rows(
        database,
        "SELECT sku, code, on_hand_milli FROM stock JOIN products USING (product_id)"
        " JOIN locations USING (location_id) WHERE known ORDER BY 1, 2",
    ) == sorted((v.sku, place, 1000 * int(n)) for v in variants for place, n in v.stock.items())

    before = ledger(database)
    again = run(folder)
    assert ledger(database) == before
    assert again.tally.outcomes == {"duplicate": len(before)}
    assert again.as_dict()["reconciliation"] == report.as_dict()["reconciliation"]
    assert rejects(database) == []
    assert again.terms == {}


def test_older_and_newer_headers_say_the_same(run: Import, database: sa.Engine) -> None:
    variants = variants_of(2, online="Bakery", shop="Market")
    variants[0].stock["Market"] = "not stocked"
    orders = history(variants, end=NOW, days=2, seed=2, shop="Market")
    run(a=orders_csv(orders), b=products_csv(variants), c=inventory_csv(variants))
    before = ledger(database)
    again = run(
        a="\ufeff" + orders_csv(orders, ORDERS_NEW).replace("\n", "\r\n"),
        b=products_csv(variants, newer=True),
    )
    assert ledger(database) == before
    assert set(again.tally.outcomes) == {"duplicate"}
    old = run(d=inventory_csv(variants, newer=False))
    assert old.tally.outcomes["accepted"] == sum(len(v.stock) for v in variants) - 1
    assert old.files[0].left_out == {"not stocked": 1}


def test_an_order_across_parts_is_one_and_a_part_alone_is_refused(
    run: Import, database: sa.Engine
) -> None:
    lines = [Line(f"Loaf {n}", 1, Decimal("2.50"), f"L{n}") for n in range(3)]
    order = Order("#1001-A", AT, lines)
    text = orders_csv([order]).splitlines(keepends=True)
    first, second = "".join(text[:3]), text[0] + text[3]
    alone = run(part_1=first)
    assert alone.tally.rejected == {"order_incomplete": 2}
    said = "the lines of order '#1001-A' come to 5.00, its Subtotal is 7.50"
    assert said in alone.tally.examples["order_incomplete"]
    assert run(part_2=second).tally.rejected == {"order_incomplete": 1}
    assert ledger(database) == []
    both = run(part_1=first, part_2=second)
    assert both.tally.outcomes == {"accepted": 3}
    assert both.balances
    assert [row[0] for row in ledger(database)] == ["#1001-A:1", "#1001-A:2", "#1001-A:3"]


def test_a_later_export_adds_what_is_new_and_takes_back_what_changed(
    run: Import, database: sa.Engine
) -> None:
    def loaf(quantity: int) -> Line:
        return Line("Loaf", quantity, Decimal("2.50"), "L")

    orders = [
        Order("#1", AT, [loaf(1), loaf(2)]),
        Order("#2", AT, [loaf(4)]),
        Order("#3", AT, [loaf(1)]),
    ]
    run(june=orders_csv(orders))
    orders[0].lines = [loaf(3)]
    orders[1].cancelled = True
    orders.append(Order("#4", AT + timedelta(days=1), [loaf(5)]))
    later = run(june=orders_csv(orders[:2]), july=orders_csv(orders))
    assert (later.edited, later.taken_back, later.unchanged) == (1, 2, 1)
    assert later.balances
    assert Decimal(later.as_dict()["reconciliation"]["EUR"]["recorded"]) == Decimal("2.50") * (
        3 + 1 + 5
    )
    before = ledger(database)
    again = run(july=orders_csv(orders))
    assert ledger(database) == before
    assert again.tally.outcomes == {"duplicate": 3}
    # an export of before changes nothing any more
    assert set(run(june=orders_csv([Order("#1", AT, [loaf(1)])])).tally.outcomes) == {"duplicate"}
    assert rejects(database) == []


def test_odd_lines_are_recorded_or_named_and_the_sums_still_hold(
    run: Import, database: sa.Engine
) -> None:
    gift = Variant("Gift", [], "GC-1", Decimal(25), Decimal(0), gift_card=True)
    odd = [
        Line("Loaf, free", 1, Decimal(0), "FREE"),
        Line("Loaf", 0, Decimal("2.50"), "L"),
        Line("Tip", 1, Decimal("1.20"), shipped=False),
        Line("Gift", 1, Decimal(25), "GC-1"),
        Line("Baking class", 1, Decimal(40), "CLASS", shipped=False),
        Line("Mug - Red / M", 2, Decimal("9.90")),
        Line("Apostrophe", 1, Decimal("1.10"), "'00123"),
        Line("Zeros", 1, Decimal("1.10"), "00123"),
    ]
    orders = [
        Order("#1", datetime(2025, 10, 26, 1, 30, tzinfo=UTC).astimezone(ZONE), odd, off=Decimal("3.33"),
              notes='line one\nline "two", 1,50', duties=Decimal("2.00")),
        Order("#2", AT, [Line("Loaf", 1, Decimal("2.70"), "L")], currency="USD", taxes=Decimal("0.20"),
              tax_included=False),
        Order("#3", AT, [Line("Loaf", 1, Decimal("2.70"), "L")], status="voided"),
    ]  # fmt: skip
    text = orders_csv(orders)
    report = run(orders=text + text.splitlines(keepends=True)[0], products=products_csv([gift]))
    assert report.balances
    assert not report.tally.rejected
    sums = report.as_dict()["reconciliation"]
    assert sums["USD"]["total"] == "2.90"
    assert Decimal(sums["EUR"]["total_file"]) == orders[0].total + orders[2].total
    assert report.files[0].left_out == {
        "quantity 0": 1, "tip": 1, "gift card": 1, "not shipped: a service or a download": 1,
        "cancelled or voided": 1, "the header again": 1,
    }  # fmt: skip
    recorded = {(row[0], row[2]) for row in ledger(database)}
    assert report.files[0].read == len(recorded) + sum(report.files[0].left_out.values())
    assert recorded == {
        ("#1:1", "FREE"),
        ("#1:6", "Mug - Red / M"),
        ("#1:7", "00123"),
        ("#1:8", "00123"),
        ("#2:1", "L"),
    }
    assert ledger(database)[0][14] == datetime(2025, 10, 26, 1, 30, tzinfo=UTC)
    assert any("without a SKU" in note and "Mug - Red / M" in note for note in report.notes)
    said = rows(
        database,
        "SELECT count(DISTINCT customer_id), bool_and(customer_id LIKE 'c!_%' ESCAPE '!') FROM ledger",
    )
    assert said == [(1, True)]


def test_refused_rows_say_where_and_what_and_are_kept(run: Import, database: sa.Engine) -> None:
    orders = [Order(f"#{n}", AT, [Line("Loaf", 1, Decimal("2.50"), "L")] * 2) for n in range(3)]
    text = (
        orders_csv(orders)
        .replace("2.50,,L", '"2,50 €",,L', 1)
        .replace(f"{AT:%Y-%m-%d %H:%M:%S %z}", "25/10/2025", 4)
    )
    report = run(orders=text + "#9,short\n")
    assert report.tally.rejected["broken_line"] == 1
    assert report.tally.outcomes == {"accepted": 2}
    sums = report.as_dict()["reconciliation"]["EUR"]
    assert (sums["subtotal_file"], sums["recorded"]) == ("15.00", "5.00")
    assert sums["difference"] == "0.00"
    assert sums["left_out: refused, and kept until the file is fixed"] == "10.00"
    kept = rejects(database)
    assert len(kept) == report.tally.rejected.total() == report.files[0].refused
    assert any(
        "orders.csv, row 3 (line 4 of the file): 'created at' is '25/10/2025'" in m for _, m in kept
    )
    assert all("row" in message for _, message in kept)


def test_stocky_orders_become_orders_and_receipts_that_lead_times_learn_from(
    run: Import, database: sa.Engine
) -> None:
    def purchases(received: int, on: str, status: str = "partial") -> str:
        return purchases_csv(
            [
                [
                    "PO-7",
                    "Mill",
                    status,
                    "L",
                    "Loaf",
                    40,
                    received,
                    "1.10",
                    "EUR",
                    "2026-08-01",
                    "2026-08-06",
                    on,
                    "Bakery",
                ],
                [
                    "PO-7",
                    "Mill",
                    status,
                    "R",
                    "Rye",
                    10,
                    10,
                    "0.90",
                    "EUR",
                    "2026-08-01",
                    "",
                    "2026-08-04",
                    "Bakery",
                ],
                [
                    "PO-8",
                    "Mill",
                    "draft",
                    "L",
                    "Loaf",
                    5,
                    0,
                    "1.10",
                    "EUR",
                    "2026-08-02",
                    "",
                    "",
                    "Bakery",
                ],
                [
                    "PO-6",
                    "Farm",
                    "received",
                    "L",
                    "Loaf",
                    5,
                    5,
                    "1.20",
                    "EUR",
                    "2026-07-02",
                    "",
                    "",
                    "Bakery",
                ],
            ]
        )

    first = run(po=purchases(12, "2026-08-05"))
    assert first.tally.outcomes == {"accepted": 4}
    assert first.files[0].left_out == {
        "not placed yet": 1,
        "received, and nobody says when: nothing is open, and nothing can be learnt": 1,
    }
    assert first.terms == {"suppliers": 1, "supplier-products": 2}
    run(po=purchases(12, "2026-08-05"))
    open_units = (
        "SELECT sum(opened_milli - closed_milli) FROM commitments WHERE purpose = 'on_order'"
    )
    assert rows(database, open_units) == [(28_000,)]
    more = run(po=purchases(30, "2026-08-09"))
    assert more.tally.outcomes == {"accepted": 1, "duplicate": 2}
    assert rows(database, open_units) == [(10_000,)]
    closed = run(po=purchases(30, "2026-08-09", "closed"))
    assert (closed.edited, rows(database, open_units)) == (1, [(0,)])
    came = (
        "SELECT sku, sum(quantity_milli) FROM ledger JOIN products USING (product_id)"
        " WHERE kind = 'receipt' GROUP BY 1"
    )
    assert sorted(rows(database, came)) == [("L", 30_000), ("R", 10_000)]


def test_stocky_rows_in_another_order_change_nothing(run: Import, database: sa.Engine) -> None:
    def line(product: str, ordered: int, received: int) -> list[object]:
        days = ["2026-08-01", "2026-08-06", "2026-08-04" if received else ""]
        return [
            "PO-7",
            "Mill",
            "partial",
            product,
            product,
            ordered,
            received,
            "1",
            "EUR",
            *days,
            "Bakery",
        ]

    a, b, twice, new = line("A", 10, 10), line("B", 20, 0), line("A", 5, 5), line("N", 3, 0)
    came = (
        "SELECT sku, sum(quantity_milli) FROM ledger JOIN products USING (product_id)"
        " WHERE kind = 'receipt' GROUP BY 1"
    )
    run(po=purchases_csv([a, b, twice]))
    before = rows(database, came)
    assert before == [("A", 15_000)]
    for mixed in ([b, a, twice], [a, twice, b], [a, b, twice]):
        again = run(po=purchases_csv(mixed))
        assert (again.edited, again.taken_back, again.unchanged) == (0, 0, 3)
    # two of one product in the other order, and a new one before them
    assert run(po=purchases_csv([new, twice, b, a])).edited == 2
    assert rows(database, came) == before


def test_a_stocky_order_with_a_number_of_the_order_desk_is_recorded_under_another(
    run: Import, database: sa.Engine
) -> None:
    """PO-7 is the desk's; 12 of Stocky's PO-7 came, which are not ours."""

    def po7(received: int) -> str:
        row = [
            "PO-7",
            "Mill",
            "partial",
            "L",
            "Loaf",
            40,
            received,
            "1.10",
            "EUR",
            "2026-08-01",
            "",
            "2026-08-04",
        ]
        return purchases_csv([[*row, "Bakery"]])  # fmt: skip

    with database.begin() as connection:
        made = "INSERT INTO purchase_orders (order_id, supplier, ordered_by) VALUES ('PO-7', 'Mill', 'anna')"
        connection.execute(sa.text(made))
    report = run(po=po7(12))
    assert any("such as STOCKY-PO-7." in note for note in report.notes)
    open_now = "SELECT reference, opened_milli, closed_milli FROM commitments"
    assert rows(database, open_now) == [("STOCKY-PO-7", 40_000, 12_000)]
    assert run(po=po7(12)).unchanged == 1
    run(po=po7(20))
    assert rows(database, open_now) == [("STOCKY-PO-7", 40_000, 20_000)]


def test_orders_that_came_before_the_stock_move_to_where_it_is(
    run: Import, database: sa.Engine
) -> None:
    orders = orders_csv([Order("#1", AT, [Line("Loaf", 2, Decimal("2.50"), "L")])])
    stock = inventory_csv([Variant("Loaf", [], "L", Decimal(2), Decimal(1), stock={"Bakery": 9})])
    run(orders=orders)
    assert any("move to 'Bakery'" in step for step in run(stock=stock).next)
    moved = run(orders=orders)
    assert (moved.edited, moved.balances) == (1, True)
    standing = [(row[3], row[1]) for row in ledger(database) if row[15]]
    assert ("Bakery", "sale") in standing
    assert run(orders=orders).unchanged == 1


def test_suppliers_become_terms_that_people_may_change_for_good(
    run: Import, database: sa.Engine
) -> None:
    loaf = Variant("Loaf", [], "L", Decimal("2.50"), Decimal("1.10"), stock={"Bakery": 9})
    general = (
        "Supplier Name,Lead Time (days),Email,MOQ\nMill,6,mill@example.com,40\nFarm,4,nowhere,\n"
    )
    sold = "Supplier,SKU,Lead Time (days),Pack Size,Supplier SKU\nMill,L,5,12,M-17\n"
    first = run(stock=inventory_csv([loaf]), products=products_csv([loaf]), mill=general, sold=sold)
    assert first.terms == {"suppliers": 1, "supplier-products": 1}
    assert any("Farm" in note and "nowhere" in note for note in first.notes)
    terms = (
        "SELECT supplier, price_micros, pack_milli, lead_days, sku, recorded_by FROM supplier_products"
        " WHERE withdrawn_at IS NULL"
    )
    assert rows(database, terms) == [("Mill", 1_100_000, 12_000, 5, "M-17", "import shopify")]
    with database.begin() as connection:
        kind = kind_of("supplier-products")
        row = SupplierProductIn(supplier="Mill", product="L", price="0.99", pack=6)
        put_rows(connection, kind, [row], by="anna")
    assert run(mill=general, sold=sold).terms == {}
    assert rows(database, terms) == [("Mill", 990_000, 6_000, None, None, "anna")]


def test_a_dry_run_counts_what_the_import_records_and_needs_no_database(
    tmp_path: Path, run: Import
) -> None:
    variants = variants_of(2, online="Bakery", shop="Market")
    orders = history(variants, end=NOW, days=3, seed=3, shop="Market")
    orders.append(Order("#neg", AT, [Line("Voucher", 1, Decimal("-5.00"), "V")]))
    paths = [
        write(tmp_path / "o.csv", orders_csv(orders)),
        write(tmp_path / "i.csv", inventory_csv(variants)),
    ]
    dry = dry_run_exports(paths, NOTHING_SAID, Settings())
    real = run(*paths)
    assert dry.tally.read == real.tally.outcomes["accepted"] + 1
    (sums,) = dry.as_dict()["reconciliation"].values()
    assert (dry.balances, real.balances) == (True, True)
    assert sums["left_out: refused, and kept until the file is fixed"] == "-5.00"
    assert dry.as_dict()["reconciliation"] == real.as_dict()["reconciliation"]
    assert ORDERS_OLD[0] == "Name"

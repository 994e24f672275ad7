import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from ingest.files.importing import dry_run_file, import_file, open_mapping
from ingest.files.mapping import Mapping
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.errors import Invalid
from stocktide.foundation.keys import Limits, create_key
from stocktide.foundation.settings import Settings
from tests.ingest.tills import HEADER, row, till, write

Rows = list[tuple[Any, ...]]


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    return Recorder(database, Settings())


def ignore(_done: int, _total: int | None) -> None:
    """Show no progress."""


def ledger(engine: sa.Engine) -> Rows:
    """What is recorded, without surrogate keys and times of recording."""
    query = (
        "SELECT source, event_id, kind, sku, code, quantity_milli, l.price_micros, l.currency, order_id, order_line,"
        " customer_id, channel, reason, occurred_at FROM ledger l JOIN sources USING (source_id)"
        " JOIN products USING (product_id) JOIN locations USING (location_id) ORDER BY event_id, leg"
    )
    with engine.connect() as connection:
        return [tuple(entry) for entry in connection.execute(sa.text(query))]


def rejects(engine: sa.Engine) -> Rows:
    query = "SELECT reason, message, raw FROM rejects ORDER BY reject_id"
    with engine.connect() as connection:
        return [(r.reason, r.message, bytes(r.raw)) for r in connection.execute(sa.text(query))]


def last_run(engine: sa.Engine) -> Any:
    query = (
        "SELECT status, error, detail FROM runs WHERE job = 'import' ORDER BY run_id DESC LIMIT 1"
    )
    with engine.connect() as connection:
        return connection.execute(sa.text(query)).one()


def test_import_notes_how_far_it_is_while_it_goes_on(recorder: Recorder, tmp_path: Path) -> None:
    path = write(tmp_path / "till.csv", row("a"), row("b"))
    seen: list[Any] = []

    def look(_done: int, _total: int | None) -> None:
        seen.append(last_run(recorder.engine))

    import_file(path, till(), recorder, look)
    progress = last_run(recorder.engine).detail["progress"]
    assert (progress["rows"], progress["rows_of"], progress["share"]) == (2, 2, 1.0)
    assert [run.status for run in seen] == ["running"]


def test_import_adds_up_and_repeats_nothing_when_run_twice(
    recorder: Recorder, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "till.csv",
        row("a"),
        row("b", sku="TEST"),
        row("c", -1),
        row("d", "abc"),
        "e,short\n",
        row("a"),
        row("a", 2),
    )
    first = import_file(path, till(), recorder, ignore).as_dict()
    assert first == {
        "read": 7, "accepted": 1, "duplicate": 1, "conflict": 1, "left_out": {"a test ring": 1},
        "rejected": {"broken_line": 1, "no_rule": 1, "wrong_type": 1}, "accounted": 7,
    }  # fmt: skip
    before = ledger(recorder.engine)
    again = import_file(path, till(), recorder, ignore).as_dict()
    assert again.get("accepted", 0) == 0
    assert (again["duplicate"], again["conflict"], again["accounted"]) == (2, 1, 7)
    assert ledger(recorder.engine) == before
    run = last_run(recorder.engine)
    assert (run.status, run.detail["file"], run.detail["accounted"]) == ("succeeded", "till.csv", 7)


CELLS: list[tuple[str, str, str]] = [
    ("text", "abc", "wrong_type"),
    ("comma", '"1,5"', "wrong_type"),
    ("NaN", "nan", "not_finite"),
    ("infinite", "inf", "not_finite"),
    ("overflowing", "1e400", "not_finite"),
    ("huge", "1e30", "too_large"),
    ("tiny", "0.0001", "too_precise"),
    ("zero", "0", "no_rule"),
    ("empty", "", "no_rule"),
]


@pytest.mark.parametrize(("cell", "reason"), [c[1:] for c in CELLS], ids=[c[0] for c in CELLS])
def test_import_keeps_the_row_with_its_number_when_a_cell_is_wrong(
    recorder: Recorder, tmp_path: Path, cell: str, reason: str
) -> None:
    path = write(tmp_path / "till.csv", row("a"), row("b", cell), row("c"))
    tally = import_file(path, till(), recorder, ignore)
    assert (tally.outcomes["accepted"], tally.rejected, tally.accounted) == (2, {reason: 1}, 3)
    [(kept_reason, message, raw)] = rejects(recorder.engine)
    assert kept_reason == reason
    assert message.startswith("till.csv, row 2: ")
    assert json.loads(raw)["id"] == "b"
    assert [entry[1] for entry in ledger(recorder.engine)] == ["a", "c"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row("b", moment="yesterday"), "wrong_type"),
        (row("b", moment=""), "missing_field"),
        (row("b", moment="infinity"), "time_range"),
        (row("b", moment="12026-03-01 10:00:00"), "time_range"),
        (row("b", moment="1900-03-01 10:00:00"), "time_past"),
        (row("b", moment="9000-03-01 10:00:00"), "time_future"),
        (row("", 1), "missing_field"),
        (row("b", sku=""), "missing_field"),
        (row("b", sku="x" * 101), "wrong_type"),
        (row("b", sku="A\0B"), "bad_text"),
        (row("b", line="first"), "wrong_type"),
        (row("b", line="1.0"), "wrong_type"),
    ],
)
def test_import_rejects_one_row_when_a_field_is_no_field_of_an_event(
    recorder: Recorder, tmp_path: Path, bad: str, reason: str
) -> None:
    path = write(tmp_path / "till.csv", row("a"), bad, row("c"))
    tally = import_file(path, till(), recorder, ignore)
    assert (tally.outcomes["accepted"], tally.rejected, tally.accounted) == (2, {reason: 1}, 3)
    assert "row 2: " in rejects(recorder.engine)[0][1]


def test_import_keeps_ragged_lines_as_they_were_when_columns_are_missing(
    recorder: Recorder, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "till.csv", row("a"), "b,2026-03-01\n", row("c"), "d,2026-03-01 10:00:00,A"
    )
    tally = import_file(path, till(), recorder, ignore)
    assert (tally.read, tally.outcomes["accepted"], tally.rejected) == (4, 2, {"broken_line": 2})
    assert [
        (reason, message.split(":")[0], raw) for reason, message, raw in rejects(recorder.engine)
    ] == [
        ("broken_line", "till.csv, row 2", b"b,2026-03-01"),
        ("broken_line", "till.csv, row 4", b"d,2026-03-01 10:00:00,A"),
    ]


@pytest.mark.parametrize("promotion", ["true", "maybe"])
def test_import_rejects_a_promotion_when_it_is_neither_true_nor_false(
    recorder: Recorder, tmp_path: Path, promotion: str
) -> None:
    mapping = till(
        ('kind = "sale"', 'kind = "price"'),
        ('quantity = "quantity"\norder_line = "line"', 'price = "quantity"\npromotion = "line"'),
    )
    path = write(tmp_path / "till.csv", row("a", line=promotion))
    tally = import_file(path, mapping, recorder, ignore).as_dict()
    assert tally.get("accepted", 0) == (promotion == "true")
    assert tally["rejected"] == ({} if promotion == "true" else {"wrong_type": 1})


def test_import_leaves_a_price_unknown_when_a_product_has_none_that_counts(
    recorder: Recorder, tmp_path: Path
) -> None:
    mapping = till(('sku = "sku"', 'sku = "sku"\nprice = "line"'))
    path = write(tmp_path / "till.csv", row("a", line="1e999999"), row("b", sku="B", line=2))
    assert import_file(path, mapping, recorder, ignore).outcomes["accepted"] == 1
    with recorder.engine.connect() as connection:
        prices = connection.execute(
            sa.text("SELECT sku, price_micros FROM products ORDER BY sku")
        ).all()
    assert [tuple(price) for price in prices] == [("A", None), ("B", 2_000_000)]


@pytest.mark.parametrize("price", ["NaN", "-1", "1e999999", "1e500000", "0.0000001", "1e-999999"])
def test_put_products_refuses_a_price_at_once_when_it_is_out_of_range(
    database: sa.Engine, price: str
) -> None:
    with database.begin() as connection, pytest.raises(Invalid, match=r"products\[0\]\.price"):
        put_products(connection, [ProductIn("A", price=price)])


@pytest.mark.parametrize("content", [HEADER, HEADER.strip()])
def test_import_refuses_a_file_when_it_has_a_header_only(
    recorder: Recorder, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "till.csv"
    path.write_text(content)
    with pytest.raises(Invalid, match=r"till\.csv: there is a header, but no row"):
        import_file(path, till(), recorder, ignore)
    assert last_run(recorder.engine).status == "failed"
    with pytest.raises(Invalid, match="no row"):
        dry_run_file(path, till(), Settings())


def test_import_leaves_another_that_is_under_way_alone(recorder: Recorder, tmp_path: Path) -> None:
    first = write(tmp_path / "first.csv", row("a"))
    second = write(tmp_path / "second.csv", row("b"))

    def import_second(_done: int, _total: int | None) -> None:
        import_file(second, till(), Recorder(recorder.engine, Settings()), ignore)
        with recorder.engine.connect() as connection:
            query = "SELECT status FROM runs WHERE job = 'import' ORDER BY run_id"
            found = connection.execute(sa.text(query)).scalars()
            assert list(found) == ["running", "succeeded"]

    import_file(first, till(), recorder, import_second)


class Killed(Exception):
    """Stands for the end of the process."""


def test_import_gives_the_same_ledger_when_killed_in_the_middle_and_run_again(
    recorder: Recorder, tmp_path: Path, database: sa.Engine
) -> None:
    rows = [row(f"e{n:05}", 1 + n % 7, sku=f"P{n % 50}", line=n) for n in range(12_000)]
    path = write(tmp_path / "till.csv", *rows)

    def die(done: int, _total: int | None) -> None:
        if done >= 5_000:
            raise Killed

    with pytest.raises(Killed):
        import_file(path, till(), recorder, die)
    assert last_run(database).status == "failed"
    assert len(ledger(database)) == 5_000
    tally = import_file(path, till(), Recorder(database, Settings()), ignore)
    assert tally.outcomes == {"duplicate": 5_000, "accepted": 7_000}
    assert [entry[1:6] for entry in ledger(database)] == [
        (f"e{n:05}", "sale", f"P{n % 50}", "S1", -1000 * (1 + n % 7)) for n in range(12_000)
    ]
    with database.connect() as connection:
        summed = connection.execute(sa.text("SELECT sum(on_hand_milli) FROM stock")).scalar_one()
    assert summed == -1000 * sum(1 + n % 7 for n in range(12_000))


def frame() -> pd.DataFrame:
    """Rows whose spelling differs most between the formats: text with zeros, fractions, holes, times with zone."""
    return pd.DataFrame(
        {
            "id": ["0001", "0002", "0003"],
            "moment": ["2026-03-29T03:30:00+02:00", "2026-03-01T10:00:00Z", "2026-07-01T00:00:00Z"],
            "sku": ["007", "A,B", "Süß"],
            "shop": ["S1", "S1", "2026-01-02"],
            "quantity": [1.0, 0.125, 3.0],
            "line": ["1", None, "3"],
        }
    )


def test_import_gives_one_ledger_when_the_same_rows_come_in_three_formats(
    recorder: Recorder, tmp_path: Path
) -> None:
    mapping = till(('moment = "TIMESTAMP"', 'moment = "TIMESTAMPTZ"'))
    table = frame()
    table.to_csv(tmp_path / "till.csv", index=False)
    table.assign(moment=pd.to_datetime(table["moment"], utc=True)).to_parquet(
        tmp_path / "till.parquet"
    )
    lines = [
        json.dumps({k: v for k, v in r.items() if v is not None}) for r in table.to_dict("records")
    ]
    (tmp_path / "till.ndjson").write_text("\n".join(lines))
    first = import_file(tmp_path / "till.csv", mapping, recorder, ignore)
    assert first.outcomes == {"accepted": 3}
    recorded = ledger(recorder.engine)
    assert [(entry[1], entry[3], entry[4], entry[5], entry[9]) for entry in recorded] == [
        ("0001", "007", "S1", -1000, 1),
        ("0002", "A,B", "S1", -125, None),
        ("0003", "Süß", "2026-01-02", -3000, 3),
    ]
    assert [entry[-1].isoformat() for entry in recorded] == [
        "2026-03-29T01:30:00+00:00",
        "2026-03-01T10:00:00+00:00",
        "2026-07-01T00:00:00+00:00",
    ]
    for name in ("till.parquet", "till.ndjson"):
        assert import_file(tmp_path / name, mapping, recorder, ignore).outcomes == {
            "duplicate": 3
        }, name
    assert ledger(recorder.engine) == recorded


def test_import_takes_a_local_time_in_the_mappings_zone_when_it_names_none(
    recorder: Recorder, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "till.csv",
        row("summer", moment="2026-07-01 10:00:00"),
        row("winter", moment="2026-01-01 10:00:00"),
    )
    import_file(path, till(), recorder, ignore)
    assert [entry[-1].hour for entry in ledger(recorder.engine)] == [8, 9]


def test_dry_run_tells_repeated_rows_apart_as_the_import_does(
    recorder: Recorder, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "till.csv", row("a"), row("b"), row("a"), row("a", "7"), row("b", "2"), row("c")
    )
    _, dry = dry_run_file(path, till(), Settings())
    done = import_file(path, till(), recorder, ignore)
    assert (dry.outcomes["event: sale"], dry.outcomes["duplicate"], dry.outcomes["conflict"]) == (
        3,
        1,
        2,
    )
    assert done.outcomes == {"accepted": 3, "duplicate": 1, "conflict": 2}
    assert "earlier row" in dry.examples["conflict"]


def test_dry_run_counts_as_the_import_does_and_records_nothing(
    recorder: Recorder, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "till.csv", row("a"), row("b", "abc"), "c\n", row("d", sku="TEST"), row("e")
    )
    sample, tally = dry_run_file(path, till(), Settings())
    assert [document["id"] for document in sample] == ["a", "e"]
    assert tally.as_dict() == {
        "read": 5, "event: sale": 2, "left_out": {"a test ring": 1}, "rejected": {"broken_line": 1, "wrong_type": 1},
        "accounted": 5,
    }  # fmt: skip
    assert ledger(recorder.engine) == []


def test_dry_run_shows_events_when_a_refused_row_holds_no_json(tmp_path: Path) -> None:
    path = tmp_path / "till.parquet"
    table = frame().assign(
        moment=["2026-03-01 10:00", "x", "2026-03-01 10:00"], quantity=[1.0, float("nan"), 2.0]
    )
    table.to_parquet(path)
    sample, tally = dry_run_file(path, till(), Settings())
    assert [document["id"] for document in sample] == ["0001", "0003"]
    assert tally.rejected == {"wrong_type": 1}


def decisions(path: Path, mapping: Mapping) -> tuple[list[Any], dict[str, Any]]:
    """Events in the order of the file as (kind, data without product and location), and the tally."""
    sample, tally = dry_run_file(path, mapping, Settings())
    return [
        (document["type"].removeprefix("stocktide."), document) for document in sample
    ], tally.as_dict()


INVOICE = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
]
RETAIL: list[tuple[str, tuple[Any, ...], str]] = [
    ("sale", ("536365", "85123a", "HOLDER", 6, 2.55, 17850.0), "sale"),
    ("guest", ("536544", "21773", "ROSE", 1, 2.51, None), "sale"),
    ("gift to a customer", ("536546", "22841", "TIN", 1, 0.0, 12647.0), "sale"),
    ("return", ("C536379", "35004C", "BIRDS", -1, 4.65, 15311.0), "return"),
    ("damaged", ("536589", "21777", "damaged", -10, 0.0, None), "adjustment"),
    ("no reason", ("536590", "21778", None, -2, 0.0, None), "adjustment"),
    ("found", ("536591", "21779", " ? ", 5, 0.0, None), "adjustment"),
    ("bad debt", ("A563186", "B", "Adjust bad debt", 1, -11062.06, None), "bad debt booking"),
    ("postage", ("536370", "POST", "POSTAGE", 3, 18.0, 12583.0), "service or fee, no product"),
    ("small letters", ("536371", "m", "Manual", 1, 5.0, 12583.0), "service or fee, no product"),
    ("discount", ("C536380", "D", "Discount", -1, 27.5, 14527.0), "service or fee, no product"),
    ("voucher", ("536372", "gift_0001_20", "Voucher", 1, 16.67, None), "gift voucher, no product"),
    ("name like a voucher", ("536373", "giftX0001", "Bag", 1, 16.67, None), "sale"),
    ("negative with a price", ("536374", "21780", "ODD", -1, 2.0, None), "rejected"),
]  # fmt: skip


@pytest.mark.parametrize(("cells", "decision"), [r[1:] for r in RETAIL], ids=[r[0] for r in RETAIL])
def test_online_retail_decides_each_row_as_its_comments_say(
    tmp_path: Path, cells: tuple[Any, ...], decision: str
) -> None:
    number, code, description, quantity, price, customer = cells
    values = (
        number,
        code,
        description,
        quantity,
        pd.Timestamp("2010-12-01 08:26"),
        price,
        customer,
        "France",
    )
    path = tmp_path / "retail.parquet"
    pd.DataFrame([values], columns=INVOICE).astype({"CustomerID": "float64"}).to_parquet(path)
    events, tally = decisions(path, open_mapping("online_retail"))
    if decision == "rejected":
        assert (tally["rejected"], events) == ({"no_rule": 1}, [])
        return
    if not events:
        assert tally["left_out"] == {decision: 1}
        return
    kind, document = events[0]
    assert kind == decision
    assert (document["id"], document["time"][:16]) == (f"{number}:1", "2010-12-01T08:26")
    data = document["data"]
    assert (data["product"], data["location"]) == (code.upper(), "France")
    assert float(data["quantity"]) == (abs(quantity) if kind != "adjustment" else quantity)
    if kind == "adjustment":
        assert (
            data["reason"]
            == {"damaged": "damaged", None: "no reason given", " ? ": "?"}[description]
        )
    else:
        assert (float(data["price"]), data["currency"], data["order_line"]) == (price, "GBP", 1)
        assert data.get("customer_id") == (None if customer is None else str(int(customer)))


def test_online_retail_numbers_lines_within_their_invoice_and_keeps_repeats(
    recorder: Recorder, tmp_path: Path
) -> None:
    at = pd.Timestamp("2011-07-01 12:00")
    line = ("22632", "WARMER", 1, at, 2.1, 1.0, "France")
    rows = [("1", *line), ("2", *line), ("1", *line), ("1", *line)]
    path = tmp_path / "retail.parquet"
    pd.DataFrame(rows, columns=INVOICE).to_parquet(path)
    assert import_file(path, open_mapping("online_retail"), recorder, ignore).outcomes == {
        "accepted": 4
    }
    recorded = ledger(recorder.engine)
    assert [(entry[1], entry[9]) for entry in recorded] == [
        ("1:1", 1),
        ("1:2", 2),
        ("1:3", 3),
        ("2:1", 1),
    ]
    assert recorded[0][-1].isoformat() == "2011-07-01T11:00:00+00:00"


def test_online_retail_names_a_product_by_its_priced_lines(
    recorder: Recorder, tmp_path: Path
) -> None:
    at = pd.Timestamp("2011-07-01 12:00")
    rows = [
        ("1", "85123A", "HOLDER", 1, at, 2.95, 1.0, "France"),
        ("2", "85123a", "HOLDER", 1, at, 2.55, 1.0, "France"),
        ("3", "85123A", "HOLDER", 1, at, 2.55, 1.0, "France"),
        *[(str(n), "85123A", "wet", -1, at, 0.0, None, "France") for n in range(4, 9)],
    ]
    path = tmp_path / "retail.parquet"
    pd.DataFrame(rows, columns=INVOICE).to_parquet(path)
    import_file(path, open_mapping("online_retail"), recorder, ignore)
    with recorder.engine.connect() as connection:
        products = connection.execute(
            sa.text("SELECT sku, name, price_micros, currency FROM products")
        ).all()
        places = connection.execute(sa.text("SELECT code, country, timezone FROM locations")).all()
    assert [tuple(product) for product in products] == [("85123A", "HOLDER", 2_550_000, "GBP")]
    assert [tuple(place) for place in places] == [("France", "France", "Europe/London")]


M5 = ["item_id", "dept_id", "cat_id", "store_id", "state_id", "date", "sales", "sell_price"]


def test_m5_decides_each_row_as_its_comments_say(recorder: Recorder, tmp_path: Path) -> None:
    rows = [
        ("FOODS_3_090", "FOODS_3", "FOODS", "CA_1", "CA", "2016-05-22", 7.0, 1.58),
        ("FOODS_3_090", "FOODS_3", "FOODS", "TX_3", "TX", "2016-05-22", 2.0, 1.6),
        ("FOODS_3_091", "FOODS_3", "FOODS", "TX_3", "TX", "2016-05-22", 0.0, 3.0),
        ("FOODS_3_092", "FOODS_3", "FOODS", "TX_3", "TX", "2016-05-22", None, None),
        ("FOODS_3_093", "FOODS_3", "FOODS", "TX_3", "TX", "2016-05-22", -1.0, 3.0),
    ]
    path = tmp_path / "m5.parquet"
    pd.DataFrame(rows, columns=M5).to_parquet(path)
    tally = import_file(path, open_mapping("m5"), recorder, ignore).as_dict()
    assert tally == {
        "read": 5, "accepted": 2, "rejected": {"no_rule": 1}, "accounted": 5,
        "left_out": {"nothing sold that day": 1, "item not on sale yet (no price)": 1},
    }  # fmt: skip
    first, second = ledger(recorder.engine)
    assert first[:8] == (
        "m5/daily-sales", "FOODS_3_090:CA_1:2016-05-22", "sale", "FOODS_3_090", "CA_1", -7000, 1_580_000, "USD",
    )  # fmt: skip
    assert first[-1].isoformat() == second[-1].isoformat() == "2016-05-22T17:00:00+00:00"
    with recorder.engine.connect() as connection:
        zones = connection.execute(
            sa.text("SELECT code, timezone FROM locations ORDER BY code")
        ).all()
    assert [tuple(zone) for zone in zones] == [
        ("CA_1", "America/Los_Angeles"),
        ("TX_3", "America/Chicago"),
    ]


def test_online_retail_accounts_for_every_row_of_the_real_file(test_data: Path) -> None:
    sample, tally = dry_run_file(
        test_data / "online_retail" / "onlineretail.parquet",
        open_mapping("online_retail"),
        Settings(),
    )
    assert len(sample) == 5
    assert tally.as_dict() == {
        "read": 541_909,
        "event: sale": 527_795,
        "event: return": 8_704,
        "event: adjustment": 2_464,
        "left_out": {
            "service or fee, no product": 2_909,
            "gift voucher, no product": 34,
            "bad debt booking": 3,
        },
        "rejected": {},
        "accounted": 541_909,
    }


def test_import_rejects_what_the_key_of_its_name_may_not_send(
    recorder: Recorder, tmp_path: Path
) -> None:
    path = write(tmp_path / "till.csv", row("a"))
    with recorder.engine.begin() as connection:
        limits = Limits(sources=["/somebody/else"])
        create_key(connection, f"import {till().name}", "ingest", limits)
    counted = import_file(path, till(), recorder, ignore).as_dict()
    assert counted["rejected"] == {"key_source": 1}
    assert ledger(recorder.engine) == []


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo", "UTC"])
def test_a_location_made_by_an_import_has_the_days_of_the_mapping(
    recorder: Recorder, tmp_path: Path, zone: str
) -> None:
    mapping = till()
    mapping.timezone = zone
    with recorder.engine.begin() as connection:
        put_locations(connection, [LocationIn("KNOWN", timezone="Europe/Paris")])
    for code in ("'NEW'", "'KNOWN'"):
        mapping.location = {"code": code}
        mapping.source = code
        import_file(write(tmp_path / "till.csv", row("a")), mapping, recorder, ignore)
    query = sa.text("SELECT code, timezone FROM locations ORDER BY code")
    with recorder.engine.connect() as connection:
        found = [tuple(location) for location in connection.execute(query)]
    assert found == [("KNOWN", "Europe/Paris"), ("NEW", zone)]

"""What is on order, in transit and promised; lots; what stock is worth; and the ledger's partitions."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from etl.check import ledger_faults
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A")])
        put_locations(connection, [LocationIn("S1"), LocationIn("S2")])
    return Recorder(database, Settings())


def send(recorder: Recorder, *raws: bytes) -> None:
    """One batch each, so that the order of recording is this one."""
    for one in raws:
        assert recorder.record("till", "x", [one])[0].name == "accepted"


def position(recorder: Recorder, place: str) -> dict[str, Any]:
    query = (
        "SELECT p.* FROM stock_position p JOIN locations USING (location_id) WHERE code = :place"
    )
    with recorder.engine.connect() as connection:
        row = connection.execute(sa.text(query), {"place": place}).mappings().one()
    return {name: value for name, value in row.items() if not name.endswith("_id")}


def shown(**changed: int | None) -> dict[str, int | None]:
    """A position where all is nothing but what is named."""
    names = (
        "on_hand_milli",
        "on_order_milli",
        "in_transit_milli",
        "promised_milli",
        "available_milli",
    )
    return {
        **dict.fromkeys(names, 0),
        "cost_micros": None,
        "value_micros": None,
        "cost_currency": None,
        **changed,
    }


def test_order_is_on_order_until_receipts_have_brought_it(recorder: Recorder) -> None:
    send(recorder, raw(kind="order", event_id="o", quantity=10))
    assert position(recorder, "S1") == shown(on_order_milli=10_000)
    send(recorder, raw(kind="receipt", event_id="r1", quantity=4, order_id="PO1"))
    assert position(recorder, "S1") == shown(
        on_hand_milli=4_000, available_milli=4_000, on_order_milli=6_000
    )
    send(recorder, raw(kind="receipt", event_id="r2", quantity=9, order_id="PO1"))
    assert position(recorder, "S1") == shown(on_hand_milli=13_000, available_milli=13_000)


def test_order_that_comes_after_its_receipt_is_not_open(recorder: Recorder) -> None:
    send(recorder, raw(kind="receipt", event_id="r", quantity=4, order_id="PO1"))
    send(recorder, raw(kind="order", event_id="o", quantity=4))
    assert position(recorder, "S1")["on_order_milli"] == 0


def test_dispatch_is_in_transit_until_it_arrives(recorder: Recorder) -> None:
    send(recorder, raw(kind="receipt", event_id="r", quantity=9))
    send(recorder, raw(kind="dispatch", event_id="d", quantity=6, lot="L1"))
    assert position(recorder, "S1") == shown(on_hand_milli=3_000, available_milli=3_000)
    assert position(recorder, "S2") == shown(in_transit_milli=6_000)
    arrival = raw(
        kind="arrival", event_id="a", location="S2", quantity=5, lot="L1", expires_on="2026-05-01"
    )
    send(recorder, arrival)
    assert position(recorder, "S2") == shown(
        on_hand_milli=5_000, available_milli=5_000, in_transit_milli=1_000
    )
    query = "SELECT code, lot, on_hand_milli, expires_on::text FROM lots JOIN locations USING (location_id) ORDER BY 1"
    with recorder.engine.connect() as connection:
        lots = [tuple(row) for row in connection.execute(sa.text(query))]
    assert lots == [("S1", "L1", -6_000, None), ("S2", "L1", 5_000, "2026-05-01")]
    assert not any(ledger_faults(recorder.engine).values())


def test_reservation_is_promised_until_it_is_sold_or_released(recorder: Recorder) -> None:
    send(recorder, raw(kind="receipt", event_id="r", quantity=9))
    send(recorder, raw(kind="reservation", event_id="v", quantity=5))
    assert position(recorder, "S1") == shown(
        on_hand_milli=9_000, promised_milli=5_000, available_milli=4_000
    )
    send(recorder, raw(kind="sale", event_id="s", quantity=2, reservation_id="R1"))
    assert position(recorder, "S1") == shown(
        on_hand_milli=7_000, promised_milli=3_000, available_milli=4_000
    )
    send(recorder, raw(kind="release", event_id="x", quantity=3))
    assert position(recorder, "S1") == shown(on_hand_milli=7_000, available_milli=7_000)


def test_cost_is_the_moving_average_in_the_order_of_recording(recorder: Recorder) -> None:
    send(recorder, raw(kind="receipt", event_id="r1", quantity=10, cost="2.00"))
    send(recorder, raw(kind="receipt", event_id="r2", quantity=5, cost="3.50"))
    assert position(recorder, "S1")["cost_micros"] == 2_500_000
    send(recorder, raw(kind="sale", event_id="s", quantity=12))
    assert position(recorder, "S1")["value_micros"] == 3 * 2_500_000
    send(recorder, raw(kind="receipt", event_id="r3", quantity=1))
    assert position(recorder, "S1")["cost_micros"] == 2_500_000
    send(recorder, raw(kind="transfer", event_id="t", quantity=2))
    assert position(recorder, "S2")["cost_micros"] == 2_500_000
    send(recorder, raw(kind="receipt", event_id="r4", quantity=3, location="S2", cost="1.00"))
    assert position(recorder, "S2")["cost_micros"] == 1_600_000


def test_cost_of_what_comes_rules_alone_where_stock_was_below_nothing(recorder: Recorder) -> None:
    send(recorder, raw(kind="receipt", event_id="r1", quantity=1, cost="9.00"))
    send(recorder, raw(kind="sale", event_id="s", quantity=5))
    send(recorder, raw(kind="receipt", event_id="r2", quantity=10, cost="2.00"))
    assert position(recorder, "S1")["cost_micros"] == 2_000_000
    send(recorder, raw(kind="correction", event_id="c", corrects_id="r2"))
    assert position(recorder, "S1")["cost_micros"] == 9_000_000
    assert not any(ledger_faults(recorder.engine).values())


def test_check_sees_what_was_bent_by_hand(recorder: Recorder) -> None:
    """Each fault by itself, so that a check that always says "fine" would be noticed."""
    send(
        recorder,
        raw(kind="receipt", event_id="r", quantity=5, cost="2", lot="L1", order_id="PO1"),
        raw(kind="sale", event_id="s"),
        raw(kind="correction", event_id="c", corrects_id="s"),
    )
    bent = {
        "stock": "UPDATE stock SET on_hand_milli = on_hand_milli + 1",
        "commitments": "UPDATE commitments SET closed_milli = closed_milli + 1",
        "lots": "UPDATE lots SET on_hand_milli = on_hand_milli + 1",
        "identities": "DELETE FROM event_identities WHERE event_id = 's'",
        "costs": "UPDATE valuations SET cost_after = cost_after + 1",
        "corrections": "DELETE FROM corrections",
        "keys": "DELETE FROM sources",
    }
    assert ledger_faults(recorder.engine) == dict.fromkeys(bent, 0)
    for name, bend in bent.items():
        with recorder.engine.connect() as connection:
            connection.execute(sa.text("SET session_replication_role = replica"))
            connection.execute(sa.text(bend))
            faults = ledger_faults(connection)
            connection.rollback()
        assert [fault for fault, count in faults.items() if count] == [name]


def partitions(recorder: Recorder) -> dict[str, int]:
    query = "SELECT tableoid::regclass::text, count(*) FROM ledger GROUP BY 1"
    with recorder.engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(sa.text(query))}


def test_row_lands_in_the_partition_of_the_month_of_its_recording(recorder: Recorder) -> None:
    """Whatever its own time is; and in the default one where nobody made the month's."""
    send(
        recorder,
        raw(kind="sale", event_id="s"),
        raw(kind="sale", event_id="t", minute=-60 * 24 * 900),
    )
    now = datetime.now(UTC)
    assert partitions(recorder) == {f"ledger_{now:%Y_%m}": 2}
    for when, name in (
        ("2031-07-01 00:00+00", "ledger_2031_07"),
        ("2033-01-01 00:00+00", "ledger_other"),
    ):
        with recorder.engine.begin() as connection:
            if name != "ledger_other":
                connection.execute(sa.text("SELECT ensure_ledger_partitions('2031-06-15', 2)"))
            connection.execute(sa.text(LATER), {"when": when, "id": when})
        assert partitions(recorder)[name] == 1


def test_partition_is_not_made_where_its_rows_lie_elsewhere(recorder: Recorder) -> None:
    send(recorder, raw(kind="sale", event_id="s"))
    with recorder.engine.begin() as connection:
        connection.execute(sa.text(LATER), {"when": "2033-01-15 00:00+00", "id": "x"})
        connection.execute(sa.text("SELECT ensure_ledger_partitions('2033-01-01', 2)"))
    assert partitions(recorder)["ledger_other"] == 1


def test_rows_of_the_ledger_stay_by_whatever_name_it_is_called(recorder: Recorder) -> None:
    send(recorder, raw(kind="sale", event_id="s"))
    with recorder.engine.begin() as connection:
        connection.execute(sa.text(LATER), {"when": "2033-01-15 00:00+00", "id": "x"})
    tables = ("ledger", f"ledger_{datetime.now(UTC):%Y_%m}", "ledger_other", "event_identities")
    changes = (
        "UPDATE {} SET event_id = 'x'",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "TRUNCATE {} CASCADE",
    )
    for table, change in itertools.product(tables, changes):
        with (
            recorder.engine.connect() as connection,
            pytest.raises(DBAPIError, match="append-only"),
        ):
            connection.execute(sa.text(change.format(table)))
    assert sum(partitions(recorder).values()) == 2


def test_what_the_ledger_names_cannot_be_deleted(recorder: Recorder) -> None:
    for table in ("products", "locations", "sources"):
        with (
            recorder.engine.connect() as connection,
            pytest.raises(DBAPIError, match="never deleted"),
        ):
            connection.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names from above


LATER = """INSERT INTO ledger (entry_id, source_id, event_id, kind, product_id, location_id, quantity_milli,
                               occurred_at, recorded_at)
           SELECT nextval('ledger_entries'), source_id, :id, kind, product_id, location_id, 0, occurred_at,
                  CAST(:when AS timestamptz)
           FROM ledger WHERE event_id = 's'"""

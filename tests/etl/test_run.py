import random
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import etl.run
from etl import ledger_faults, run_etl
from etl.check import check_all
from etl.delta import open_table, watermark_of
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import FeedRequest, Recorder, record_requests
from stocktide.foundation.errors import Conflict, Fatal
from stocktide.foundation.lake import Lake, LakeTable
from stocktide.foundation.runs import single_flight
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw

DAY = 1440


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A", name="Apple"), ProductIn("B")])
        put_locations(connection, [LocationIn("S1", timezone="Europe/Berlin"), LocationIn("S2")])
    return Recorder(database, Settings())


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def record(recorder: Recorder, *raws: bytes) -> None:
    outcomes = recorder.record("till", "application/x-ndjson", raws)
    assert [outcome.name for outcome in outcomes] == ["accepted"] * len(raws)


def demand(lake: Lake) -> list[dict[str, Any]]:
    table = open_table(lake, "daily_demand")
    assert table is not None
    rows: list[dict[str, Any]] = table.to_pyarrow_table().to_pylist()
    return sorted(rows, key=lambda row: (row["product_id"], row["location_id"], row["day"]))


def served(engine: sa.Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT * FROM daily_demand ORDER BY product_id, location_id, day")
        )
        return [dict(row) for row in rows.mappings()]


def test_run_etl_fills_a_day_as_worked_out_by_hand(recorder: Recorder, lake: Lake) -> None:
    # 2026-03-01, 09:00 in Berlin: 10 delivered; 12:00 six sold of them; 15:00 the last four; 21:00 one comes back
    record(
        recorder,
        raw(kind="price", event_id="p", minute=-30, price=2),
        raw(kind="receipt", event_id="r", minute=0, quantity=10),
        raw(kind="sale", event_id="s1", minute=180, quantity=6, price="1.50", order_id="o1"),
        raw(kind="sale", event_id="s2", minute=360, quantity=4, price="1.50", order_id="o1"),
        raw(kind="return", event_id="b", minute=720, quantity=1, price="1.50"),
        raw(kind="reading", event_id="x", minute=721, observed=3),
    )
    report = run_etl(recorder.engine, lake)
    assert (report.landed.rows, report.rows_total, report.demand.rows_changed) == (6, 6, 1)
    row = demand(lake)[0]
    # known from 09:00, and measured from then on, though a price came at 08:30; in stock 09:00-15:00 and 21:00-24:00
    assert row.pop("in_stock_share") == pytest.approx((6 + 3) / 15)
    assert row == {
        "product_id": 1, "location_id": 1, "day": date(2026, 3, 1), "sold_milli": 10_000, "returned_milli": 1_000,
        "revenue_micros": 13_500_000, "currency": "", "other_revenue": None, "orders": 1, "price_micros": 2_000_000,
        "received_milli": 10_000,
        "adjusted_milli": 0, "promotion": False, "on_hand_milli": 1_000, "censored": True, "month": "2026-03",
        "close_price_micros": 2_000_000, "close_currency": "", "close_promotion": False,
    }  # fmt: skip


def test_run_etl_uses_the_business_day_of_the_location(recorder: Recorder, lake: Lake) -> None:
    late = 15 * 60 + 30  # 23:30 UTC: the next day in Berlin, the same in UTC
    record(
        recorder,
        raw(kind="sale", event_id="a", minute=late),
        raw(kind="sale", event_id="b", minute=late, location="S2"),
    )
    run_etl(recorder.engine, lake)
    assert [row["day"].day for row in demand(lake)] == [2, 1]


def test_run_etl_touches_only_its_day_when_an_event_is_late(recorder: Recorder, lake: Lake) -> None:
    record(recorder, *[raw(kind="sale", event_id=f"s{d}", minute=d * DAY) for d in range(60)])
    run_etl(recorder.engine, lake)
    before = demand(lake)
    record(recorder, raw(kind="sale", event_id="late", minute=10 * DAY + 60, quantity=5))
    report = run_etl(recorder.engine, lake)
    after = demand(lake)
    assert (report.demand.rows_changed, report.demand.days_changed) == (1, 1)
    assert [
        row["day"].toordinal() for row, old in zip(after, before, strict=True) if row != old
    ] == [date(2026, 3, 11).toordinal()]
    assert after[10]["sold_milli"] == 6_000


def test_run_etl_does_nothing_when_nothing_is_new(recorder: Recorder, lake: Lake) -> None:
    record(recorder, raw(kind="sale"))
    first = run_etl(recorder.engine, lake)
    again = run_etl(recorder.engine, lake)
    assert (again.landed.rows, again.landed.version, again.demand.version) == (
        0, first.landed.version, first.demand.version,
    )  # fmt: skip


TABLES: tuple[LakeTable, ...] = ("movements", "daily_demand")


def test_what_shows_on_no_day_moves_the_mark_of_the_days_as_well(
    recorder: Recorder, lake: Lake
) -> None:
    record(recorder, raw(kind="sale", event_id="old"))
    run_etl(recorder.engine, lake)
    record(recorder, raw(kind="reading", event_id="seen", observed=3))
    report = run_etl(recorder.engine, lake)
    assert (report.landed.rows, report.demand.rows_changed) == (1, 0)
    marks = {watermark_of(open_table(lake, name)) for name in TABLES}
    assert marks == {report.landed.xid_before}
    assert check_all(recorder.engine, lake).holds


def test_run_etl_runs_on_an_empty_ledger(database: sa.Engine, lake: Lake) -> None:
    assert run_etl(database, lake).rows_total == 0


STEPS = [
    "land_movements",
    "land_dimensions",
    "update_daily_demand",
    "update_tables",
    "serve_demand",
    "verify_lake",
    "note_versions",
]


class Killed(BaseException):
    """Stands for kill -9 between two steps."""


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_run_etl_loses_and_repeats_nothing_when_killed(
    recorder: Recorder, lake: Lake, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    record(recorder, raw(kind="sale", event_id="old"))
    run_etl(recorder.engine, lake)
    record(recorder, *[raw(kind="sale", event_id=f"s{d}", minute=d * DAY) for d in range(1, 5)])
    real: Callable[..., Any] = getattr(etl.run, step)

    def dying(*args: Any, **kwargs: Any) -> None:
        if when == "after":
            real(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(etl.run, step, dying)
        with pytest.raises(Killed):
            run_etl(recorder.engine, lake)
    report = run_etl(recorder.engine, lake)
    assert report.rows_total == 5
    assert [row["sold_milli"] for row in demand(lake)] == [1000] * 5
    assert [row["sold_milli"] for row in served(recorder.engine)] == [1000] * 5


def test_run_etl_repeats_nothing_when_killed_between_serving_and_the_lake(
    recorder: Recorder, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(recorder, raw(kind="sale"))

    def dying(*_args: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("etl.daily_demand._merge", dying)
        with pytest.raises(Killed):
            run_etl(recorder.engine, lake)
    run_etl(recorder.engine, lake)
    assert [row["sold_milli"] for row in demand(lake)] == [1000]


def test_run_etl_loses_no_row_when_transactions_commit_out_of_order(
    recorder: Recorder, lake: Lake
) -> None:
    """Writers hold their transactions open for random times while the ETL runs again and again."""
    events = [
        [raw(kind="sale", event_id=f"w{w}-{n}", minute=n) for n in range(15)] for w in range(6)
    ]

    def write(mine: list[bytes], rng: random.Random) -> None:
        for one in mine:
            with recorder.engine.begin() as connection:
                parsed = recorder.parser.parse_all([one])
                record_requests(
                    connection, recorder.ledger, [FeedRequest("till", "", [one], parsed)]
                )
                time.sleep(rng.random() * 0.02)

    writers = [
        threading.Thread(target=write, args=(mine, random.Random(w)))
        for w, mine in enumerate(events)
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        run_etl(recorder.engine, lake)
    for writer in writers:
        writer.join()
    report = run_etl(recorder.engine, lake)
    table = open_table(lake, "movements")
    assert table is not None
    landed = table.to_pyarrow_table().column("event_id").to_pylist()
    assert report.rows_total == 90
    assert sorted(landed) == sorted(f"w{w}-{n}" for w in range(6) for n in range(15))


def test_run_etl_says_what_differs_when_the_lake_lost_rows(recorder: Recorder, lake: Lake) -> None:
    record(recorder, raw(kind="sale"))
    run_etl(recorder.engine, lake)
    table = open_table(lake, "movements")
    assert table is not None
    table.delete()
    with pytest.raises(Fatal, match="Lake and ledger differ"):
        run_etl(recorder.engine, lake)
    with recorder.engine.connect() as connection:
        status, error = connection.execute(
            sa.text("SELECT status, error FROM runs ORDER BY run_id DESC LIMIT 1")
        ).one()
    assert status == "failed"
    assert "rebuilt from the ledger" in error


def test_run_etl_refuses_when_another_run_is_under_way(database: sa.Engine, lake: Lake) -> None:
    with single_flight(database, "etl") as free:
        assert free
        with pytest.raises(Conflict, match="under way"):
            run_etl(database, lake)


def test_ledger_faults_count_a_stock_level_that_is_not_its_fold(recorder: Recorder) -> None:
    record(recorder, raw(kind="sale"), raw(kind="sale", event_id="b", product="B"))
    assert ledger_faults(recorder.engine)["stock"] == 0
    with recorder.engine.begin() as connection:
        connection.execute(sa.text("UPDATE stock SET on_hand_milli = 7 WHERE product_id = 1"))
    assert ledger_faults(recorder.engine)["stock"] == 1

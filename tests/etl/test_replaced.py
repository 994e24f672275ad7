"""Copies are replaced for what is derived again: after a rebuild, a restore, a changed time zone, a correction."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from deltalake import write_deltalake

from etl import check_all, rebuild_lake, run_etl
from etl.delta import generation_of, open_table, up_to, watermark_of
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.errors import Fatal
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw

DAY = 1440


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A")])
        put_locations(connection, [LocationIn("S1", timezone="Asia/Tokyo"), LocationIn("S2")])
    return Recorder(database, Settings())


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def record(recorder: Recorder, *raws: bytes) -> None:
    outcomes = recorder.record("till", "application/x-ndjson", raws)
    assert [outcome.name for outcome in outcomes] == ["accepted"] * len(raws)


def rows(engine: sa.Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def change(engine: sa.Engine, *statements: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            connection.execute(sa.text(statement))


SERVED = "SELECT day, sold_milli FROM daily_demand ORDER BY day"
BY_LOCATION = "SELECT day, sold_milli FROM location_daily ORDER BY day"


def both(engine: sa.Engine) -> list[tuple[Any, ...]]:
    """The days of the copy, which those of the location must be, too: there is one product."""
    served = rows(engine, SERVED)
    assert rows(engine, BY_LOCATION) == served
    return served


def test_the_copy_has_no_ghosts_after_a_restore_and_a_rebuilt_lake(
    recorder: Recorder, lake: Lake
) -> None:
    """An older dump comes back, with the watermark of its copy, and somebody removes the lake, as we once said."""
    record(
        recorder,
        *[raw(kind="sale", event_id=f"s{d}", minute=d * DAY, quantity=10) for d in range(4)],
    )
    run_etl(recorder.engine, lake)
    change(
        recorder.engine,
        "DELETE FROM ledger WHERE event_id = 's3'",
        "DELETE FROM event_identities WHERE event_id = 's3'",
        "UPDATE served_tables SET xid_before = '900000000'",
    )
    shutil.rmtree(lake.root)
    run_etl(recorder.engine, lake)
    assert [sold for _, sold in both(recorder.engine)] == [10_000] * 3


@pytest.mark.parametrize("kept", [True, False], ids=["with the lake", "without the lake"])
def test_a_restore_without_its_hand_step_is_refused_and_repaired_by_a_rebuild(
    recorder: Recorder, lake: Lake, kept: bool
) -> None:
    record(recorder, raw(kind="sale"))
    if kept:
        run_etl(recorder.engine, lake)
    change(recorder.engine, "UPDATE ledger SET xid = '900000000'")
    with pytest.raises(Fatal, match=r"of another database, as after a restore.*stocktide rebuild"):
        run_etl(recorder.engine, lake)
    check = check_all(recorder.engine, lake)
    assert (check.holds, check.as_dict()["faults"]["numbers"]) == (False, 1)  # type: ignore[index]
    assert "stocktide rebuild" in (check.repair or "")
    rebuild_lake(recorder.engine, lake)
    assert check_all(recorder.engine, lake).holds
    assert both(recorder.engine) == [(date(2026, 3, 1), 1000)]
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), recorder.engine.begin() as tried:
        tried.execute(sa.text("UPDATE ledger SET event_id = 'x'"))


def test_a_lake_of_another_database_is_refused_and_replaced_by_a_rebuild(
    recorder: Recorder, lake: Lake
) -> None:
    record(recorder, raw(kind="sale"))
    run_etl(recorder.engine, lake)
    table = open_table(lake, "movements")
    assert table is not None
    properties = up_to(900_000_000, generation=generation_of(table))
    write_deltalake(
        lake.path("movements"),
        table.to_pyarrow_table().slice(0, 0),
        mode="append",
        commit_properties=properties,
    )
    assert watermark_of(open_table(lake, "movements")) == 900_000_000
    record(recorder, raw(kind="sale", event_id="new", minute=DAY))
    with pytest.raises(Fatal, match=r"written by another database.*STOCKTIDE_LAKE_URL"):
        run_etl(recorder.engine, lake)
    assert not check_all(recorder.engine, lake).holds
    rebuild_lake(recorder.engine, lake)
    assert check_all(recorder.engine, lake).holds
    assert [sold for _, sold in both(recorder.engine)] == [1000, 1000]


def test_a_changed_time_zone_moves_the_days_of_all_that_was_sold(
    recorder: Recorder, lake: Lake
) -> None:
    # 08:00 and 22:30 UTC: 1 and 2 March in Tokyo, both the 1st in Lisbon
    record(recorder, raw(kind="sale"), raw(kind="sale", event_id="late", minute=870, quantity=2))
    run_etl(recorder.engine, lake)
    assert both(recorder.engine) == [(date(2026, 3, 1), 1000), (date(2026, 3, 2), 2000)]
    with recorder.engine.begin() as connection:
        put_locations(connection, [LocationIn("S1", timezone="Europe/Lisbon")])
    waits = check_all(recorder.engine, lake)
    waiting: Any = waits.as_dict()["waiting"]
    assert (waits.holds, waiting["lake/movements"], waiting["lake/locations"]) == (True, 2, 1)
    run_etl(recorder.engine, lake)
    assert both(recorder.engine) == [(date(2026, 3, 1), 3000)]
    assert check_all(recorder.engine, lake).holds


def test_days_that_other_rules_derived_are_made_again(
    recorder: Recorder, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an upgrade no day stands as the older version counted it, whether its pair sells or not."""
    record(recorder, raw(kind="sale"))
    with monkeypatch.context() as older:
        older.setattr("etl.delta.RULES", 0)
        run_etl(recorder.engine, lake)
    with recorder.engine.begin() as connection:
        connection.execute(sa.text("UPDATE daily_demand SET censored = true"))
    check = check_all(recorder.engine, lake)
    waiting: Any = check.as_dict()["waiting"]
    assert (waiting["lake/movements"], waiting["lake/daily_demand"]) == (1, 1)
    run_etl(recorder.engine, lake)
    assert check_all(recorder.engine, lake).holds
    with recorder.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT censored FROM daily_demand")).scalars().all() == [
            False
        ]


def test_a_corrected_day_goes_from_lake_and_copy(recorder: Recorder, lake: Lake) -> None:
    record(recorder, raw(kind="sale"), raw(kind="sale", event_id="typo", minute=5 * DAY))
    run_etl(recorder.engine, lake)
    assert len(both(recorder.engine)) == 2
    record(recorder, raw(kind="correction", event_id="c", corrects_id="typo"))
    run_etl(recorder.engine, lake)
    assert both(recorder.engine) == [(date(2026, 3, 1), 1000)]
    table = open_table(lake, "daily_demand")
    assert table is not None
    assert table.count() == 1
    assert check_all(recorder.engine, lake).holds


class Killed(BaseException):
    """Stands for kill -9."""


def test_check_counts_as_waiting_what_a_run_has_not_served_yet(
    recorder: Recorder, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(recorder, raw(kind="sale"))
    run_etl(recorder.engine, lake)
    record(recorder, raw(kind="sale", event_id="new", minute=DAY))

    def dying(*_args: Any, **_named: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("etl.run.serve_demand", dying)
        with pytest.raises(Killed):
            run_etl(recorder.engine, lake)
    check = check_all(recorder.engine, lake)
    waiting: Any = check.as_dict()["waiting"]
    assert (check.holds, waiting["daily_demand"], waiting["lake_versions"]) == (True, 1, 2)

"""The copy of daily_demand in Postgres, brought up to the lake wherever a run ended."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from etl import run_etl
from etl.delta import open_table
from etl.serving import STAGED
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw

pytestmark = pytest.mark.usefixtures("days_only")

DAY = 1440


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A"), ProductIn("B")])
        put_locations(connection, [LocationIn("S1"), LocationIn("S2")])
    return Recorder(database, Settings())


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


class Killed(BaseException):
    """Stands for kill -9."""


def record(recorder: Recorder, *raws: bytes) -> None:
    outcomes = recorder.record("till", "application/x-ndjson", raws)
    assert [outcome.name for outcome in outcomes] == ["accepted"] * len(raws)


def in_lake(lake: Lake) -> list[dict[str, Any]]:
    table = open_table(lake, "daily_demand")
    assert table is not None
    rows = table.to_pyarrow_table().select(STAGED.names[:-1]).to_pylist()
    return sorted(rows, key=lambda row: (row["product_id"], row["location_id"], row["day"]))


def in_postgres(engine: sa.Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT * FROM daily_demand ORDER BY product_id, location_id, day")
        )
        return [dict(row) for row in rows.mappings()]


def sold_by_location(engine: sa.Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        query = "SELECT location_id, day, sold_milli FROM location_daily ORDER BY location_id, day"
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_the_copy_is_the_lake(recorder: Recorder, lake: Lake) -> None:
    record(
        recorder,
        raw(kind="receipt", event_id="r", minute=0, quantity=10),
        *[raw(kind="sale", event_id=f"s{d}", minute=1 + d * DAY, price="1.5") for d in range(4)],
        raw(kind="sale", event_id="b", product="B", location="S2"),
    )
    run_etl(recorder.engine, lake)
    assert in_postgres(recorder.engine) == in_lake(lake)


@pytest.mark.parametrize("step", ["etl.serving.sql", "etl.run.serve_demand"])
def test_the_copy_comes_after_the_lake_and_is_made_up_for_when_killed_between(
    recorder: Recorder, lake: Lake, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    record(recorder, raw(kind="sale", event_id="old"))
    run_etl(recorder.engine, lake)
    record(recorder, raw(kind="sale", event_id="new", minute=DAY))

    def dying(*_args: Any, **_named: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(step, dying)
        with pytest.raises(Killed):
            run_etl(recorder.engine, lake)
    assert (len(in_lake(lake)), len(in_postgres(recorder.engine))) == (2, 1)
    # nothing is new, and yet the copy is behind
    run_etl(recorder.engine, lake)
    assert in_postgres(recorder.engine) == in_lake(lake)
    assert [sold for *_, sold in sold_by_location(recorder.engine)] == [1000, 1000]


def test_the_copy_is_made_up_for_when_the_database_is_an_older_one(
    recorder: Recorder, lake: Lake
) -> None:
    record(recorder, *[raw(kind="sale", event_id=f"s{d}", minute=d * DAY) for d in range(3)])
    run_etl(recorder.engine, lake)
    whole = sold_by_location(recorder.engine)
    with recorder.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM daily_demand WHERE day > '2026-03-01'"))
        connection.execute(sa.text("DELETE FROM location_daily WHERE day > '2026-03-01'"))
        connection.execute(sa.text("UPDATE served_tables SET xid_before = '3'"))
    run_etl(recorder.engine, lake)
    assert in_postgres(recorder.engine) == in_lake(lake)
    assert sold_by_location(recorder.engine) == whole

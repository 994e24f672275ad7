"""The lake is merged and its old files go; what it says, and what the next run lands, stays the same."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from deltalake import DeltaTable

from etl import run_etl
from etl.check import check_all
from etl.delta import open_table, watermark_of
from etl.maintenance import tidy_lake
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.errors import Conflict
from stocktide.foundation.lake import Lake
from stocktide.foundation.runs import single_flight
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw

# the further tables are merged and cleaned by the same lines
pytestmark = pytest.mark.usefixtures("days_only")

RUNS = 8


def nothing(_line: str) -> None:
    pass


@pytest.fixture
def lake(database: sa.Engine, tmp_path: Path) -> Lake:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A")])
        put_locations(connection, [LocationIn("S1")])
    return Lake(str(tmp_path / "lake"))


def sell_and_land(database: sa.Engine, lake: Lake, number: int) -> None:
    sold = raw(kind="sale", event_id=str(number), minute=number * 60)
    assert Recorder(database, Settings()).record("till", "", [sold])[0].name == "accepted"
    run_etl(database, lake)


def files_of(lake: Lake) -> int:
    found = Path(lake.path("movements")).rglob("*.parquet")
    return len([path for path in found if "_delta_log" not in path.parts])


def rows_of(lake: Lake) -> list[dict[str, object]]:
    table = open_table(lake, "movements")
    assert table is not None
    rows: list[dict[str, object]] = table.to_pyarrow_table().sort_by("entry_id").to_pylist()
    return rows


def test_small_files_are_merged_and_nothing_else_changes(database: sa.Engine, lake: Lake) -> None:
    for number in range(RUNS):
        sell_and_land(database, lake, number)
    before, mark = rows_of(lake), watermark_of(open_table(lake, "movements"))
    done = tidy_lake(database, lake, history_days=14, say=nothing)
    assert (done["movements"].merged, done["movements"].made) == (RUNS, 1)
    assert rows_of(lake) == before
    assert watermark_of(open_table(lake, "movements")) == mark
    assert check_all(database, lake).holds
    sell_and_land(database, lake, RUNS)
    assert len(rows_of(lake)) == RUNS + 1
    again = tidy_lake(database, lake, history_days=14, say=nothing)
    assert again["movements"].deleted == 0


def test_the_past_can_be_read_as_long_as_old_files_are_kept(
    database: sa.Engine, lake: Lake
) -> None:
    for number in range(2):
        sell_and_land(database, lake, number)
    tidy_lake(database, lake, history_days=40, say=nothing)
    table = open_table(lake, "movements")
    assert table is not None
    # Delta keeps a log for thirty days unless it is told
    assert table.metadata().configuration["delta.logRetentionDuration"] == "interval 41 days"
    with database.connect() as connection:
        query = "SELECT run_id, CAST(versions->>'movements' AS int) FROM lake_history ORDER BY history_id"
        noted = [tuple(row) for row in connection.execute(sa.text(query))]
    run_id = noted[1][0]
    # the merged files are noted too, as of the run whose rows they hold
    assert noted[1:] == [(run_id, 1), (run_id, table.version())]
    version = table.version()
    tidy_lake(database, lake, history_days=40, say=nothing)
    assert DeltaTable(lake.path("movements")).version() == version


def test_files_of_old_versions_go_and_young_ones_stay(
    database: sa.Engine, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(RUNS):
        sell_and_land(database, lake, number)
    tidy_lake(database, lake, history_days=14, say=nothing)
    assert files_of(lake) == RUNS + 1
    monkeypatch.setattr("etl.maintenance.HOURS_A_DAY", 0)
    before = rows_of(lake)
    assert tidy_lake(database, lake, history_days=1, say=nothing)["movements"].deleted == RUNS
    assert files_of(lake) == 1
    assert rows_of(lake) == before
    assert check_all(database, lake).holds
    sell_and_land(database, lake, RUNS)
    assert len(rows_of(lake)) == RUNS + 1


def test_it_waits_for_no_run(database: sa.Engine, lake: Lake) -> None:
    with single_flight(database, "etl") as free:
        assert free
        with pytest.raises(Conflict, match="under way"):
            tidy_lake(database, lake, history_days=14, say=nothing)


def test_a_lake_that_was_never_written_is_left_alone(database: sa.Engine, lake: Lake) -> None:
    assert tidy_lake(database, lake, history_days=14, say=nothing) == {}

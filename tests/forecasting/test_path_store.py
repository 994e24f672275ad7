import json
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import forecasting.path_files
from forecasting import Paths, prune_paths, read_lineage, read_paths, write_paths
from stocktide.foundation.errors import Invalid, NotFound
from stocktide.foundation.lake import Lake
from tests.forecasting.stored_paths import COUNT, DAYS, LEAVES, WHOLE, drawn, lineage

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def write(lake: Lake, run: int) -> None:
    write_paths(lake, lineage(run), LEAVES, DAYS, drawn(run), WHOLE)


def assert_is_run(paths: Paths, run: int, rows: list[int]) -> None:
    pd.testing.assert_frame_equal(paths.leaves, LEAVES.iloc[rows].reset_index(drop=True))
    assert list(paths.days) == list(DAYS)
    expected = np.stack(list(drawn(run)), axis=2)[rows].transpose(1, 0, 2)
    np.testing.assert_array_equal(paths.values, expected)


@pytest.mark.parametrize("held", [1, 2 * len(LEAVES) * COUNT, 10**9])
def test_paths_come_back_as_they_were_written(
    lake: Lake, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecasting.path_files, "NUMBERS_HELD", held)
    write(lake, 3)
    assert_is_run(read_paths(lake, location="A"), 3, [0, 1, 2, 3])
    assert_is_run(read_paths(lake, location="B", products=["r", "p"]), 3, [4, 6])
    assert_is_run(read_paths(lake, location="C/1 ü"), 3, [7])
    few = read_paths(lake, location="A", count=4)
    np.testing.assert_array_equal(few.values, read_paths(lake, location="A").values[:4])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 2e9, width=32), min_size=3, max_size=3))
def test_any_units_come_back_to_a_thousandth_or_a_unit_where_they_are_millions(
    tmp_path_factory: pytest.TempPathFactory, units: list[float]
) -> None:
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    given_units = np.array(units, dtype=np.float32)[:, None]
    leaves = pd.DataFrame({"product": ["a", "b", "c"]})
    days, whole = DAYS[:1], np.zeros(3, dtype=np.bool_)
    write_paths(lake, lineage(1), leaves, days, [given_units], whole)
    found = read_paths(lake)
    apart = np.abs(found.values[0].astype(np.float64) - given_units)
    allowed = np.where(given_units > 2e6, 0.5, 0.0005) + 1e-7 * given_units
    assert (apart <= allowed).all()


def test_the_newest_run_is_read_and_older_ones_by_their_number(lake: Lake) -> None:
    for run in (9, 10):
        write(lake, run)
    assert_is_run(read_paths(lake, location="C/1 ü"), 10, [7])
    assert_is_run(read_paths(lake, location="C/1 ü", run=9), 9, [7])


def test_every_file_and_the_manifest_say_what_the_paths_came_from(lake: Lake) -> None:
    write(lake, 4)
    assert read_lineage(lake) == lineage(4)
    files = sorted(Path(lake.root).rglob("*.parquet"))
    assert len(files) == 3
    for file in files:
        note = json.loads(pq.read_schema(file).metadata[b"stocktide.paths"])
        assert note["forecast_run_id"] == 4
        assert note["lake_version"] == 17
        assert note["cutoff"] == "2025-12-31"


def test_a_sum_within_a_path_is_one_statement_in_sql(lake: Lake) -> None:
    write(lake, 5)
    query = "SELECT sum(p007 / per_unit) FROM read_parquet(?) WHERE product = 'p'"
    with duckdb.connect() as connection:
        found = connection.execute(query, [f"{lake.root}/paths/run=5/*/*.parquet"]).fetchone()
    together = [read_paths(lake, location=name, products=["p"]) for name in ("A", "B", "C/1 ü")]
    expected = sum(float(paths.values[7].sum(dtype=np.float64)) for paths in together)
    assert found is not None
    assert found[0] == pytest.approx(expected)


def test_a_killed_writer_leaves_nothing_that_is_read(lake: Lake) -> None:
    write(lake, 1)
    command = [sys.executable, "-m", "tests.forecasting.killed_paths", lake.root, "2"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "half written\n"
        writer.kill()
    assert len(list(Path(lake.root, "paths", "run=2").rglob("*.parquet"))) > 0
    assert read_lineage(lake).forecast_run_id == 1
    assert_is_run(read_paths(lake, location="A"), 1, [0, 1, 2, 3])
    with pytest.raises(NotFound, match="of run 2"):
        read_paths(lake, location="A", run=2)
    write(lake, 2)
    assert_is_run(read_paths(lake, location="A"), 2, [0, 1, 2, 3])


def test_runs_that_are_not_kept_go_and_halves_with_them(lake: Lake) -> None:
    for run in (1, 2, 3):
        write(lake, run)
    Path(lake.root, "paths", "run=2", "manifest.json").unlink()
    assert prune_paths(lake, {3}) == [1, 2]
    assert [folder.name for folder in Path(lake.root, "paths").iterdir()] == ["run=3"]
    assert prune_paths(lake, {3}) == []


def test_a_file_that_was_cut_off_is_refused(lake: Lake) -> None:
    write(lake, 1)
    file = next(Path(lake.root).rglob("location=A/*.parquet"))
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(NotFound, match="not the file that was written"):
        read_paths(lake, location="A")


def test_unknown_locations_and_empty_lakes_are_not_found(lake: Lake) -> None:
    with pytest.raises(NotFound, match="run a forecast first"):
        read_paths(lake, location="A")
    write(lake, 1)
    with pytest.raises(NotFound, match="location 'Z'"):
        read_paths(lake, location="Z")


def test_days_that_were_not_drawn_make_no_run(lake: Lake) -> None:
    with pytest.raises(Invalid, match="5 days were to be written, but 4"):
        write_paths(lake, lineage(1), LEAVES, DAYS, list(drawn(1))[:4], WHOLE)
    with pytest.raises(NotFound, match="run a forecast first"):
        read_lineage(lake)

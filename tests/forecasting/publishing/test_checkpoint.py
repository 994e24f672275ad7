import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from scipy import sparse

from forecasting.publishing.array_copy import ArrayRows
from forecasting.publishing.checkpoint import FOLDER, Checkpoint, run_key
from forecasting.publishing.promotion import Decision
from tests.forecasting import killed_run
from tests.forecasting.killed import KilledRun


class Counted:
    """Makes a value and counts how often."""

    def __init__(self, value: object) -> None:
        self.value = value
        self.made = 0

    def __call__(self) -> object:
        self.made += 1
        return self.value


def test_load_or_make_makes_once_and_reads_after(home: Path) -> None:
    rows = ArrayRows(
        nodes=np.arange(2),
        units=np.arange(6.0).reshape(2, 3),
        fixed=("trend", date(2025, 1, 1)),
    )
    make = Counted(rows)
    Checkpoint(home, "k").load_or_make("rows", make)
    found = Checkpoint(home, "k").load_or_make("rows", make)
    assert make.made == 1
    assert isinstance(found, ArrayRows)
    assert found.fixed == rows.fixed
    for name in ("nodes", "units"):
        np.testing.assert_array_equal(getattr(found, name), getattr(rows, name))
        assert getattr(found, name).dtype == getattr(rows, name).dtype


def never() -> Any:
    raise AssertionError("made again")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)
KINDS = [np.dtype(kind) for kind in ("f8", "i8", "?", "U3", "M8[ns]")]
ARRAYS: st.SearchStrategy[Any] = arrays_of.arrays(
    st.sampled_from(KINDS),
    arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


@given(value=JSON, array=ARRAYS)
def test_whatever_is_kept_comes_back_as_it_was(
    value: object,
    array: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]",
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("kept")
    Checkpoint(home, "k").load_or_make("step", lambda: (value, array))
    assert Checkpoint(home, "k").has("step")
    found, same = Checkpoint(home, "k").load_or_make("step", never)
    assert found == value
    np.testing.assert_array_equal(same, array)


def test_frames_matrices_and_days_come_back_as_they_were(home: Path) -> None:
    frame = pd.DataFrame({"level": [0, 1], "value": [0.5, float("nan")], "name": ["a", None]})
    days = pd.date_range("2025-01-01", periods=3)
    at = datetime(2025, 1, 1, 3, tzinfo=UTC)
    matrix = sparse.csr_matrix(np.eye(3))
    value = {
        "frame": frame,
        "days": days,
        "at": at,
        "S": matrix,
        "n": np.float64(2),
        "d": date(2025, 1, 1),
    }
    Checkpoint(home, "k").load_or_make("step", lambda: value)
    found = Checkpoint(home, "k").load_or_make("step", never)
    pd.testing.assert_frame_equal(found["frame"], frame)
    pd.testing.assert_index_equal(found["days"], days)
    assert found["days"].freq == days.freq
    assert (found["S"] != matrix).nnz == 0
    assert (found["at"], found["n"], found["d"]) == (at, 2.0, date(2025, 1, 1))
    assert (
        Checkpoint(home, "k").load_or_make("word", lambda: Decision("keep", "why")).action == "keep"
    )


@dataclass(frozen=True)
class Foreign:
    """No record of ours."""

    x: int = 1


@pytest.mark.parametrize(
    "value", [Foreign(), object(), {1, 2}, np.array([None, "a"], dtype=object)]
)
def test_what_cannot_be_kept_is_refused_and_leaves_no_step(home: Path, value: object) -> None:
    with pytest.raises(TypeError, match="cannot be kept"):
        Checkpoint(home, "k").load_or_make("step", lambda: value)
    assert list((home / FOLDER / "k").iterdir()) == []


@pytest.mark.parametrize("damage", ["value.json", "arrays.npz"])
def test_a_damaged_step_is_made_anew(home: Path, damage: str) -> None:
    make = Counted((1, np.arange(1000.0)))
    Checkpoint(home, "k").load_or_make("step", make)
    path = home / FOLDER / "k" / "step" / damage
    path.write_bytes(path.read_bytes()[:-10])
    Checkpoint(home, "k").load_or_make("step", make)
    assert make.made == 2
    Checkpoint(home, "k").load_or_make("step", make)
    assert make.made == 2


def test_steps_of_another_run_are_dropped_and_those_of_a_finished_one(home: Path) -> None:
    Checkpoint(home, "one").load_or_make("step", lambda: 1)
    kept = Checkpoint(home, "two")
    assert [path.name for path in (home / FOLDER).iterdir()] == ["two"]
    kept.load_or_make("step", lambda: 1)
    kept.finish()
    assert list((home / FOLDER).iterdir()) == []


def test_without_a_home_every_step_is_made(home: Path) -> None:
    make = Counted(1)
    kept = Checkpoint(None, "k")
    kept.load_or_make("step", make)
    kept.load_or_make("step", make)
    kept.finish()
    assert (make.made, kept.has("step"), list(home.iterdir())) == (2, False, [])


def test_run_key_tells_runs_apart_by_all_that_decides_them() -> None:
    parts = {"lake_version": 1, "cutoff": date(2025, 1, 1), "spec": {"method": "BU"}}
    assert run_key(**parts) == run_key(**dict(reversed(parts.items())))
    others = [
        {**parts, "lake_version": 2},
        {**parts, "cutoff": date(2025, 1, 2)},
        {**parts, "spec": {}},
    ]
    assert len({run_key(**other) for other in [parts, *others]}) == 4


def start(database_url: str, home: Path, stop: str) -> KilledRun:
    return KilledRun(killed_run.main, database_url, str(home), stop)


def wait_for(run: KilledRun, step: str) -> None:
    while run.step() != step:
        pass


def finish(database_url: str, home: Path) -> list[str]:
    """Run to the end; what had to be made."""
    return start(database_url, home, "never").finish()


def counts(engine: sa.Engine) -> tuple[int, ...]:
    with engine.connect() as connection:
        return tuple(
            connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - names of ours
            for table in ("published_forecast", "forecast_runs", "forecasts", "forecast_models")
        )


@pytest.mark.parametrize(
    ("killed_in", "made_again"),
    [
        ("origin-1", ["origin-1", "final", "publish", "published"]),
        ("final", ["final", "publish", "published"]),
        ("publish", ["publish", "published"]),
    ],
)
def test_a_killed_run_publishes_nothing_and_the_next_goes_on_where_it_was(
    database: sa.Engine, database_url: str, home: Path, killed_in: str, made_again: list[str]
) -> None:
    run = start(database_url, home, killed_in)
    wait_for(run, killed_in)
    run.kill()
    assert counts(database) == (0, 0, 0, 0)
    assert finish(database_url, home) == made_again
    assert counts(database) == (1, 1, 8, 1)
    assert list((home / FOLDER).iterdir()) == []


def test_a_run_killed_while_it_writes_its_rows_publishes_nothing(
    database: sa.Engine, database_url: str, home: Path
) -> None:
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE forecast_paths IN ACCESS EXCLUSIVE MODE")
        run = start(database_url, home, "never")
        wait_for(run, "publish")
        # its rows of all tables before this one are written, and not committed
        for _ in range(1000):
            waiting = other.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'forecast_paths'::regclass"
            ).fetchone()
            if waiting == (1,):
                break
            time.sleep(0.01)
        assert waiting == (1,)
        run.kill()
    assert counts(database) == (0, 0, 0, 0)
    assert finish(database_url, home) == ["publish", "published"]
    with database.connect() as connection:
        states = connection.execute(sa.text("SELECT status FROM runs ORDER BY run_id")).scalars()
        assert states.all() == ["failed", "succeeded"]

import subprocess
import sys
import time

import pytest
import sqlalchemy as sa

from stocktide.foundation.errors import Conflict, Invalid
from stocktide.foundation.runs import STALE_RUN, note_progress, recorded_run, when_free


def detail(engine: sa.Engine) -> object:
    with engine.connect() as connection:
        return connection.execute(sa.text("SELECT detail FROM runs")).scalar_one()


def test_note_progress_is_seen_while_the_run_goes_on(database: sa.Engine) -> None:
    with recorded_run(database, "forecast") as run:
        note_progress(database, run, "fitting", 0.6312)
        assert detail(database) == {"progress": {"step": "fitting", "share": 0.631}}
        run.detail["nodes"] = 4
        note_progress(database, run, "publishing", 0.9)
        assert detail(database) == {"progress": {"step": "publishing", "share": 0.9}}
    assert detail(database) == {"progress": {"step": "publishing", "share": 0.9}, "nodes": 4}


def test_note_progress_tells_where_a_run_failed(database: sa.Engine) -> None:
    with pytest.raises(RuntimeError), recorded_run(database, "forecast") as run:  # noqa: PT012 - the run is what raises
        note_progress(database, run, "fitting", 0.5)
        raise RuntimeError("no room")
    assert detail(database) == {"progress": {"step": "fitting", "share": 0.5}}


def states(engine: sa.Engine) -> list[tuple[str, str | None]]:
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT status, error FROM runs ORDER BY run_id"))
        return [(row.status, row.error) for row in rows]


def test_recorded_run_leaves_another_of_its_job_alone_while_that_lives(
    database: sa.Engine,
) -> None:
    with recorded_run(database, "import"):
        with recorded_run(database, "import"):
            assert states(database) == [("running", None)] * 2
        with recorded_run(database, "import"):
            assert states(database)[0] == ("running", None)
    assert states(database) == [("succeeded", None)] * 3


def test_recorded_run_closes_one_of_its_job_whose_process_is_gone(
    database: sa.Engine, database_url: str
) -> None:
    begin = (
        "import sys, time\nfrom stocktide.foundation.database import create_engine\n"
        "from stocktide.foundation.runs import recorded_run\n"
        "with recorded_run(create_engine(sys.argv[1]), 'import'):\n print('begun', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", begin, database_url], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.kill()
    deadline = time.monotonic() + 30
    while ("running", None) in states(database):
        assert time.monotonic() < deadline
        with recorded_run(database, "import"):
            pass
    assert states(database)[0] == ("failed", STALE_RUN)


@pytest.mark.parametrize(("tries", "patience_s"), [(1, 0.0), (3, 30.0)])
def test_when_free_tries_again_while_another_is_at_it(
    tries: int, patience_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stocktide.foundation.runs.ASK_AGAIN_S", 0.0)
    asked: list[int] = []

    def work() -> str:
        asked.append(1)
        if len(asked) < tries:
            raise Conflict("etl_running", "An ETL run is under way.")
        return "done"

    assert when_free(work, patience_s=patience_s) == "done"
    assert len(asked) == tries


@pytest.mark.parametrize(
    ("error", "patience_s"), [(Conflict, 0.0), (Conflict, 0.05), (Invalid, 30)]
)
def test_when_free_raises_what_waiting_does_not_mend(
    error: type[Conflict | Invalid], patience_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stocktide.foundation.runs.ASK_AGAIN_S", 0.01)

    def work() -> None:
        raise error("no", "It cannot be.")

    with pytest.raises(error, match="It cannot be"):
        when_free(work, patience_s=patience_s)

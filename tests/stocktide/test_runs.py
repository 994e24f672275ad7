import pytest
import sqlalchemy as sa

from stocktide.errors import Conflict, Invalid
from stocktide.runs import note_progress, recorded_run, when_free


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


@pytest.mark.parametrize(("tries", "patience_s"), [(1, 0.0), (3, 30.0)])
def test_when_free_tries_again_while_another_is_at_it(
    tries: int, patience_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stocktide.runs.ASK_AGAIN_S", 0.0)
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
    monkeypatch.setattr("stocktide.runs.ASK_AGAIN_S", 0.01)

    def work() -> None:
        raise error("no", "It cannot be.")

    with pytest.raises(error, match="It cannot be"):
        when_free(work, patience_s=patience_s)

import pytest
import sqlalchemy as sa

from stocktide.runs import note_progress, recorded_run


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

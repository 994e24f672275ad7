"""A refresh from the lake to the published forecast, on real Postgres."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
import sqlalchemy as sa

from forecasting import (
    ForecastReport,
    ForecastSpec,
    read_lineage,
    refresh_forecast,
    refresh_run,
    run_forecast,
    run_refresh,
)
from forecasting.publishing import learnt_store
from forecasting.publishing.registry import list_versions, rollback
from stocktide.foundation.errors import Conflict
from stocktide.foundation.lake import Lake
from stocktide.foundation.runs import single_flight
from tests.forecasting.lakes import FIRST, chain_rows, write_lake

SPEC = ForecastSpec(
    levels=((), ("region",), ("location",), ("location", "product")),
    horizon_days=14,
    candidates=("WLSS additive", "seasonal_naive"),
    backtest_origins=2,
)
DAYS, NEW = 120, 3
ROWS = chain_rows(DAYS + NEW)


def after(days: int) -> datetime:
    """Say when so many days are over everywhere."""
    return datetime(FIRST.year, FIRST.month, FIRST.day, 12, tzinfo=UTC) + timedelta(days=days)


def scalars(engine: sa.Engine, query: str) -> list[object]:
    with engine.connect() as connection:
        return list(connection.execute(sa.text(query)).scalars())


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    last = FIRST + timedelta(days=DAYS)
    return write_lake(tmp_path / "lake", [row for row in ROWS if cast(date, row["day"]) < last])


@pytest.fixture
def first(database: sa.Engine, lake: Lake) -> ForecastReport:
    return run_forecast(database, lake, SPEC, now=after(DAYS))


def grown(lake: Lake) -> Lake:
    return write_lake(Path(lake.root), ROWS)


def test_a_refresh_publishes_a_version_from_newer_days_with_its_parents_scores(
    database: sa.Engine, lake: Lake, first: ForecastReport
) -> None:
    steps: list[str] = []
    report = run_refresh(database, grown(lake), SPEC, now=after(DAYS + NEW), progress=steps.append)
    assert report is not None
    assert (report.version, report.published, report.winner) == (2, True, first.winner)
    assert report.cutoff == first.cutoff + timedelta(days=NEW)
    assert report.reason == "Refreshed from version 1: 3 days more, the same weights and scores."
    assert report.wape == first.wape
    assert not any(step.startswith("testing") for step in steps)
    assert scalars(database, "SELECT forecast_run_id FROM published_forecast") == [
        report.forecast_run_id
    ]
    newer, older = (row for row in _versions(database))
    assert (newer["status"], older["status"]) == ("champion", "retired")
    assert newer["score"] == older["score"]
    for table in ("forecast_errors", "forecast_scores", "forecast_nodes"):
        counts = scalars(
            database,
            f"SELECT count(*) FROM {table} GROUP BY forecast_run_id ORDER BY 1",  # noqa: S608 - our own names
        )
        assert len(counts) == 2
        assert counts[0] == counts[1]
    assert scalars(database, "SELECT min(ds) FROM forecasts WHERE forecast_run_id = 2") == [
        report.cutoff + timedelta(days=1)
    ]
    assert read_lineage(lake).forecast_run_id == report.forecast_run_id
    ran = scalars(database, "SELECT job || ' ' || status FROM runs ORDER BY run_id")
    assert ran == ["forecast succeeded", "refresh succeeded"]
    assert scalars(
        database, "SELECT detail->>'refreshed_from' FROM forecast_runs ORDER BY forecast_run_id"
    ) == [None, "1"]


def _versions(engine: sa.Engine) -> list[dict[str, object]]:
    with engine.connect() as connection:
        return list_versions(connection)


@pytest.mark.usefixtures("first")
def test_a_refreshed_version_is_refreshed_again_and_rolled_back(
    database: sa.Engine, lake: Lake
) -> None:
    spec, whole = SPEC, grown(lake)
    for day in range(1, NEW + 1):
        report = run_refresh(database, whole, spec, now=after(DAYS + day))
        assert report is not None
        assert report.version == 1 + day
    with database.begin() as connection:
        back = rollback(connection, by="Ada", reason="too high")
    assert (back.version, back.replaced) == (NEW, NEW + 1)
    again = run_refresh(database, whole, spec, now=after(DAYS + NEW))
    assert again is not None
    assert again.reason.startswith(f"Refreshed from version {NEW}: 1 day more")
    # of five versions the days of three are kept, and what they have learnt
    folder = Path(lake.root) / learnt_store.FOLDER
    kept = scalars(database, "SELECT forecast_run_id FROM forecast_runs WHERE pruned_at IS NULL")
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"run={number}.npz" for number in kept
    )


@pytest.mark.usefixtures("first")
def test_nothing_new_is_no_version(database: sa.Engine, lake: Lake) -> None:
    assert run_refresh(database, lake, SPEC, now=after(DAYS)) is None
    assert len(_versions(database)) == 1
    assert scalars(database, "SELECT status FROM runs WHERE job = 'refresh'") == ["succeeded"]


def test_a_refresh_needs_a_version_that_learnt(database: sa.Engine, lake: Lake) -> None:
    with pytest.raises(Conflict, match="nothing to refresh"):
        run_refresh(database, lake, SPEC, now=after(DAYS))
    first = run_forecast(database, lake, SPEC, now=after(DAYS))
    file = Path(lake.root) / learnt_store.FOLDER / f"run={first.forecast_run_id}.npz"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Conflict, match="retrain with `stocktide forecast`"):
        run_refresh(database, grown(lake), SPEC, now=after(DAYS + NEW))
    file.unlink()
    with pytest.raises(Conflict, match="not in the lake"):
        run_refresh(database, grown(lake), SPEC, now=after(DAYS + NEW))
    assert scalars(database, "SELECT forecast_run_id FROM published_forecast") == [1]


@pytest.mark.usefixtures("first")
def test_other_levels_are_refused_and_the_version_stays(database: sa.Engine, lake: Lake) -> None:
    fewer = replace(SPEC, levels=((), ("location",), ("location", "product")))
    with pytest.raises(Conflict, match="the levels changed"):
        run_refresh(database, grown(lake), fewer, now=after(DAYS + NEW))
    assert scalars(database, "SELECT status FROM forecast_models") == ["champion"]


@pytest.mark.usefixtures("first")
def test_a_version_that_was_overtaken_is_not_replaced(
    database: sa.Engine, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = refresh_forecast

    def meanwhile(*arguments: object, **keywords: object) -> object:
        with database.begin() as connection:
            connection.execute(sa.text("UPDATE forecast_models SET status = 'retired'"))
        return fit(*arguments, **keywords)  # type: ignore[arg-type]  # passed on unchanged

    monkeypatch.setattr(refresh_run, "refresh_forecast", meanwhile)
    with pytest.raises(Conflict, match="Version 1 is no longer the current one"):
        run_refresh(database, grown(lake), SPEC, now=after(DAYS + NEW))
    assert scalars(database, "SELECT forecast_run_id FROM forecast_runs") == [1]


@pytest.mark.usefixtures("first")
def test_a_refresh_beside_a_forecast_is_refused(database: sa.Engine, lake: Lake) -> None:
    with (
        single_flight(database, "forecast"),
        pytest.raises(Conflict, match="under way"),
    ):
        run_refresh(database, lake, SPEC, now=after(DAYS))

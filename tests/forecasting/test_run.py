from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

import forecasting.run
from forecasting import (
    ForecastSpec,
    TrackingStore,
    load_fits,
    read_lineage,
    read_paths,
    run_forecast,
)
from forecasting.experts.models import CHANGEPOINT_PRIOR
from stocktide.foundation.errors import Conflict, Invalid, NotFound
from stocktide.foundation.lake import Lake
from stocktide.foundation.runs import single_flight
from tests.catalog.test_completeness import COMES, send
from tests.forecasting.lakes import FIRST, chain_rows, write_lake

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = ForecastSpec(
    levels=((), ("region",), ("department",), ("location",), ("location", "product")),
    horizon_days=14,
    candidates=("WLSS additive", "seasonal_naive"),
    backtest_origins=2,
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return write_lake(tmp_path_factory.mktemp("lake"), chain_rows(160))


def scalar(engine: sa.Engine, query: str) -> object:
    with engine.connect() as connection:
        return connection.execute(sa.text(query)).scalar()


def test_run_forecast_publishes_good_and_coherent_forecasts(
    database: sa.Engine, lake: Lake, home: Path
) -> None:
    steps: list[str] = []
    store = TrackingStore(f"sqlite:///{home / 'mlflow.db'}", (home / "mlflow").as_uri())
    report = run_forecast(database, lake, SPEC, mlflow=store, now=NOW, progress=steps.append)
    assert report.leaves == 12
    assert report.nodes == 1 + 2 + 2 + 3 + 12
    assert report.mlflow_run_id is not None
    assert report.winner == "WLSS additive"
    assert (report.frequency, report.rhythm_warning) == ("D", None)
    assert report.rhythm.startswith("daily: ")
    # A chain of 70 a day in Poisson noise: nobody can be nearer than 0.8 / sqrt(70) on average.
    assert report.wape["total"][0] < 1.25 * 0.8 / 70**0.5
    prophet, naive = report.wape["location / product"]
    assert prophet < 0.9 * naive
    assert list(report.wape) == ["total", "region", "department", "location", "location / product"]
    assert steps[0] == "reading demand"
    assert steps[-1] == "publishing"
    paths = read_paths(lake, location="S1")
    assert paths.values.shape == (500, 4, 14)
    assert list(paths.leaves["product"]) == ["P1", "P2", "P3", "P4"]
    assert (paths.values == paths.values.round()).all()
    assert read_lineage(lake).forecast_run_id == report.forecast_run_id
    assert paths.days[0].date() == report.cutoff + timedelta(days=1)
    apart = scalar(
        database,
        "SELECT max(abs(t.yhat - l.yhat) / t.yhat) FROM forecasts t JOIN (SELECT ds, sum(yhat) AS yhat FROM forecasts"
        " JOIN forecast_nodes USING (forecast_run_id, node_id) WHERE level = 4 GROUP BY ds) l USING (ds)"
        " WHERE t.node_id = 0",
    )
    assert isinstance(apart, float)
    assert apart < 1e-6
    assert (
        scalar(
            database, "SELECT count(*) FROM forecasts WHERE q025 < 0 OR q975 < q50 OR q50 < q025"
        )
        == 0
    )
    assert scalar(database, "SELECT method FROM forecast_runs") == "WLSS additive"
    assert scalar(database, "SELECT choice->>'runner_up' FROM forecast_runs") == "seasonal_naive"
    assert (
        scalar(
            database, "SELECT count(DISTINCT origin) FROM forecast_scores WHERE metric = 'wrmsse'"
        )
        == 2
    )
    assert scalar(database, "SELECT status FROM runs WHERE job = 'forecast'") == "succeeded"
    assert scalar(database, "SELECT detail->>'nodes' FROM runs") == "20"
    assert scalar(database, "SELECT run_id FROM forecast_runs") == scalar(
        database, "SELECT run_id FROM runs"
    )


def test_a_run_publishes_its_parts_its_paths_and_its_models(
    database: sa.Engine, lake: Lake, home: Path
) -> None:
    store = TrackingStore(f"sqlite:///{home / 'mlflow.db'}", (home / "mlflow").as_uri())
    report = run_forecast(database, lake, SPEC, mlflow=store, now=NOW, home=home)
    assert (report.version, report.published) == (1, True)
    off = scalar(
        database,
        "SELECT max(abs(f.yhat - p.units)) FROM forecasts f JOIN (SELECT node_id, first_day + day::int - 1 AS ds,"
        " sum(unit) AS units FROM forecast_components, unnest(units) WITH ORDINALITY AS u(unit, day) GROUP BY 1, 2) p"
        " USING (node_id, ds)",
    )
    assert isinstance(off, float)
    assert off < 1e-3
    apart = scalar(
        database,
        "SELECT max(abs(total - leaves)) FROM (SELECT p.path, p.day,"
        " sum(unit) FILTER (WHERE n.level = 0) AS total, sum(unit) FILTER (WHERE n.level = 4) AS leaves"
        " FROM forecast_nodes n JOIN (SELECT node_id, path, day, units[path][day] AS unit FROM forecast_paths,"
        " generate_series(1, 20) path, generate_series(1, 14) day) p USING (node_id) GROUP BY 1, 2) s",
    )
    assert isinstance(apart, float)
    assert apart < 1e-2
    assert scalar(database, "SELECT status FROM forecast_models") == "champion"
    models = sorted(home.glob("mlflow/**/additive recent-*.parquet"))
    assert len(models) >= 2
    nodes = [path for path in models if path.stem.endswith("nodes")]
    assert sum(len(pd.read_parquet(path)) for path in nodes) == report.nodes
    model, fits = load_fits(next(path for path in models if path not in nodes))
    assert model.changepoint_prior_scale == CHANGEPOINT_PRIOR
    assert fits.size > 0
    assert not (home / "checkpoints").exists() or not list((home / "checkpoints").iterdir())


def test_a_failed_run_is_recorded_and_leaves_the_publication(
    database: sa.Engine, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_forecast(database, lake, SPEC, now=NOW)

    def fail(*_arguments: object, **_keywords: object) -> int:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(forecasting.run, "store_run", fail)
    with pytest.raises(RuntimeError, match="disk is full"):
        run_forecast(database, lake, SPEC, now=NOW)
    assert (
        scalar(database, "SELECT forecast_run_id FROM published_forecast") == first.forecast_run_id
    )
    assert (
        scalar(database, "SELECT error FROM runs WHERE status = 'failed'")
        == "RuntimeError: the disk is full"
    )
    monkeypatch.undo()
    with pytest.raises(Invalid, match="these levels cross"):
        run_forecast(database, lake, ForecastSpec(levels=SPEC.levels, method="PHA"), now=NOW)
    with pytest.raises(NotFound, match="ETL"):
        run_forecast(database, Lake("nowhere"), SPEC, now=NOW)
    assert (
        scalar(database, "SELECT forecast_run_id FROM published_forecast") == first.forecast_run_id
    )


def test_two_runs_at_once_are_refused(database: sa.Engine, lake: Lake) -> None:
    with single_flight(database, "forecast") as free:
        assert free
        with pytest.raises(Conflict, match="under way"):
            run_forecast(database, lake, SPEC, now=NOW)
    assert scalar(database, "SELECT count(*) FROM runs") == 0


def test_a_store_that_is_away_costs_the_log_entry_alone(
    database: sa.Engine, lake: Lake, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    away = TrackingStore(f"sqlite:///{tmp_path / 'file' / 'x.db'}")
    report = run_forecast(database, lake, SPEC, mlflow=away, now=NOW)
    assert report.mlflow_run_id is None
    assert "did not take the run" in str(scalar(database, "SELECT detail->>'mlflow' FROM runs"))


def test_a_young_chain_is_forecast_without_a_test(database: sa.Engine, tmp_path: Path) -> None:
    report = run_forecast(database, write_lake(tmp_path, chain_rows(10)), SPEC, now=NOW)
    assert report.wape == {}
    assert scalar(database, "SELECT count(*) FROM forecast_errors") == 0


def test_a_run_notes_the_days_that_were_not_final(database: sa.Engine, tmp_path: Path) -> None:
    days = 10
    now = datetime.combine(FIRST + timedelta(days=days), time(), UTC)
    for back in range(1, 40):
        send(database, "till", (now - timedelta(days=back)).date(), COMES, heard_at=now)
    spec = ForecastSpec(levels=SPEC.levels, candidates=("seasonal_naive",))
    report = run_forecast(database, write_lake(tmp_path, chain_rows(days)), spec, now=now)
    found = scalar(database, "SELECT detail->'not_final' FROM forecast_runs")
    assert isinstance(found, list)
    # the day after the cutoff is not over everywhere, and not read
    assert [(one["source"], one["day"], one["state"]) for one in found] == [
        ("till", report.cutoff.isoformat(), "arriving")
    ]


def test_run_forecast_reports_the_horizon_of_its_rhythm_when_none_was_set(
    database: sa.Engine, lake: Lake
) -> None:
    """28 is the default of days; a weekly chain looks a quarter ahead, and the report has to say so."""
    spec = ForecastSpec(levels=SPEC.levels, frequency="W", candidates=("seasonal_naive",))
    report = run_forecast(database, lake, spec, now=NOW)
    assert (report.frequency, report.horizon_days) == ("W", 13)
    assert scalar(database, "SELECT count(DISTINCT ds) FROM forecasts") == report.horizon_days

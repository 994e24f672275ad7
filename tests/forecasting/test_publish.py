import numpy as np
import pandas as pd
import psycopg
import pytest
import sqlalchemy as sa

from forecasting.hierarchy import build_hierarchy
from forecasting.publish import CHANNEL, RUNS_KEPT, Publication, publish


def publication(**other: object) -> Publication:
    hierarchy = build_hierarchy(
        [[], ["location"], ["location", "product"]],
        pd.DataFrame({"location": ["S1", "S1"], "product": ['P,"1"', "P2"]}),
    )
    history = hierarchy.sum_leaves(np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 3.0]]))
    mean = hierarchy.sum_leaves(np.array([[1.5, 2.5], [0.0, 1.0]]))
    fields: dict[str, object] = {
        "hierarchy": hierarchy,
        "days": pd.date_range("2025-01-01", periods=3),
        "history": history,
        "mean": mean,
        "quantiles": mean[:, :, None] + np.arange(7.0),
        "warnings": [None, None, None, "constant"],
        "errors": pd.DataFrame(
            {
                "level": [0, 1],
                "level_name": ["total", "location"],
                "model": "prophet",
                "metric": "wape",
                "value": [0.25, float("nan")],
            }
        ),
        "names": {"location": {"S1": "Harbour"}, "product": {"P2": "Milk · 1 l"}},
        "method": "BU",
        "lake_version": 7,
        "mlflow_run_id": None,
        "detail": {"nodes": 4},
    }
    return Publication(**{**fields, **other})  # type: ignore[arg-type]  # fields by name


def rows(engine: sa.Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_publish_writes_all_of_a_run_and_points_at_it(database: sa.Engine) -> None:
    number = publish(database, publication(), run_id=None)
    assert rows(database, "SELECT forecast_run_id FROM published_forecast") == [(number,)]
    assert rows(
        database,
        "SELECT node_id, level_name, unique_id, label, parent_id, keys, warning FROM forecast_nodes ORDER BY 1",
    ) == [
        (0, "total", "total", "Total", None, {}, None),
        (1, "location", "S1", "Harbour", 0, {"location": "S1"}, None),
        (
            2,
            "location / product",
            'S1/P,"1"',
            'Harbour · P,"1"',
            1,
            {"location": "S1", "product": 'P,"1"'},
            None,
        ),
        (
            3,
            "location / product",
            "S1/P2",
            "Harbour · Milk · 1 l",
            1,
            {"location": "S1", "product": "P2"},
            "constant",
        ),
    ]
    assert rows(
        database,
        "SELECT ds::text, yhat, q025, q50, q975 FROM forecasts WHERE node_id = 0 ORDER BY ds",
    ) == [("2025-01-04", 1.5, 1.5, 4.5, 7.5), ("2025-01-05", 3.5, 3.5, 6.5, 9.5)]
    assert rows(
        database,
        "SELECT node_id, ds::text, y FROM forecast_actuals WHERE node_id IN (0, 2) ORDER BY 1, 2",
    ) == [(0, "2025-01-02", 2), (0, "2025-01-03", 3), (2, "2025-01-02", 2)]
    assert rows(database, "SELECT level, value FROM forecast_errors ORDER BY 1") == [
        (0, 0.25),
        (1, None),
    ]
    assert rows(
        database,
        "SELECT cutoff::text, horizon_days, method, lake_version, hierarchy FROM forecast_runs",
    ) == [("2025-01-03", 2, "BU", 7, [[], ["location"], ["location", "product"]])]


def test_publish_tells_listeners_on_commit(database: sa.Engine, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        number = publish(database, publication(), run_id=None)
        told = next(listener.notifies(timeout=5))
    assert told.payload == str(number)


def test_publish_prunes_all_but_the_newest_runs(database: sa.Engine) -> None:
    numbers = [publish(database, publication(), run_id=None) for _ in range(RUNS_KEPT + 2)]
    kept = rows(database, "SELECT forecast_run_id FROM forecast_runs ORDER BY 1")
    assert kept == [(number,) for number in numbers[-RUNS_KEPT:]]
    assert rows(database, "SELECT count(DISTINCT forecast_run_id) FROM forecasts") == [(RUNS_KEPT,)]


@pytest.mark.parametrize(
    "broken",
    [
        {"quantiles": np.full((4, 2, 7), np.inf), "mean": np.full((4, 2), np.nan)},
        {"errors": publication().errors.assign(level=[0, 0])},
        {"method": None},
    ],
)
def test_a_failure_leaves_the_old_publication_as_it_was(
    database: sa.Engine, broken: dict[str, object]
) -> None:
    number = publish(database, publication(), run_id=None)
    before = rows(database, "SELECT * FROM forecasts ORDER BY node_id, ds")
    with pytest.raises((sa.exc.DBAPIError, psycopg.Error)):
        publish(database, publication(**broken), run_id=None)
    assert rows(database, "SELECT forecast_run_id FROM published_forecast") == [(number,)]
    assert rows(database, "SELECT * FROM forecasts ORDER BY node_id, ds") == before
    assert rows(database, "SELECT count(*) FROM forecast_runs") == [(1,)]

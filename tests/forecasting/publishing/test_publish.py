import numpy as np
import pandas as pd
import psycopg
import pytest
import sqlalchemy as sa

from forecasting.frames.frequency import Grid
from forecasting.frames.rhythm_found import calendar_grid
from forecasting.publishing.promotion import PromotionRule
from forecasting.publishing.publish import HEADS_KEPT, RUNS_KEPT, publish, store_run
from forecasting.publishing.registry import rollback
from stocktide.foundation.database_names import FORECAST_PUBLISHED
from tests.forecasting.publications import publication, scores_of, with_parts


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
        "SELECT ds::text, yhat, q025, q20, q50, q975 FROM forecasts WHERE node_id = 0 ORDER BY ds",
    ) == [("2025-01-04", 1.5, 1.5, 2.5, 4.5, 7.5), ("2025-01-05", 3.5, 3.5, 4.5, 6.5, 9.5)]
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
        listener.execute(f"LISTEN {FORECAST_PUBLISHED}")
        number = publish(database, publication(), run_id=None)
        told = next(listener.notifies(timeout=5))
    assert told.payload == str(number)


def test_publish_keeps_the_days_of_the_newest_champions_and_the_heads_of_all(
    database: sa.Engine,
) -> None:
    numbers = [publish(database, with_parts(), run_id=None) for _ in range(RUNS_KEPT + 2)]
    kept = [(number,) for number in numbers[-RUNS_KEPT:]]
    for table in (
        "forecasts",
        "forecast_nodes",
        "forecast_actuals",
        "forecast_components",
        "forecast_paths",
    ):
        query = f"SELECT DISTINCT forecast_run_id FROM {table} ORDER BY 1"  # noqa: S608 - names of ours
        assert rows(database, query) == kept
    assert (
        rows(
            database, "SELECT forecast_run_id FROM forecast_runs WHERE pruned_at IS NULL ORDER BY 1"
        )
        == kept
    )
    assert rows(database, "SELECT count(DISTINCT forecast_run_id) FROM forecast_scores") == [(5,)]


def test_publish_drops_very_old_heads_and_keeps_their_versions(database: sa.Engine) -> None:
    first = publish(database, publication(), run_id=None)
    for _ in range(HEADS_KEPT):
        publish(database, publication(), run_id=None)
    assert (first,) not in rows(database, "SELECT forecast_run_id FROM forecast_runs")
    assert rows(database, "SELECT count(*), count(forecast_run_id) FROM forecast_models") == [
        (HEADS_KEPT + 1, HEADS_KEPT)
    ]


def test_publish_spares_the_published_run_while_challengers_lose(database: sa.Engine) -> None:
    winner = scores_of({"chosen": 0.5, "a": 0.5})
    loser = scores_of({"chosen": 0.9, "a": 0.5})
    first = publish(database, publication(scores=winner, choice={"winner": "a"}), run_id=None)
    for _ in range(RUNS_KEPT + 3):
        lost = store_run(database, publication(scores=loser), run_id=None, rule=PromotionRule())
        assert not lost.published
    assert rows(database, "SELECT forecast_run_id FROM published_forecast") == [(first,)]
    # the newest loser is kept too: somebody may want to promote it all the same
    assert rows(database, "SELECT DISTINCT forecast_run_id FROM forecasts ORDER BY 1") == [
        (first,),
        (lost.forecast_run_id,),
    ]
    assert rows(database, "SELECT status, count(*) FROM forecast_models GROUP BY 1 ORDER BY 1") == [
        ("champion", 1),
        ("rejected", RUNS_KEPT + 3),
    ]


def test_publish_tells_nobody_of_a_challenger_that_lost(
    database: sa.Engine, database_url: str
) -> None:
    good = publication(scores=scores_of({"chosen": 0.5, "a": 0.5}), choice={"winner": "a"})
    first = publish(database, good, run_id=None)
    with psycopg.connect(database_url, autocommit=True) as listener:
        listener.execute(f"LISTEN {FORECAST_PUBLISHED}")
        publish(database, publication(scores=scores_of({"chosen": 0.9, "a": 0.5})), run_id=None)
        assert list(listener.notifies(timeout=0.2)) == []
        second = publish(database, good, run_id=None)
        with database.begin() as connection:
            rollback(connection, by="anna", reason="a test")
        told = [notice.payload for notice in listener.notifies(timeout=5, stop_after=2)]
    assert told == [str(second), str(first)]


def test_components_add_up_to_the_mean_and_leaves_keep_the_horizon(database: sa.Engine) -> None:
    publish(database, with_parts(), run_id=None)
    assert rows(
        database,
        "SELECT node_id, component, first_day::text, cardinality(units) FROM forecast_components"
        " WHERE node_id IN (0, 3) ORDER BY 1, 2",
    ) == [
        (0, "trend", "2025-01-02", 4),
        (0, "weekly", "2025-01-02", 4),
        (3, "trend", "2025-01-04", 2),
        (3, "weekly", "2025-01-04", 2),
    ]
    apart = rows(
        database,
        "SELECT max(abs(f.yhat - c.units)) FROM forecasts f JOIN (SELECT node_id, first_day + day::int - 1 AS ds,"
        " sum(u) AS units FROM forecast_components, unnest(units) WITH ORDINALITY AS t (u, day) GROUP BY 1, 2) c"
        " USING (node_id, ds)",
    )
    assert apart[0][0] == pytest.approx(0, abs=1e-6)


def test_leaf_components_may_come_apart_from_those_of_upper_nodes(database: sa.Engine) -> None:
    whole = with_parts()
    n_upper = 2
    parts = {name: units[:n_upper] for name, units in whole.components.items()}
    leaves = {name: units[n_upper:, -2:] for name, units in whole.components.items()}
    query = "SELECT node_id, component, first_day, units FROM forecast_components WHERE forecast_run_id = {}"
    one = publish(database, whole, run_id=None)
    two = publish(database, with_parts(components=parts, leaf_components=leaves), run_id=None)
    assert sorted(rows(database, query.format(one))) == sorted(rows(database, query.format(two)))


def test_paths_come_back_as_they_were_and_add_up_path_by_path(database: sa.Engine) -> None:
    made = with_parts()
    assert made.paths is not None
    publish(database, made, run_id=None)
    stored = np.array(
        [units for (units,) in rows(database, "SELECT units FROM forecast_paths ORDER BY node_id")]
    )
    np.testing.assert_array_equal(stored, made.paths)
    np.testing.assert_array_equal(stored[0], stored[2] + stored[3])


@pytest.mark.parametrize(
    "broken",
    [
        {"quantiles": np.full((4, 2, 13), np.inf), "mean": np.full((4, 2), np.nan)},
        {"errors": publication().errors.assign(level=[0, 0])},
        {"method": None},
        {"scores": pd.concat([scores_of({"chosen": 1.0})] * 2)},
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
    assert rows(database, "SELECT version, status FROM forecast_models") == [(1, "champion")]


def test_a_number_that_is_none_is_refused_before_anything_is_written(database: sa.Engine) -> None:
    broken = np.full((4, 3, 2), np.nan)
    with pytest.raises(AssertionError):
        publish(database, with_parts(paths=broken), run_id=None)
    assert rows(database, "SELECT count(*) FROM forecast_runs") == [(0,)]


@pytest.mark.parametrize(
    ("grid", "days", "cutoff", "ahead", "horizon_days"),
    [
        (calendar_grid("W"), ["2024-12-22", "2024-12-29", "2025-01-05"], "2025-01-05",
         ["2025-01-12", "2025-01-19"], 14),
        (calendar_grid("M"), ["2024-11-30", "2024-12-31", "2025-01-31"], "2025-01-31",
         ["2025-02-28", "2025-03-31"], 59),
        (Grid("M", pd.Timestamp("2024-11-01")), ["2024-11-01", "2024-12-01", "2025-01-01"], "2025-01-31",
         ["2025-02-28", "2025-03-31"], 59),
        (Grid("Q", pd.Timestamp("2024-10-31"), at_end=True), ["2024-07-31", "2024-10-31", "2025-01-31"],
         "2025-01-31", ["2025-04-30", "2025-07-31"], 181),
    ],
    ids=["weeks", "month ends", "month starts", "quarters"],
)  # fmt: skip
def test_publish_writes_periods_by_their_last_days(
    database: sa.Engine,
    grid: Grid,
    days: list[str],
    cutoff: str,
    ahead: list[str],
    horizon_days: int,
) -> None:
    shown = grid.dates(grid.steps(pd.DatetimeIndex(days))[1] + np.arange(4))
    made = with_parts(days=pd.DatetimeIndex(days), grid=grid, component_days=shown, one_day=True)
    publish(database, made, run_id=None)
    assert rows(
        database,
        "SELECT cutoff::text, frequency, horizon, horizon_days, one_day FROM forecast_runs",
    ) == [(cutoff, grid.frequency, 2, horizon_days, True)]
    dates = "SELECT array_agg(ds::text ORDER BY ds) FROM {} WHERE node_id = 0"
    assert rows(database, dates.format("forecasts")) == [(ahead,)]
    actual = [f"{day:%Y-%m-%d}" for day in grid.last_days(pd.DatetimeIndex(days))[1:]]
    assert rows(database, dates.format("forecast_actuals")) == [(actual,)]
    assert rows(
        database,
        "SELECT DISTINCT node_id = 3, first_day::text FROM forecast_components WHERE node_id IN (0, 3)",
    ) == [(False, actual[0]), (True, ahead[0])]

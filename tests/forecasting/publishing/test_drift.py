from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from forecasting.frames.rhythm_found import calendar_grid
from forecasting.publishing.drift import DriftReport, check_drift, level_errors, pool_unknown
from forecasting.publishing.publish import Publication, publish
from forecasting.structure.hierarchy import build_hierarchy
from tests.forecasting.publications import publication

CUTOFF = date(2025, 1, 3)
HORIZON = 28
EXPECTED = 0.1


def steady(**other: object) -> Publication:
    """Ten a day of P1 and 20 of P2, for 28 days; 10 % error is expected everywhere."""
    hierarchy = build_hierarchy(
        [[], ["location"], ["location", "product"]],
        pd.DataFrame({"location": ["S1", "S1"], "product": ["P1", "P2"]}),
    )
    mean = hierarchy.sum_leaves(np.array([[10.0], [20.0]]) * np.ones((2, HORIZON)))
    errors = pd.DataFrame(
        [
            (level, name, model, "wape", EXPECTED if model == "prophet" else 0.5)
            for level, name in enumerate(("total", "location", "location / product"))
            for model in ("prophet", "seasonal_naive")
        ],
        columns=["level", "level_name", "model", "metric", "value"],
    )
    fields = {
        "hierarchy": hierarchy,
        "history": hierarchy.sum_leaves(np.ones((2, 3))),
        "mean": mean,
        "quantiles": mean[:, :, None] + np.linspace(0.0, 6.0, 13),
        "errors": errors,
    }
    return publication(**{**fields, **other})


def sell(engine: sa.Engine, first: date, units: list[tuple[float, float]]) -> None:
    """Land days of sales of P1 and P2 at S1."""
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO products (product_id, sku) OVERRIDING SYSTEM VALUE VALUES (1, 'P1'), (2, 'P2')"
                " ON CONFLICT DO NOTHING"
            )
        )
        connection.execute(
            sa.text(
                "INSERT INTO locations (location_id, code) OVERRIDING SYSTEM VALUE VALUES (1, 'S1')"
                " ON CONFLICT DO NOTHING"
            )
        )
        for place, of_day in enumerate(units):
            for product, sold in enumerate(of_day, 1):
                connection.execute(
                    sa.text(
                        "INSERT INTO daily_demand VALUES (:product, 1, :day, :milli, 0, 0, 1, NULL, 0, 0, false,"
                        " NULL, NULL, false) ON CONFLICT (product_id, location_id, day) DO UPDATE"
                        " SET sold_milli = excluded.sold_milli"
                    ),
                    {
                        "product": product,
                        "day": first + timedelta(days=place),
                        "milli": round(1000 * sold),
                    },
                )
        connection.execute(
            sa.text(
                "INSERT INTO lake_versions (table_name, version, xid_before, rows_total, recorded_through)"
                " VALUES ('movements', 1, '1', 1, :through) ON CONFLICT (table_name) DO UPDATE"
                " SET recorded_through = excluded.recorded_through"
            ),
            {
                "through": datetime.combine(
                    first + timedelta(days=len(units)), datetime.min.time(), UTC
                )
            },
        )


def check(engine: sa.Engine, day: date, asked: list[int] | None = None) -> DriftReport:
    """Check in the morning after `day`."""
    now = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=3)
    return check_drift(engine, now=now, ask=lambda: (asked if asked is not None else []).append(1))


def record(engine: sa.Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT day::text, level_name, round(wape::numeric, 4)::float, round(bias::numeric, 4)::float,"
                " expected_wape FROM forecast_drift ORDER BY day, level"
            )
        )
        return [tuple(row) for row in rows]


def test_check_drift_compares_each_level_with_what_came(database: sa.Engine) -> None:
    publish(database, steady(), run_id=None)
    sell(database, CUTOFF + timedelta(days=1), [(8.0, 24.0)])
    report = check(database, CUTOFF + timedelta(days=1))
    assert report == DriftReport(1, date(2025, 1, 4), (), False)
    off = 2 / 32
    assert record(database) == [
        ("2025-01-04", "total", off, -off, EXPECTED),
        ("2025-01-04", "location", off, -off, EXPECTED),
        ("2025-01-04", "location / product", 6 / 32, -off, EXPECTED),
    ]


def test_check_drift_leaves_out_days_that_are_not_over_landed_or_sold(database: sa.Engine) -> None:
    publish(database, steady(), run_id=None)
    first = CUTOFF + timedelta(days=1)
    assert check(database, first).judged == 0
    sell(database, first, [(10.0, 20.0)] * 3)
    assert check(database, CUTOFF).judged == 0
    assert check(database, first).judged == 1
    # the ledger is landed up to the third day, whatever the clock says
    assert check(database, first + timedelta(days=20)).last_day == first + timedelta(days=2)


def test_check_drift_asks_for_retraining_once_when_the_forecast_leans(database: sa.Engine) -> None:
    publish(database, steady(), run_id=None)
    first = CUTOFF + timedelta(days=1)
    asked: list[int] = []
    sell(database, first, [(10.0, 20.0)] * 5 + [(13.0, 26.0)] * 4)
    for day in range(5):
        assert not check(database, first + timedelta(days=day), asked).asked
    report = check(database, first + timedelta(days=8), asked)
    assert report.asked
    assert {name for name, _ in report.alarmed} == {"total", "location", "location / product"}
    assert asked == [1]
    assert not check(database, first + timedelta(days=8), asked).asked
    assert asked == [1]


def test_check_drift_asks_again_when_the_asking_failed(database: sa.Engine) -> None:
    publish(database, steady(), run_id=None)
    first = CUTOFF + timedelta(days=1)
    sell(database, first, [(30.0, 60.0)] * 8)
    now = datetime.combine(first + timedelta(days=9), datetime.min.time(), UTC)

    def away() -> None:
        raise ConnectionError("the queue is away")

    with pytest.raises(ConnectionError):
        check_drift(database, now=now, ask=away)
    assert record(database) == []
    assert check(database, first + timedelta(days=8)).asked


def test_check_drift_judges_a_day_by_a_run_that_did_not_see_it_and_anew_when_sales_come_late(
    database: sa.Engine,
) -> None:
    publish(database, steady(), run_id=None)
    first = CUTOFF + timedelta(days=1)
    sell(database, first, [(10.0, 20.0)] * 2)
    check(database, first + timedelta(days=1))
    later = steady(
        days=pd.date_range("2025-01-01", periods=4), history=np.ones((4, 4)), mean=2 * steady().mean
    )
    publish(database, later, run_id=None)
    sell(database, first, [(10.0, 10.0)] * 2)
    check(database, first + timedelta(days=1))
    total = [row for row in record(database) if row[1] == "total"]
    assert total == [
        ("2025-01-04", "total", 0.5, 0.5, EXPECTED),
        ("2025-01-05", "total", 2.0, 2.0, EXPECTED),
    ]


def test_level_errors_count_what_no_node_forecast() -> None:
    forecast = pd.DataFrame(
        {
            "level": [0, 1, 1],
            "level_name": ["total", "product", "product"],
            "keys": [{}, {"product": "A"}, {"product": "B"}],
            "yhat": [10.0, 6.0, 4.0],
        }
    )
    came = pd.DataFrame({"product": ["A", "NEW"], "units": [6.0, 4.0]})
    errors = level_errors(forecast, came).set_index("level_name")
    assert errors.loc["total", "wape"] == 0
    assert errors.loc["product", "wape"] == pytest.approx(8 / 10)
    assert errors.loc["product", "bias"] == pytest.approx(0)
    assert level_errors(forecast, came[:0])["wape"].isna().all()


def test_pool_unknown_names_pooled_products_as_the_run_did() -> None:
    keys = pd.Series(
        [
            {"department": "Food"},
            {"department": "Food", "product": "A"},
            {"department": "Food", "product": "(other products) Food"},
        ]
    )
    came = pd.DataFrame(
        {"product": ["A", "B"], "department": ["Food", "Food"], "units": [1.0, 2.0]}
    )
    assert pool_unknown(came, keys)["product"].tolist() == ["A", "(other products) Food"]
    assert pool_unknown(came, keys[:2])["product"].tolist() == ["A", "B"]


def by_week(**other: object) -> Publication:
    """Ten of P1 and 20 of P2 a week, for 28 weeks after Sunday the fifth."""
    days = pd.DatetimeIndex(["2024-12-22", "2024-12-29", "2025-01-05"])
    return steady(days=days, grid=calendar_grid("W"), **other)


def test_check_drift_judges_a_week_when_it_is_over_by_the_sum_of_its_days(
    database: sa.Engine,
) -> None:
    publish(database, by_week(), run_id=None)
    monday = date(2025, 1, 6)
    # 7 and 28 in the first week, and the second one has begun
    sell(database, monday, [(1.0, 4.0)] * 9)
    # nothing to judge yet: zero weeks, and not zero days
    assert check(database, date(2025, 1, 11)) == DriftReport(0, None, (), False, frequency="W")
    report = check(database, date(2025, 1, 14))
    assert report == DriftReport(1, date(2025, 1, 12), (), False, frequency="W")
    assert [row for row in record(database) if row[1] != "location"] == [
        ("2025-01-12", "total", round(5 / 35, 4), round(-5 / 35, 4), EXPECTED),
        ("2025-01-12", "location / product", round(11 / 35, 4), round(-5 / 35, 4), EXPECTED),
    ]
    # what comes late is counted at the next check
    sell(database, monday, [(4.0, 4.0)] + [(1.0, 4.0)] * 8)
    check(database, date(2025, 1, 14))
    total = [row for row in record(database) if row[1] == "total"]
    assert total == [
        ("2025-01-12", "total", round(8 / 38, 4), round(-8 / 38, 4), EXPECTED),
    ]


@pytest.mark.parametrize(("one_day", "judged"), [(False, 0), (True, 1)])
def test_check_drift_takes_one_dated_day_for_its_week_only_where_sales_are_dated_so(
    database: sa.Engine, one_day: bool, judged: int
) -> None:
    publish(database, by_week(one_day=one_day), run_id=None)
    sell(database, date(2025, 1, 6), [(10.0, 20.0)])
    with database.begin() as connection:
        connection.execute(
            sa.text("UPDATE lake_versions SET recorded_through = '2025-01-20 00:00+00'")
        )
    assert check(database, date(2025, 1, 11)).judged == 0
    assert check(database, date(2025, 1, 12)).judged == judged
    assert check(database, date(2025, 1, 18)).judged == judged


def test_check_drift_keeps_days_and_weeks_apart_when_the_rhythm_changes(
    database: sa.Engine,
) -> None:
    publish(database, steady(), run_id=None)
    sell(database, CUTOFF + timedelta(days=1), [(10.0, 20.0)] * 9)
    assert check(database, date(2025, 1, 12)).judged == 9
    publish(database, by_week(), run_id=None)
    sell(database, date(2025, 1, 13), [(1.0, 3.0)] * 7)
    report = check(database, date(2025, 1, 19))
    # the first week was sold by the day: 10 a day against 10 a week
    assert (report.judged, report.frequency) == (2, "W")
    with database.connect() as connection:
        kept = connection.execute(
            sa.text(
                "SELECT frequency, count(DISTINCT day) FROM forecast_drift GROUP BY 1 ORDER BY 1"
            )
        ).all()
    assert [tuple(row) for row in kept] == [("D", 8), ("W", 2)]

"""What if, of a published forecast on real Postgres and a lake: what changes, what is said, and that nothing stays."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from forecasting import Assumed, ForecastSpec, assume_published, run_forecast
from ingest.calendar import put_plans, withdraw_plan
from ingest.calendar.shapes import ClosureIn, EventIn, PriceIn, PromotionIn
from ingest.ledger.dimensions import ProductIn, put_products
from stocktide.foundation.database import create_engine
from stocktide.foundation.embedded import Postgres
from stocktide.foundation.errors import Conflict, NotFound
from stocktide.foundation.lake import Lake
from tests.conftest import copied
from tests.forecasting.lakes import FIRST, write_lake
from tests.forecasting.promoted_chain import (
    DAYS,
    NOW,
    SPEC,
    UPLIFT,
    H,
    day,
    promoted_rows,
    put_chain,
)

KNOWN = datetime(2025, 1, 1, tzinfo=UTC)
Assume = Callable[..., Assumed]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return write_lake(tmp_path_factory.mktemp("lake"), promoted_rows())


@pytest.fixture
def chain(database: sa.Engine) -> sa.Engine:
    put_chain(database)
    return database


@pytest.fixture(scope="module")
def forecast_once(postgres: Postgres, lake: Lake) -> Iterator[str]:
    """Name of a database with the chain and its published forecast, which each test copies."""
    with copied(postgres) as url:
        engine = create_engine(url)
        put_chain(engine)
        run_forecast(engine, lake, SPEC, now=NOW)
        engine.dispose()
        yield str(engine.url.database)


@pytest.fixture
def published(postgres: Postgres, forecast_once: str) -> Iterator[sa.Engine]:
    with copied(postgres, forecast_once) as url:
        engine = create_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def what_if(published: sa.Engine, lake: Lake) -> Assume:
    def assume(*plans: Any, kind: str = "promotions", spec: ForecastSpec = SPEC) -> Assumed:
        return assume_published(
            published, lake, spec, lambda connection: record(connection, kind, *plans)
        )

    return assume


def record(connection: sa.Connection, kind: str, *plans: Any) -> None:
    put_plans(connection, kind, plans, by="x")


def promotion(first: int, last: int, *, product: str = "P1", **other: Any) -> PromotionIn:
    given: dict[str, Any] = {"location": "S1", "discount": 0.2, **other}
    return PromotionIn(product=product, from_=day(first), to=day(last), **given)


def counts(engine: sa.Engine) -> tuple[Any, ...]:
    tables = ("planned_promotions", "forecast_runs", "forecast_models", "forecasts", "runs")
    with engine.connect() as connection:
        return tuple(
            connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar()  # noqa: S608 - our own names
            for table in tables
        )


def test_promotion_moves_the_published_forecast_and_nothing_is_kept(
    published: sa.Engine, what_if: Assume
) -> None:
    before = counts(published)
    made = what_if(promotion(DAYS + 3, DAYS + 6))
    assert counts(published) == before
    assert (made.version, made.cutoff, made.warnings) == (1, day(DAYS - 1), ())
    leaf = made.table().query("unique_id == 'S1/P1'").set_index("ds")
    factor = (leaf["assumed"] / leaf["published"]).to_numpy()
    np.testing.assert_allclose(factor[3:7], UPLIFT, rtol=0.1)
    np.testing.assert_array_equal(np.delete(factor, range(3, 7)), 1.0)
    assert set(made.by_node()["unique_id"]) == {"total", "S1", "S1/P1"}
    with published.connect() as connection:
        told = connection.execute(
            sa.text(
                "SELECT ds, yhat FROM forecasts JOIN forecast_nodes USING (forecast_run_id, node_id)"
                " WHERE unique_id = 'S1/P1' ORDER BY ds"
            )
        ).all()
    assert [row.ds for row in told] == [at.date() for at in leaf.index]
    np.testing.assert_allclose([row.yhat for row in told], leaf["published"])


def test_plan_that_the_run_knew_is_replaced_or_taken_back(chain: sa.Engine, lake: Lake) -> None:
    known = promotion(DAYS, DAYS + 6, id="p1", known_since=KNOWN)
    with chain.begin() as connection:
        record(connection, "promotions", known)
    run_forecast(chain, lake, SPEC, now=NOW)
    same = assume_published(chain, lake, SPEC, lambda c: record(c, "promotions", known))
    assert same.total == "No change over 14 days."
    assert same.warnings == ("All of it is planned already.",)
    later = promotion(DAYS + 7, DAYS + 13, id="p1")
    moved = assume_published(chain, lake, SPEC, lambda c: record(c, "promotions", later))
    back = assume_published(
        chain, lake, SPEC, lambda c: withdraw_plan(c, "promotions", "p1", by="x")
    )
    for made in (moved, back):
        leaf = made.table().query("unique_id == 'S1/P1'")
        factor = (leaf["assumed"] / leaf["published"]).to_numpy()
        np.testing.assert_allclose(factor[:7], 1 / UPLIFT, rtol=0.1)
        after = UPLIFT if made is moved else 1.0
        np.testing.assert_allclose(factor[7:], after, rtol=0.1)
    with chain.connect() as connection:
        assert connection.execute(sa.text("SELECT withdrawn_at FROM planned_promotions")).all() == [
            (None,)
        ]


def test_closure_price_and_event_are_assumed_too(what_if: Assume) -> None:
    closed = what_if(ClosureIn(location="S2", from_=day(DAYS), to=day(DAYS + 1)), kind="closures")
    s2 = closed.table().query("unique_id == 'S2'")["assumed"].to_numpy()
    assert (s2[:2] == 0).all()
    assert (s2[2:] > 0).all()
    price = PriceIn(product="P1", from_=day(DAYS), price=8)
    assert what_if(price, kind="prices").difference > 0
    events = [EventIn(name="Fair", day=day(n), location="S3") for n in (40, 90, DAYS + 2)]
    fair = what_if(*events, kind="events")
    assert fair.warnings == ()
    assert set(fair.by_node()["unique_id"]) <= {"total", "S3", "S3/P1", "S3/P2", "S3/P3", "S3/P4"}


def test_notes_name_what_changes_nothing(what_if: Assume) -> None:
    made = what_if(
        promotion(DAYS + 200, DAYS + 210),
        promotion(DAYS, DAYS, location=None, kind="display", discount=None),
    )
    outside, unseen = made.warnings
    assert outside == (
        f"promotions product P1 location S1 from {day(DAYS + 200)} to {day(DAYS + 210)}: outside the days that are "
        f"forecast ({day(DAYS)} to {day(DAYS + H - 1)}), so it changes nothing."
    )
    assert unseen.startswith(f"promotions product P1 from {day(DAYS)} to {day(DAYS)}: a kind of")
    many = [promotion(DAYS + 200 + n, DAYS + 300) for n in range(5)]
    assert "and 2 more: outside" in what_if(*many).warnings[0]
    unknown = what_if(EventIn(name="Regatta", day=day(DAYS)), kind="events")
    assert "'Regatta' is known" in unknown.warnings[0]


def test_price_where_nobody_knows_the_usual_one_is_named(chain: sa.Engine, tmp_path: Path) -> None:
    unpriced = [
        row | ({"price_micros": None} if row["product_id"] == 1 else {}) for row in promoted_rows()
    ]
    lake = write_lake(tmp_path, unpriced)
    with chain.begin() as connection:
        connection.execute(sa.text("UPDATE products SET price_micros = NULL WHERE sku = 'P1'"))
    run_forecast(chain, lake, SPEC, now=NOW)
    price = PriceIn(product="P1", from_=day(DAYS), price=8)
    made = assume_published(chain, lake, SPEC, lambda c: record(c, "prices", price))
    assert made.total == "No change over 14 days."
    assert made.warnings[0].startswith(
        f"prices product P1 from {day(DAYS)} on: nothing was ever sold"
    )
    assert "list price" in made.warnings[0]


def test_plan_for_a_product_that_is_in_no_series_of_its_own_is_named(
    chain: sa.Engine, lake: Lake
) -> None:
    with chain.begin() as connection:
        put_products(connection, [ProductIn("P9")])
    run_forecast(chain, lake, SPEC, now=NOW)
    plan = promotion(DAYS, DAYS, product="P9")
    made = assume_published(chain, lake, SPEC, lambda c: record(c, "promotions", plan))
    assert "reaches no series of the forecast" in made.warnings[0]


def test_plans_recorded_since_the_run_count_and_are_said(
    published: sa.Engine, what_if: Assume
) -> None:
    with published.begin() as connection:
        record(connection, "promotions", promotion(DAYS, DAYS + 2, location="S2"))
    made = what_if(promotion(DAYS, DAYS + 2))
    assert set(made.by_node()["unique_id"]) == {"total", "S1", "S2", "S1/P1", "S2/P1"}
    assert made.warnings == (
        "Plans recorded or withdrawn since the forecast was made count, too: 1.",
    )


def test_part_of_a_week_is_no_closure_of_a_weekly_forecast(chain: sa.Engine, lake: Lake) -> None:
    weekly = ForecastSpec(
        levels=SPEC.levels, candidates=("WLSS additive",), backtest_origins=1, frequency="W"
    )
    run_forecast(chain, lake, weekly, now=NOW)

    def assume(days: int) -> Assumed:
        # the first Monday that is forecast
        start = FIRST + timedelta(days=DAYS - DAYS % 7 + 5)
        start = start - timedelta(days=start.weekday())
        plan = ClosureIn(location="S1", from_=start, to=start + timedelta(days=days - 1))
        return assume_published(chain, lake, weekly, lambda c: record(c, "closures", plan))

    part, whole = assume(3), assume(7)
    assert part.total.startswith("No change over ")
    assert "a closure of part of a week" in part.warnings[0]
    assert whole.warnings == ()
    s1 = whole.table().query("unique_id == 'S1'")["assumed"].to_numpy()
    assert (s1 == 0).sum() == 1


def test_what_cannot_be_predicted_again_says_what_to_do(
    published: sa.Engine, lake: Lake, what_if: Assume, tmp_path: Path
) -> None:
    pooled = ForecastSpec(levels=SPEC.levels, horizon_days=H, best_sellers=2)
    with pytest.raises(Conflict, match=r"settings are others now\. Run `stocktide forecast` first"):
        what_if(promotion(DAYS, DAYS), spec=pooled)
    short = write_lake(tmp_path / "short", promoted_rows()[:100])
    with pytest.raises(Conflict, match="its last day is now"):
        assume_published(published, short, SPEC, lambda _: None)
    with published.begin() as connection:
        connection.execute(sa.text("UPDATE forecast_runs SET lake_version = 7"))
    with pytest.raises(Conflict, match="the lake has no version 7"):
        assume_published(published, lake, SPEC, lambda _: None)


def test_chain_without_a_published_forecast_says_what_to_do(chain: sa.Engine, lake: Lake) -> None:
    with pytest.raises(NotFound, match="make one with `stocktide forecast`"):
        assume_published(chain, lake, SPEC, lambda _: None)

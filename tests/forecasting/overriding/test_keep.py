"""The forecast with overrides stands beside the published one, and follows every change of either."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from catalog.forecasts import node_days
from catalog.overrides import adjusted_days
from forecasting.nodes.plan_leaves import SCOPE
from forecasting.overriding.adjusted import asked_of, first_days, read_adjusted
from forecasting.overriding.keep import adjust_published
from forecasting.overriding.membership import frame_of_keys, leaf_keys, summing_matrix
from forecasting.publishing.publish import publish
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.overrides import KIND, OverrideIn, put_rows, withdraw_row
from tests.conftest import AsPart
from tests.forecasting.publications import publication

# the publication knows 2025-01-03 and forecasts two days
TODAY = date(2025, 1, 4)
NOW = datetime.now(UTC).date()
P1 = 'P,"1"'
SPAN = {"from": "2025-01-04", "to": "2025-01-05"}


@pytest.fixture
def chain(database: sa.Engine) -> sa.Engine:
    with database.begin() as connection:
        put_products(connection, [ProductIn(P1, category="Fruit"), ProductIn("P2")])
        put_locations(connection, [LocationIn("S1", region="North")])
    publish(database, publication(), run_id=None)
    return database


def put(engine: sa.Engine, **told: Any) -> None:
    more = {"change": "percent", "value": 50, **SPAN, "reason": "weather"}
    row = msgspec.convert({**more, **told}, OverrideIn)
    with engine.begin() as connection:
        put_rows(connection, KIND, [row], by="anna")
        adjust_published(connection, today=TODAY)


def rows(engine: sa.Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def days_before(today: date) -> pd.DatetimeIndex:
    return pd.date_range(today - timedelta(days=3), periods=3)


def means(engine: sa.Engine) -> dict[tuple[int, date], float]:
    query = (
        "SELECT node_id, ds, yhat FROM forecasts JOIN published_forecast USING (forecast_run_id)"
    )
    return {row[:2]: row[2] for row in rows(engine, query)}


def adjusted(engine: sa.Engine) -> dict[tuple[int, date], float]:
    """The days of the items that overrides change."""
    nodes = [node for (node,) in rows(engine, "SELECT node_id FROM adjusted_forecasts")]
    return {(node, day["ds"]): day["yhat"] for node in nodes for day in adjusted_days(engine, node)}


def test_every_level_agrees_and_the_published_forecast_stays(chain: sa.Engine) -> None:
    published = rows(chain, "SELECT * FROM forecasts ORDER BY node_id, ds")
    put(chain, category="Fruit", change="add", value=4)
    kept = adjusted(chain)
    now = {**means(chain), **kept}
    first, last = date(2025, 1, 4), date(2025, 1, 5)
    # total 0, shop 1, its two products 2 and 3; P1 was forecast at 1.5 and 2.5
    assert [now[2, first], now[2, last]] == [pytest.approx(3.0), pytest.approx(5.0)]
    for day in (first, last):
        assert now[2, day] + now[3, day] == pytest.approx(now[1, day], rel=1e-9)
        assert now[0, day] == pytest.approx(now[1, day], rel=1e-9)
    assert {node for node, _ in kept} == {0, 1, 2}
    assert rows(chain, "SELECT * FROM forecasts ORDER BY node_id, ds") == published
    was, moved = node_days(chain, 2)[0], adjusted_days(chain, 2)[0]
    assert [moved[name] for name in ("q10", "q90")] == [
        pytest.approx(2 * was[name]) for name in ("q10", "q90")
    ]


def test_what_is_withdrawn_or_expired_leaves_the_published_forecast(chain: sa.Engine) -> None:
    put(chain, id="storm", product="P2", expires_on=str(NOW + timedelta(days=9)))
    assert adjusted(chain)
    with chain.begin() as connection:
        assert adjust_published(connection, today=NOW + timedelta(days=10)) == 0
        assert adjust_published(connection, today=NOW + timedelta(days=9)) > 0
        withdraw_row(connection, KIND, "storm", by="anna")
        assert adjust_published(connection, today=TODAY) == 0
        assert read_adjusted(connection, today=TODAY) is None
    assert adjusted(chain) == {}


def test_the_next_forecast_has_the_overrides_from_the_start(chain: sa.Engine) -> None:
    put(chain, location="S1", value=100)
    before = adjusted(chain)
    twice = publication(mean=2 * publication().mean)
    publish(chain, twice, run_id=None)
    after = adjusted(chain)
    assert after == {key: pytest.approx(2 * value) for key, value in before.items()}
    with chain.connect() as connection:
        found = read_adjusted(connection, today=TODAY)
    assert found is not None
    assert np.array_equal(found.summing.toarray(), publication().hierarchy.S.toarray())


def test_worker_may_adjust_what_it_publishes(chain: sa.Engine, as_part: AsPart) -> None:
    put(chain, location="S1")
    publish(as_part("worker"), publication(days=days_before(NOW)), run_id=None)
    assert adjusted(chain) == {}, "its days are those of another year"
    span = {"from": str(NOW), "to": str(NOW)}
    put(chain, location="S1", **span)
    publish(as_part("worker"), publication(days=days_before(NOW)), run_id=None)
    assert {day for _, day in adjusted(chain)} == {NOW, NOW + timedelta(days=1)}


def test_days_of_an_override_are_those_it_met_first_and_never_hindsight(chain: sa.Engine) -> None:
    put(chain, product=P1)
    assert rows(chain, "SELECT * FROM override_days") == [], "these days were over when it was made"
    today = NOW
    ahead = publication(days=days_before(today), mean=publication().mean)
    publish(chain, ahead, run_id=None)
    span = {"from": str(today), "to": str(today + timedelta(days=1))}
    put(chain, product=P1, change="set", value=8, **span)
    first = rows(chain, "SELECT ds, before, after FROM override_days ORDER BY ds")
    assert first == [
        (today, 1.5, pytest.approx(3.0)),
        (today + timedelta(days=1), 2.5, pytest.approx(5.0)),
    ]
    with chain.begin() as connection, pytest.raises(sa.exc.DBAPIError, match="override_days"):
        connection.execute(sa.text("UPDATE override_days SET after = 0"))
    publish(chain, publication(days=days_before(today), mean=3 * publication().mean), run_id=None)
    assert rows(chain, "SELECT ds, before, after FROM override_days ORDER BY ds") == first


def test_days_of_weeks_are_counted_and_keys_come_from_nodes_products_and_places() -> None:
    nodes = pd.DataFrame(
        {
            "level": [0, 1, 1, 2, 2],
            "parent_id": [None, 0, 0, 1, 2],
            "keys": [{}, {"category": "Fruit"}, {"category": "(no category)"}, *({"product": p} for p in "AB")],
        }
    )  # fmt: skip
    nodes = pd.concat([nodes[["level", "parent_id"]], frame_of_keys(nodes["keys"])], axis=1)
    # the run knew A as fruit, whatever it is now
    known = {"product": ["A", "B"], "department": ["Food", None], "category": ["Bread", None]}
    products = pd.DataFrame(known)
    leaves = leaf_keys(nodes, products, pd.DataFrame({"location": []}), 2)
    assert leaves[["product", "category", "department"]].values.tolist() == [
        ["A", "Fruit", "Food"],
        ["B", "(no category)", None],
    ]
    assert summing_matrix(nodes, leaves).toarray().tolist() == [
        [1, 1], [1, 0], [0, 1], [1, 0], [0, 1],
    ]  # fmt: skip
    told = {**dict.fromkeys(SCOPE), "category": "Fruit", "change": "set", "value": 70.0}
    span = {"starts_on": date(2026, 3, 6), "ends_on": date(2026, 3, 12)}
    ends = pd.DatetimeIndex(["2026-03-08", "2026-03-15"])
    (asked,) = asked_of(
        pd.DataFrame([told | span]), leaves, first_days(ends, date(2026, 3, 1)), ends
    )
    assert (asked.leaves.tolist(), asked.days.tolist(), asked.days_total) == ([0], [3.0, 4.0], 7)

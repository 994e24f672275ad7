import time
from datetime import UTC, datetime

import pytest

from tests.catalog.shops import open_shops, send
from tests.conftest import Api

# product, location, hours ago, units
SALES = [
    ("A", "S1", 1, 4), ("A", "S1", 25, 8), ("A", "S2", 49, 16), ("A", "S3", 72, 1), ("B", "S1", 2, 5),
    ("B", "S2", 3, 1), ("B", "S3", 0.5, 9), ("A/B 50%", "S3", 30, 12),
]  # fmt: skip
# what comes back counts against what was sold
RETURN = ("A", "S1", 1, -2)
REGION = {"S1": "North", "S2": "North", "S3": "South"}
HALF_LIFE_H = 24.0


@pytest.fixture
def shop(api: Api) -> Api:
    open_shops(api)
    send(
        api,
        *[
            ("sale", f"s{n}", hours, {"product": product, "location": place, "quantity": units})
            for n, (product, place, hours, units) in enumerate(SALES)
        ],
        ("return", "r", RETURN[2], {"quantity": -RETURN[3]}),
        ("receipt", "g", 1, {"quantity": 100}),
    )
    return api


def by_hand(places: set[str]) -> list[tuple[str, float]]:
    """Units sold, halved for each half-life that they are old; the highest first."""
    scores: dict[str, float] = {}
    for product, place, hours, units in [*SALES, RETURN]:
        if place in places:
            scores[product] = scores.get(product, 0.0) + units * 0.5 ** (hours / HALF_LIFE_H)
    return sorted(scores.items(), key=lambda item: -item[1])


@pytest.mark.parametrize(
    ("parameters", "places"),
    [
        ({}, {"S1", "S2", "S3"}),
        ({"region": "North"}, {"S1", "S2"}),
        ({"region": "South"}, {"S3"}),
        ({"location": "S1"}, {"S1"}),
        ({"location": "S2"}, {"S2"}),
        ({"location": "nowhere"}, set()),
    ],
)
def test_trending_orders_by_the_decayed_units(
    shop: Api, parameters: dict[str, str], places: set[str]
) -> None:
    answer = shop.read.get("/v1/trending", params=parameters).json()
    expected = by_hand(places)
    assert [row["product"] for row in answer["products"]] == [product for product, _ in expected]
    scores = [row["score"] for row in answer["products"]]
    assert scores == pytest.approx([score for _, score in expected], rel=1e-2)
    assert (answer["live"], answer["half_life_h"]) == (True, HALF_LIFE_H)


def test_trending_keeps_to_the_limit_and_the_best(shop: Api) -> None:
    answer = shop.read.get("/v1/trending", params={"limit": 1}).json()
    assert [row["product"] for row in answer["products"]] == [by_hand(set(REGION))[0][0]]


def test_trending_refuses_when_location_and_region_are_both_given(shop: Api) -> None:
    answer = shop.read.get("/v1/trending", params={"location": "S1", "region": "North"})
    assert (answer.status_code, answer.json()["code"]) == (400, "scope")


def test_trending_is_shown_as_of_the_newest_sale_when_the_feed_is_silent(api: Api) -> None:
    open_shops(api)
    send(
        api,
        ("sale", "a", 24 * 100, {"quantity": 8}),
        ("sale", "b", 24 * 99, {"product": "B", "quantity": 5}),
    )
    answer = api.read.get("/v1/trending").json()
    assert (answer["live"], answer["as_of"]) == (False, answer["newest_sale_at"])
    assert [(row["product"], row["score"]) for row in answer["products"]] == [
        ("B", 5.0),
        ("A", pytest.approx(4.0)),
    ]
    age = datetime.now(UTC) - datetime.fromisoformat(answer["as_of"])
    assert age.total_seconds() == pytest.approx(99 * 86_400, abs=600)


def test_trending_is_empty_when_nothing_was_sold(api: Api) -> None:
    started = time.monotonic()
    answer = api.read.get("/v1/trending").json()
    assert (answer["products"], answer["newest_sale_at"], answer["live"]) == ([], None, False)
    assert time.monotonic() - started < 5

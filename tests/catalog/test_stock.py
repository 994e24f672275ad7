from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.catalog.shops import open_shops, send
from tests.conftest import Api


@pytest.fixture
def shop(api: Api) -> Api:
    open_shops(api)
    send(
        api,
        ("receipt", "1", 5, {"quantity": 4}),
        ("receipt", "2", 4, {"location": "S2", "quantity": "1.25"}),
        ("sale", "3", 3, {"location": "S3", "product": "B", "quantity": 2}),
        ("transfer", "4", 2, {"to_location": "S3", "quantity": 1}),
    )
    return api


def pairs(api: Api, **parameters: str | int) -> list[tuple[str, str, float, bool]]:
    rows = api.read.get("/v1/stock", params=parameters).json()["stock"]
    return [(row["product"], row["location"], row["book"], row["known"]) for row in rows]


def test_stock_is_null_where_it_is_not_known(shop: Api) -> None:
    """Neither what was never counted nor a book below zero is a level; the book is told beside it."""
    send(shop, ("sale", "5", 1, {"location": "S2", "quantity": 2}))
    rows = shop.read.get("/v1/stock", params={"product": "A"}).json()["stock"]
    assert [(row["on_hand"], row["book"], row["available"], row["value"]) for row in rows] == [
        (3.0, 3.0, 3.0, None),
        (None, -0.75, None, None),
        (None, 1.0, None, None),
    ]
    by_place = {
        place: shop.read.get("/v1/stock/as-of", params={"product": "A", "location": place}).json()
        for place in ("S1", "S2", "S3")
    }
    assert [(one["on_hand"], one["book"], one["known"]) for one in by_place.values()] == [
        (3.0, 3.0, True),
        (None, -0.75, True),
        (None, 1.0, False),
    ]


def test_a_lot_of_which_more_went_than_came_is_not_known(shop: Api) -> None:
    lot = {"lot": "L1", "location": "S2"}
    send(
        shop, ("receipt", "6", 2, {**lot, "quantity": 1}), ("sale", "7", 1, {**lot, "quantity": 3})
    )
    (line,) = shop.read.get("/v1/lots", params={"product": "A"}).json()["lots"]
    assert (line["on_hand"], line["book"]) == (None, -2.0)


def test_every_figure_comes_with_the_state_of_its_data(shop: Api) -> None:
    for path in ("/v1/stock", "/v1/products", "/v1/products/A", "/v1/trending"):
        data = shop.read.get(path).json()["data"]
        assert (data["state"], data["newest_day"]) == ("unknown", None), path
        assert "wait for the first ETL" in data["why"]


ALL_PAIRS = [
    ("A", "S1", 3.0, True),
    ("A", "S2", 1.25, True),
    ("A", "S3", 1.0, False),
    ("B", "S3", -2.0, False),
]


def test_stock_lists_every_pair_with_its_level(shop: Api) -> None:
    assert pairs(shop) == ALL_PAIRS


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"product": "A"}, ALL_PAIRS[:3]),
        ({"location": "S3"}, ALL_PAIRS[2:]),
        ({"product": "B", "location": "S3"}, ALL_PAIRS[3:]),
        ({"product": "ghost"}, []),
        ({"product": "%"}, []),
    ],
)
def test_stock_keeps_to_product_and_location_when_asked(
    shop: Api, parameters: dict[str, str | int], expected: list[tuple[str, str, float, bool]]
) -> None:
    assert pairs(shop, **parameters) == expected


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_stock_pages_through_each_pair_once(shop: Api, limit: int) -> None:
    seen: list[tuple[str, str]] = []
    after: str | None = ""
    while after is not None:
        page = shop.read.get("/v1/stock", params={"after": after, "limit": limit}).json()
        seen += [(row["product"], row["location"]) for row in page["stock"]]
        after = page["next"]
    assert seen == [pair[:2] for pair in ALL_PAIRS]


def test_stock_shows_what_is_on_its_way_promised_and_worth(api: Api) -> None:
    open_shops(api)
    send(
        api,
        ("order", "po", 9, {"order_id": "PO1", "quantity": 10, "expected_on": "2030-01-01"}),
        ("receipt", "r1", 8, {"order_id": "PO1", "quantity": 4, "cost": "1.50"}),
        ("receipt", "r2", 7, {"quantity": 2, "cost": 3, "lot": "L7", "expires_on": "2030-02-01"}),
        ("reservation", "v", 6, {"reservation_id": "R", "quantity": 3}),
        ("sale", "s", 5, {"reservation_id": "R", "quantity": 1}),
        ("dispatch", "d", 4, {"transfer_id": "T", "quantity": 2, "to_location": "S2"}),
    )
    here, there = api.read.get("/v1/stock", params={"product": "A"}).json()["stock"]
    names = ("on_hand", "on_order", "in_transit", "promised", "available", "cost", "value")
    assert [here[name] for name in names] == [3.0, 6.0, 0.0, 2.0, 1.0, 2.0, 6.0]
    assert (there["on_hand"], there["book"], there["in_transit"]) == (None, 0.0, 2.0)
    assert api.read.get("/v1/lots", params={"product": "A"}).json()["lots"] == [
        {"location": "S1", "lot": "L7", "on_hand": 2.0, "book": 2.0, "expires_on": "2030-02-01"}
    ]


def test_stock_of_the_largest_amounts_is_shown_beside_the_others(api: Api) -> None:
    """A dear delivery, then large ones without a price: worth more than a column of 64 bits holds."""
    api.operate.put("/v1/products", json={"products": [{"sku": "A"}, {"sku": "B"}]})
    api.operate.put("/v1/locations", json={"locations": [{"code": "S1"}]})
    send(api, ("receipt", "dear", 0, {"quantity": 1_000_000, "cost": 10_000}))
    much = {"quantity": 1_000_000_000}
    send(api, *[("receipt", f"m{number}", number + 1, much) for number in range(10)])
    send(api, ("receipt", "b", 1, {"product": "B", "quantity": 1, "cost": "2"}))
    rows = {row["product"]: row for row in api.read.get("/v1/stock").json()["stock"]}
    assert rows["A"]["value"] == 10_001_000_000 * 10_000
    assert rows["B"]["value"] == 2


def test_stock_as_of_tells_what_was_and_what_was_known(api: Api, database: sa.Engine) -> None:
    open_shops(api)
    send(api, ("receipt", "r", 9, {"quantity": 10}), ("sale", "s", 5, {"quantity": 4}))
    with database.connect() as connection:
        before = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
    send(api, ("stocktake", "c", 7, {"counted": 8}))

    def on_hand(**asked: str) -> float:
        parameters = {"product": "A", "location": "S1", **asked}
        answer = api.read.get("/v1/stock/as-of", params=parameters)
        return float(answer.raise_for_status().json()["on_hand"])

    six_hours_ago = (datetime.now(UTC) - timedelta(hours=6)).isoformat()
    assert on_hand() == 4.0
    assert on_hand(at=six_hours_ago) == 8.0
    assert on_hand(known_at=before.isoformat()) == 6.0
    assert on_hand(at=six_hours_ago, known_at=before.isoformat()) == 10.0


def test_stock_as_of_tells_what_was_on_order_at_any_date(api: Api) -> None:
    open_shops(api)
    send(
        api,
        ("order", "po", 9, {"order_id": "PO1", "order_line": 1, "quantity": 10}),
        ("receipt", "r", 5, {"order_id": "PO1", "order_line": 1, "quantity": 4}),
        ("receipt", "more", 1, {"order_id": "PO1", "quantity": 8}),
    )

    def on_order(hours_ago: int) -> float:
        at = (datetime.now(UTC) - timedelta(hours=hours_ago)).isoformat()
        asked = {"product": "A", "location": "S1", "at": at}
        answer = api.read.get("/v1/stock/as-of", params=asked)
        return float(answer.raise_for_status().json()["on_order"])

    assert [on_order(hours) for hours in (8, 3, 0)] == [10.0, 6.0, 0.0]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"product": "ghost"}, 404),
        ({"at": "1999-01-01T00:00:00Z"}, 404),
        ({"at": "2026-01-01T00:00:00"}, 400),
        ({"at": "soon"}, 400),
    ],
)
def test_stock_as_of_says_what_is_wrong(shop: Api, asked: dict[str, str], status: int) -> None:
    parameters = {"product": "A", "location": "S1", **asked}
    assert shop.read.get("/v1/stock/as-of", params=parameters).status_code == status

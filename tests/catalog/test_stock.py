import pytest

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
    return [(row["product"], row["location"], row["on_hand"], row["known"]) for row in rows]


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

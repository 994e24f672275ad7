import pytest
import redis
import sqlalchemy as sa

from catalog.cache import ProductCache
from catalog.products import read_product
from ingest.ledger.dimensions import ProductIn, put_products
from stocktide.foundation.errors import NotFound
from tests.catalog.shops import eventually, open_shops, send
from tests.conftest import Api


@pytest.fixture
def shop(api: Api) -> Api:
    open_shops(api)
    return api


def on_hand(api: Api, sku: str = "A") -> dict[str, float]:
    stock = api.read.get(f"/v1/products/{sku}").json()["stock"]
    return {line["location"]: line["on_hand"] for line in stock}


def test_product_is_read_with_stock_and_price(shop: Api) -> None:
    send(
        shop,
        ("receipt", "r", 5, {"quantity": 10}),
        ("sale", "s", 4, {"quantity": "2.5", "price": 2}),
        ("price", "p", 3, {"price": "1.99", "currency": "EUR", "promotion": True}),
        ("reading", "d", 2, {"observed": 7}),
        ("sale", "t", 1, {"quantity": 1, "location": "S3"}),
    )
    product = shop.read.get("/v1/products/A").json()
    assert {name: product[name] for name in ("sku", "name", "unit", "price", "currency")} == {
        "sku": "A", "name": "Apple", "unit": "kg", "price": 2.5, "currency": "EUR",
    }  # fmt: skip
    porto, faro = product["stock"]
    assert (porto["location"], porto["location_name"], porto["on_hand"], porto["known"]) == (
        "S1",
        "Porto",
        7.5,
        True,
    )
    assert (porto["price"], porto["promotion"], porto["sensed"]) == (1.99, True, 7.0)
    assert (faro["location"], faro["on_hand"], faro["book"], faro["known"], faro["price"]) == (
        "S3",
        None,
        -1.0,
        False,
        2.5,
    )
    assert (product["forecast"], product["forecast_run"]) == ([], None)


def test_product_follows_within_two_seconds_when_it_is_sold(
    shop: Api, valkey: "redis.Redis"
) -> None:
    send(shop, ("stocktake", "c", 5, {"counted": 10}))
    eventually(lambda: on_hand(shop), {"S1": 10.0})
    hits = int(valkey.get("stocktide:hits") or 0)
    on_hand(shop)
    on_hand(shop)
    assert int(valkey.get("stocktide:hits") or 0) > hits
    for number in range(1, 6):
        send(shop, ("sale", f"s{number}", 1, {"quantity": 1}))
        eventually(lambda: on_hand(shop), {"S1": 10.0 - number})


def test_product_follows_within_two_seconds_when_its_price_is_put(shop: Api) -> None:
    assert shop.read.get("/v1/products/A").json()["price"] == 2.5
    shop.ingest.put("/v1/products", json={"products": [{"sku": "A", "price": 3}]})
    eventually(lambda: shop.read.get("/v1/products/A").json()["price"], 3.0)


def test_product_answers_404_when_it_is_unknown(shop: Api) -> None:
    answer = shop.read.get("/v1/products/ghost")
    assert (answer.status_code, answer.json()["code"]) == (404, "product_unknown")
    assert "'ghost'" in answer.json()["detail"]


def test_product_is_found_when_its_sku_holds_signs(shop: Api) -> None:
    answer = shop.read.get("/v1/products/A%2FB%2050%25")
    assert (answer.status_code, answer.json()["sku"]) == (200, "A/B 50%")


@pytest.mark.parametrize(
    ("text", "skus"),
    [
        ("", ["A", "A/B 50%", "B"]),
        ("apple", ["A"]),
        ("FRUIT", ["A"]),
        ("fresh", ["A"]),
        ("%", ["A/B 50%"]),
        ("_", ["A/B 50%"]),
        ("50% off", ["A/B 50%"]),
        ("A%B", []),
        ("\\", []),
        ("' OR 1=1", []),
        ("\x00", ["A", "A/B 50%", "B"]),
    ],
)
def test_products_search_takes_text_literally(shop: Api, text: str, skus: list[str]) -> None:
    answer = shop.read.get("/v1/products", params={"q": text})
    assert [product["sku"] for product in answer.json()["products"]] == skus


def test_products_page_through_each_once(shop: Api) -> None:
    extra = [{"sku": f"P{n:03}"} for n in range(25)]
    shop.ingest.put("/v1/products", json={"products": extra})
    seen: list[str] = []
    after: str | None = ""
    pages = 0
    while after is not None:
        page = shop.read.get("/v1/products", params={"after": after, "limit": 7}).json()
        seen += [product["sku"] for product in page["products"]]
        after, pages = page["next"], pages + 1
    assert (seen, pages) == (["A", "A/B 50%", "B", *[f"P{n:03}" for n in range(25)]], 5)


def test_products_sum_what_is_known_and_say_where_it_is_not(shop: Api) -> None:
    send(shop, ("sale", "0", 4, {"quantity": 1}))
    unknown = shop.read.get("/v1/products?q=apple").json()["products"][0]
    assert (unknown["on_hand"], unknown["stock_known"], unknown["locations"]) == (None, False, 1)
    send(
        shop,
        ("receipt", "1", 3, {"location": "S2", "quantity": 4}),
        ("receipt", "2", 3, {"location": "S3", "quantity": 1}),
        ("sale", "3", 2, {"location": "S3", "quantity": 6}),
    )
    product = shop.read.get("/v1/products?q=apple").json()["products"][0]
    names = (
        "on_hand",
        "locations",
        "locations_known",
        "locations_below_zero",
        "locations_out_of_stock",
    )
    assert [product[name] for name in names] == [4.0, 3, 1, 1, 0]


def test_products_sum_stock_over_locations(shop: Api) -> None:
    send(
        shop,
        ("receipt", "1", 3, {"quantity": 4}),
        ("stocktake", "2", 2, {"location": "S2", "counted": 0}),
        ("receipt", "3", 1, {"location": "S3", "quantity": 1.5}),
    )
    product = shop.read.get("/v1/products?q=apple").json()["products"][0]
    assert (product["on_hand"], product["stock_known"]) == (5.5, True)
    assert (product["locations"], product["locations_out_of_stock"]) == (3, 1)


def test_a_hit_asks_the_database_nothing(database: sa.Engine, valkey: "redis.Redis") -> None:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A", name="Apple")])
    asked: list[str] = []
    sa.event.listen(database, "before_cursor_execute", lambda *given: asked.append(given[2]))
    cache = ProductCache(valkey, ttl_s=60)
    first = read_product(database, cache, "A")
    assert asked
    asked.clear()
    assert read_product(database, cache, "A") == first
    assert asked == []
    assert cache.statistics() == {"hits": 1, "misses": 1}
    with pytest.raises(NotFound):
        read_product(database, cache, "B")

from collections import Counter
from zoneinfo import ZoneInfo

from data.chain import load_chain

CHAIN = load_chain()


def test_chain_has_80_products_in_4_departments_and_6_shops_in_3_regions() -> None:
    products, locations = CHAIN.product_rows(), CHAIN.location_rows()
    assert len({row["sku"] for row in products}) == len({row["name"] for row in products}) == 80
    assert set(Counter(row["department"] for row in products).values()) == {20}
    assert len({row["code"] for row in locations}) == 6
    assert set(Counter(row["region"] for row in locations).values()) == {2}
    assert CHAIN.n_pairs == 480


def test_rows_have_only_the_fields_of_the_contract() -> None:
    fields = {"sku", "name", "department", "category", "unit", "price", "currency", "attributes"}
    assert all(set(row) == fields and row["price"] > 0 for row in CHAIN.product_rows())
    fields = {"code", "name", "region", "country", "timezone", "attributes"}
    for row in CHAIN.location_rows():
        assert set(row) == fields
        assert ZoneInfo(row["timezone"]).key.startswith("Europe/")


def test_every_weekday_pattern_averages_one() -> None:
    for department in CHAIN.departments:
        assert len(department.weekday) == 7
        assert abs(sum(department.weekday) / 7 - 1) < 0.005

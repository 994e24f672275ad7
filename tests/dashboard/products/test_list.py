"""The list of products: its search, orders and states, against rows that are counted here."""

import os
from collections.abc import Iterator
from datetime import date

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.products import planned_products
from data import simulate
from ingest.ledger.dimensions import ProductIn, put_products
from stocktide.foundation.database import create_engine
from stocktide.foundation.embedded import Postgres
from tests.conftest import copied
from tests.dashboard.conftest import Dashboard, links_of, text_of

THROUGH = date(2026, 3, 1)
EXAMPLES = int(os.environ.get("SEARCH_EXAMPLES", "40"))


@pytest.fixture(scope="module")
def shop(postgres: Postgres) -> Iterator[sa.Engine]:
    """The products of the sample chain."""
    with copied(postgres) as url:
        engine = create_engine(url)
        goods = simulate(seed=1, days=14, end=THROUGH).products
        with engine.begin() as connection:
            put_products(
                connection,
                [
                    ProductIn(one["sku"], name=one["name"], category=one["category"])
                    for one in goods
                ],
            )
        yield engine
        engine.dispose()


def found(engine: sa.Engine, q: str) -> list[str]:
    return [str(row["name"]) for row in planned_products(engine, through=THROUGH, days=7, q=q)]


@given(data=st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_search_forgives_a_letter_left_out_doubled_or_wrong(
    shop: sa.Engine, data: st.DataObject
) -> None:
    names = found(shop, "")
    name = data.draw(st.sampled_from(names))
    word = name.replace(",", " ").split()[0].lower()
    if len(word) < 6 or not word.isalpha():
        return
    at = data.draw(st.integers(1, len(word) - 1))
    letter = data.draw(st.sampled_from(["", word[at] * 2, "q"]))
    typed = word[:at] + letter + word[at + 1 :]
    assert name in found(shop, typed), typed


def test_search_shows_the_likest_first_and_only_where_nothing_has_the_text(shop: sa.Engine) -> None:
    assert found(shop, "strawbery")[0] == "Strawberries, 500 g"
    assert found(shop, "strawberr") == ["Strawberries, 500 g"]
    for nothing in ("nothing like it", "no such thing_", "%", "zzz", "§§"):
        assert found(shop, nothing) == [], nothing


@pytest.mark.parametrize("sort", ["sales", "forecast", "incoming", "out", "cover"])
def test_list_is_sorted_on_the_server_with_the_unknown_last(filled: Dashboard, sort: str) -> None:
    column = {"sales": "sold", "out": "locations_out_of_stock"}.get(sort, sort)
    rows = planned_products(filled.reader.engine, through=date.today(), days=14, sort=sort)  # noqa: DTZ011 - of a chain up to today
    values = [row[column] for row in rows]
    known = [value for value in values if value is not None]
    assert values == sorted(known, reverse=sort != "cover") + [None] * (len(values) - len(known))
    # pages in this order hold every row once
    paged: list[str] = []
    while part := planned_products(
        filled.reader.engine, through=date.today(), days=14, sort=sort,  # noqa: DTZ011 - the same
        after=paged[-1] if paged else "", limit=1,
    ):  # fmt: skip
        assert part[0]["before"] == len(paged)
        paged += [row["sku"] for row in part]
    assert paged == [row["sku"] for row in rows]


def test_list_counts_sales_forecast_cover_and_shops_at_risk(filled: Dashboard) -> None:
    rows = filled.draw("products").dataframe[0].value.set_index("sku")
    # a week of 3 to 9 apples at S1 and 2 a day at S2
    assert rows["sold"]["A"] == sum(range(3, 10)) + 14
    row = planned_products(filled.reader.engine, through=date.today(), days=7)[0]  # noqa: DTZ011 - of a chain up to today
    assert row["cover"] == pytest.approx(14 * row["on_hand"] / row["forecast"])
    # S1 is empty, S2 has 5 where 14 are expected
    assert list(rows[["at_risk", "locations_out_of_stock"]].loc["A"]) == [2, 1]


def test_list_is_narrowed_by_state_shop_and_category(filled: Dashboard) -> None:
    def skus(drawn: object) -> list[str]:
        return drawn.dataframe[0].value["sku"].tolist()  # type: ignore[attr-defined,no-any-return]  # of AppTest

    assert skus(filled.draw("products", state="Out of stock")) == ["A"]
    assert skus(filled.draw("products", state="Book below zero")) == ["B"]
    assert skus(filled.draw("products", store="High Street")) == ["A", "B"]
    assert skus(filled.draw("products", cat="Fresh / Dairy")) == ["B"]
    assert "No product is like that" in text_of(
        filled.draw("products", cat="Home", state="Out of stock")
    )
    nearest = filled.draw("products", q="aples")
    assert skus(nearest)[:1] == ["A"]
    assert "These are the nearest" in text_of(nearest)


def test_product_leads_to_its_alerts(filled: Dashboard) -> None:
    links = [link for link in links_of(filled.draw("products", sku="A")) if "newest" in link.label]
    assert [(link.page, link.query_string) for link in links] == [("alerts", "product=A")]

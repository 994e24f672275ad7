import re
from collections.abc import Callable
from datetime import date, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from catalog.frames import stock_by_day
from ingest.ledger.dimensions import ProductIn, put_products
from tests.dashboard.conftest import Dashboard, charts_of, text_of
from tests.system.running import free_port

FIRST = date(2026, 3, 1)


def days(*rows: tuple[int, str, float | None]) -> pd.DataFrame:
    """Rows of (day of March, location, on hand)."""
    return pd.DataFrame(
        [(FIRST + timedelta(days=day - 1), place, level) for day, place, level in rows],
        columns=["day", "location", "on_hand"],
    )


def test_stock_by_day_carries_each_location_forward_and_adds_them_up() -> None:
    stock = stock_by_day(days((1, "S1", 5.0), (2, "S2", 10.0), (4, "S1", 3.0), (5, "S2", 8.0)))
    assert stock["day"].dt.day.tolist() == [1, 2, 3, 4, 5]
    assert stock["on_hand"].tolist() == [5.0, 15.0, 15.0, 13.0, 11.0]


def test_stock_by_day_leaves_days_out_before_stock_was_known() -> None:
    stock = stock_by_day(days((1, "S1", None), (3, "S1", 4.0), (4, "S1", None)))
    assert stock["day"].dt.day.tolist() == [3, 4]
    assert stock["on_hand"].tolist() == [4.0, 4.0]


def test_stock_by_day_has_a_gap_while_the_book_is_below_zero() -> None:
    stock = stock_by_day(days((1, "S1", 4.0), (2, "S1", -3.0), (4, "S1", 2.0)))
    assert stock["day"].dt.day.tolist() == [1, 2, 3, 4]
    assert stock["on_hand"].fillna(-1).tolist() == [4.0, -1.0, -1.0, 2.0]


def test_stock_by_day_adds_up_what_is_known_and_says_of_how_many_places() -> None:
    stock = stock_by_day(days((1, "S1", 4.0), (1, "S2", 5.0), (2, "S2", -1.0), (2, "S3", None)))
    assert stock["on_hand"].tolist() == [9.0, 4.0]
    assert list(zip(stock["known"], stock["places"], strict=True)) == [(2, 3), (1, 3)]


def test_stock_by_day_is_empty_when_stock_is_unknown_everywhere() -> None:
    assert stock_by_day(days((1, "S1", None))).empty


def test_products_says_how_to_make_them_known_when_there_are_none(empty: Dashboard) -> None:
    assert "PUT /v1/products" in text_of(empty.draw("products"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_products_lists_all_and_tells_the_story_of_the_first(filled: Dashboard, theme: str) -> None:
    drawn = filled.draw("products", theme=theme)
    assert drawn.dataframe[0].value["sku"].tolist() == ["A", "B", "C", "D"]
    said = text_of(drawn)
    assert "Apples\n" in said
    assert "EUR 2.00 · 5 units on hand" in said.replace("\\", "")
    assert len(charts_of(drawn)) == 2
    assert re.search(r"units expected, \d+ [A-Z]", charts_of(drawn)[0])
    assert "out of stock somewhere" in charts_of(drawn)[0]
    assert drawn.dataframe[1].value["location"].tolist() == ["High Street", "Mill"]


def test_products_shows_the_one_that_the_address_names(filled: Dashboard) -> None:
    drawn = filled.draw("products", sku="B")
    assert r"Milk \*whole\*" in text_of(drawn)
    assert "kg on hand" in text_of(drawn)
    assert "kg a day" in charts_of(drawn)[0]


def test_products_shows_one_location_when_it_is_chosen(filled: Dashboard) -> None:
    drawn = filled.draw("products", sku="A")
    drawn.selectbox(key="products.location").select("S2").run()
    assert not drawn.exception
    assert "units a day, Mill. Bars: sold." in charts_of(drawn)[0]


def test_products_list_is_narrowed_by_a_search(filled: Dashboard) -> None:
    drawn = filled.draw("products", after="B")
    assert drawn.dataframe[0].value["sku"].tolist() == ["C", "D"]
    drawn.text_input(key="q").input("apples").run()
    assert drawn.dataframe[0].value["sku"].tolist() == ["A", "C"]
    drawn.text_input(key="q").input("no such thing_").run()
    assert r"No product matches “no such thing\_”" in text_of(drawn)


def test_products_says_so_when_the_address_names_none(filled: Dashboard) -> None:
    assert "There is no product *X*" in text_of(filled.draw("products", sku="*X*")).replace(
        "\\", ""
    )


def test_product_without_events_says_what_is_missing(filled: Dashboard) -> None:
    said = text_of(filled.draw("products", sku="D"))
    assert "stock unknown" in said
    assert "No sales or deliveries loaded yet" in said
    assert "No location has stock or sales of this product yet." in said


def test_product_of_unknown_stock_has_no_stock_panel(filled: Dashboard) -> None:
    drawn = filled.draw("products", sku="C")
    assert len(charts_of(drawn)) == 1
    assert "stock unknown" in text_of(drawn)
    assert "on_hand" not in drawn.dataframe[1].value
    # 0 would say that no shelf is empty, which nobody knows
    listed = drawn.dataframe[0].value.set_index("sku")["locations_out_of_stock"]
    assert listed.isna()["C"]
    assert not listed.isna()["A"]


def test_products_are_paged_by_sku(empty: Dashboard, database: sa.Engine) -> None:
    with database.begin() as connection:
        put_products(connection, [ProductIn(f"P{number:03}") for number in range(60)])
    drawn = empty.draw("products")
    assert len(drawn.dataframe[0].value) == 50
    assert "1–50 of 60" in text_of(drawn)
    drawn.button(key="products.next").click().run()
    assert "51–60 of 60" in text_of(drawn)
    assert drawn.dataframe[0].value["sku"].tolist() == [f"P{number:03}" for number in range(50, 60)]
    drawn.button(key="products.first").click().run()
    assert drawn.dataframe[0].value["sku"].iloc[0] == "P000"
    assert "1–10 of 10" in text_of(empty.draw("products", q="p05"))


def test_products_are_shown_when_the_cache_is_away(
    open_dashboard: Callable[..., Dashboard], filled_url: str
) -> None:
    away = open_dashboard(filled_url, redis_url=f"redis://127.0.0.1:{free_port()}")
    assert len(charts_of(away.draw("products", sku="A"))) == 2


def test_products_says_which_of_its_last_days_are_not_final(
    filled: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Not final" not in text_of(filled.draw("products"))
    monkeypatch.setattr("catalog.state.late_words", lambda _: "3 Mar: about 40 events to come")
    said = text_of(filled.draw("products"))
    # below the list, and below the picture
    assert said.count("about 40 events to come") == 2

"""Counted figures on the pages of a chain of three currencies, two units a department and five zones, by pandas."""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa

from catalog.stock import list_stock
from dashboard.theme import unit_word
from etl import run_etl
from etl.check import check_all
from ingest.ledger.dimensions import put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.dashboard.conftest import Dashboard, text_of
from tests.dashboard.counted_chain import (
    GOODS,
    NOW,
    PLACES,
    Counted,
    locations,
    make,
    products,
    records,
)

# In Los Angeles the 24th is not over.
LAST, WEEK = date(2026, 10, 23), 7


@pytest.fixture(params=range(1, 1 + int(os.environ.get("FIGURES_CHAINS", "1"))))
def counted(
    request: pytest.FixtureRequest, empty: Dashboard, database: sa.Engine, tmp_path: Path
) -> Counted:
    chain, raws = make(request.param)
    with database.begin() as connection:
        put_products(connection, products())
        put_locations(connection, locations())
    outcomes = Recorder(database, Settings()).record("till", "", raws)
    assert {outcome.name for outcome in outcomes} == {"accepted"}
    lake = Lake(str(tmp_path / "lake"))
    run_etl(database, lake)
    assert check_all(database, lake).holds
    empty.reader = replace(empty.reader, clock=lambda: NOW)
    return chain


def money(amounts: Mapping[Any, float]) -> str:
    """Amounts as people write them: no cents from a thousand on."""
    return " + ".join(
        f"{code} {value:,.0f}" if abs(value) >= 1_000 else f"{code} {value:,.2f}"
        for code, value in sorted(amounts.items())
        if value
    )


def number(value: float) -> str:
    whole = abs(value) >= 10 or value == int(value)
    return f"{value:,.0f}" if whole else f"{value:,.1f}"


def assert_same(want: Any, got: Any) -> None:
    """Both unknown, or the same to the tenth that tables show."""
    assert pd.isna(want) == pd.isna(got)
    if pd.notna(want):
        assert got == pytest.approx(want, abs=0.051)


def drawn_data(drawn: Any, chart: int) -> pd.DataFrame:
    """The first table of numbers that a chart draws."""
    (data, *_) = drawn.get("vega_lite_chart")[chart].proto.datasets
    found: pd.DataFrame = pa.ipc.open_stream(data.data.data).read_all().to_pandas()
    return found


def test_overview_counts_what_pandas_counts(counted: Counted, empty: Dashboard) -> None:
    drawn = empty.draw("overview")
    values = {card.label: card.value for card in drawn.metric}
    lines, stock = counted.lines(), counted.stock()
    week = lines[(lines["day"] > LAST - timedelta(days=WEEK)) & (lines["day"] <= LAST)]
    assert values["Sales, last 7 days"] == money(week.groupby("code")["amount"].sum().to_dict())
    sold = week.groupby("unit")["sold"].sum()
    units = f"{number(sold['each'])} units", f"{number(sold['kg'])} kg"
    assert values["Units, last 7 days"] in (" + ".join(units), " + ".join(units[::-1]))
    known = stock[stock["on_hand"].notna()]
    worth: dict[str, float] = {}
    for row in records(known):
        code = PLACES[row.location][1]
        value = row.on_hand * counted.listed(row.product, row.location)
        worth[code] = worth.get(code, 0.0) + value
    assert values["Stock at selling price"] == money(worth)
    shelf_days, empty_days = counted.shelf_days(LAST, WEEK)
    said = text_of(drawn)
    assert f"Out of stock: {empty_days} of {shelf_days} known shelf-days." in said
    assert values["Out-of-stock rate"] == f"{empty_days / shelf_days:.1%}"
    assert "Last full day: 2026-10-23." in said
    below = int((stock["known"] & (stock["book"] < 0)).sum())
    assert f"**Book stock below zero at {below} places**" in said
    assert f"{len(known)} of {len(stock)} shelves with known stock" in said
    out = known[(known["on_hand"] == 0) & known["last_sale"].notna()]
    shown = re.search(r"\*\*(\d+) shel(?:f|ves) out of stock\*\*", said)
    assert (int(shown[1]) if shown else 0) == len(out)
    by_day = drawn_data(drawn, 0)
    net = lines.groupby("day")["net"].sum().clip(lower=0)
    drawn_days = {
        pd.Timestamp(row.ds).date(): row.y for row in records(by_day) if hasattr(row, "y")
    }
    for day in pd.date_range(min(net.index), LAST, freq="D").date:
        assert drawn_days[day] == pytest.approx(net.get(day, 0.0))


@pytest.mark.parametrize("sku", ["Mug", "Rice"])
def test_products_count_what_pandas_counts(counted: Counted, empty: Dashboard, sku: str) -> None:
    drawn = empty.draw("products", sku=sku)
    stock = counted.stock()
    listed = drawn.dataframe[0].value.set_index("sku")
    on_hand = stock.groupby("product")["on_hand"].sum(min_count=1)
    for product in GOODS:
        assert_same(on_hand[product], listed.loc[product, "on_hand"])
        empty_at = int((stock[stock["product"] == product]["on_hand"] == 0).sum())
        if pd.notna(on_hand[product]):
            assert listed.loc[product, "locations_out_of_stock"] == empty_at
        assert listed.loc[product, "unit"] == unit_word(GOODS[product][1])
    table = drawn.dataframe[1].value.set_index("location")
    for row in records(stock[stock["product"] == sku]):
        # a column without a number is left out
        got = table.loc[row.location, "on_hand"] if "on_hand" in table else None
        assert_same(row.on_hand, got)
        code, price = PLACES[row.location][1], counted.listed(sku, row.location)
        assert table.loc[row.location, "price"] == money({code: price})
    lines = counted.lines()
    sold = lines[lines["product"] == sku].groupby("day")["sold"].sum()
    bars = drawn_data(drawn, 0)
    shown = {pd.Timestamp(row.day).date(): row.sold for row in records(bars)}
    sold_by_day: dict[Any, float] = sold.to_dict()
    for day, value in sold_by_day.items():
        if day <= LAST:
            assert shown[day] == pytest.approx(value)


def test_trending_and_feeds_count_what_pandas_counts(counted: Counted, empty: Dashboard) -> None:
    lines = counted.lines()
    newest = lines["at"].max()
    # what is brought back was not sold
    weight = 0.5 ** ((newest - lines["at"]).dt.total_seconds() / 86_400)
    scores = (lines["net"] * weight).groupby(lines["product"]).sum()
    tables = [shown.value for shown in empty.draw("trending").dataframe if "rank" in shown.value]
    ranked = scores.sort_values(ascending=False).index
    # each unit by itself: kg never stand beside pieces
    for table in tables:
        (unit,) = table["unit"].unique()
        assert table["name"].tolist() == [
            name for name in ranked if unit_word(GOODS[name][1]) == unit
        ]
        for row in records(table):
            assert row.score == pytest.approx(scores[row.name], abs=0.51)
    assert sum(len(table) for table in tables) == len(scores)
    feed = empty.draw("feeds").dataframe[0].value.iloc[0]
    assert (feed["events"], feed["refused"]) == (len(counted.events), 0)
    heard = empty.draw("system").dataframe[1].value.iloc[0]
    assert (heard["accepted"], heard["duplicate"], heard["conflict"]) == (len(counted.events), 0, 0)


def test_stock_over_the_api_is_in_the_unit_and_currency_of_its_place(
    counted: Counted, database: sa.Engine
) -> None:
    stock = counted.stock().set_index(["product", "location"])
    rows = list_stock(database, limit=100)
    assert len(rows) == len(stock)
    for row in rows:
        want = stock.loc[(row["product"], row["location"])]
        assert row["book"] == pytest.approx(want["book"])
        assert (row["on_hand"] is None) == bool(pd.isna(want["on_hand"]))
        assert row["unit"] == GOODS[row["product"]][1]
        assert row["currency"] == PLACES[row["location"]][1]

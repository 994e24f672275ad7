"""Orders go by the level that sales have now: from the lake's word on the past to the line's sentence."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa
from deltalake import write_deltalake

from forecasting.forecast_result import Past
from forecasting.past_store import prune_past, read_past, write_past
from purchasing.desk.listing import list_lines
from purchasing.proposing.arrays import Future
from purchasing.proposing.prepare import Defaults
from purchasing.proposing.run import propose_today
from replenishment import level_from
from stocktide.entrypoints.ordering import futures_of
from stocktide.foundation.lake import Lake
from tests.conftest import Api
from tests.forecasting.lakes import DAILY, LOCATIONS, PRODUCTS, demand_row
from tests.forecasting.overriding.chain import KEYS, TODAY, two_shops
from tests.ingest.samples import raw
from tests.stocktide.entrypoints.test_overriding import FAIR, put

# Three weeks after the forecast was made A at S1 sells half of what it expects, B, of which nothing came, has an empty
# shelf, and A at S2 sells as expected.
EXPECTED, PASSED, HORIZON = np.array([6.0, 2.0, 3.0]), 21, 35
LATER = TODAY + timedelta(days=PASSED)
NOW = datetime.combine(LATER, time(12), UTC)


def past() -> Past:
    days = pd.date_range(TODAY - timedelta(days=28), periods=28)
    expected = np.repeat(EXPECTED[:, None], 28, axis=1)
    return Past(days, expected.copy(), np.zeros(expected.shape, dtype=np.bool_), expected)


def sell(lake: Lake) -> None:
    """Write the lake's tables: a week before the forecast as expected, then three weeks as they came."""
    rows = []
    for product, location, usual, now in ((1, 1, 6, 3), (2, 1, 2, 0), (1, 2, 3, 3)):
        for day in range(-7, PASSED):
            row = demand_row(product, location, 0, usual if day < 0 else now)
            gone = day >= 0 and not now
            told = {"day": TODAY + timedelta(days=day), "censored": gone}
            rows.append({**row, **told, "on_hand_milli": 0 if gone else 1_000})
    write_deltalake(lake.path("daily_demand"), pa.Table.from_pylist(rows, schema=DAILY))
    products = PRODUCTS.iloc[:2].assign(sku=["A", "B"])
    locations = LOCATIONS.iloc[:2].assign(timezone="UTC")
    for path, frame in ((lake.path("products"), products), (lake.path("locations"), locations)):
        write_deltalake(path, pa.Table.from_pandas(frame, preserve_index=False))


@pytest.fixture
def lake(api: Api, database: sa.Engine, tmp_path: Path) -> Lake:
    lake = Lake(str(tmp_path / "lake"))
    run = two_shops(api, database, lake, np.repeat(EXPECTED[:, None], HORIZON, axis=1))
    write_past(lake, run, KEYS, past())
    sell(lake)
    headers = {"Content-Type": "application/cloudevents+json"}
    for product, location in (("A", "S1"), ("B", "S1"), ("A", "S2")):
        told = {"product": product, "location": location, "quantity": 1}
        event = raw(kind="receipt", event_id=f"{product}{location}", **told)
        api.operate.post("/v1/events", content=event, headers=headers).raise_for_status()
    return lake


def futures(engine: sa.Engine, lake: Lake) -> dict[str, Future]:
    read = futures_of(engine, lake, today=LATER, now=NOW)
    return {one.location: one for one in read()[1]}


def test_what_a_run_says_of_the_past_comes_back_by_location(tmp_path: Path) -> None:
    lake, told = Lake(str(tmp_path)), past()
    write_past(lake, 3, KEYS.iloc[[2, 0, 1]].reset_index(drop=True), told)
    found = read_past(lake, 3, location="S1")
    assert found is not None
    keys, of = found
    assert keys["product"].tolist() == ["A", "B"]
    np.testing.assert_array_equal(of.expected, told.expected[[1, 2]])
    np.testing.assert_array_equal(of.empty, told.empty[[1, 2]])
    assert (of.days == told.days).all()
    assert read_past(lake, 4, location="S1") is None
    prune_past(lake, {4})
    assert read_past(lake, 3, location="S1") is None


def test_a_line_whose_sales_halved_orders_less_and_says_why(
    database: sa.Engine, lake: Lake
) -> None:
    def proposed() -> dict[tuple[str, str], dict[str, Any]]:
        propose_today(
            database,
            futures_of(database, lake, today=LATER, now=NOW),
            today=LATER,
            defaults=Defaults(lead_days=1),
            by="x",
        )
        with database.connect() as connection:
            lines = list_lines(connection).lines
        return {(line["product"], line["location"]): line for line in lines}

    moved = proposed()
    (run,) = {one.name for one in Path(lake.root, "past").iterdir()}
    Path(lake.root, "past", run).unlink()
    plain = proposed()
    assert moved.keys() == plain.keys()
    line, before = moved["A", "S1"], plain["A", "S1"]
    level = line["explanation"]["level"]
    assert 0.7 < level["factor"] < 0.95
    assert level_from(level) == pytest.approx(level["factor"])
    assert line["quantity"] < before["quantity"]
    mean = line["explanation"]["data"]["demand_mean"]
    was = before["explanation"]["data"]["demand_mean"]
    assert mean == pytest.approx(level["factor"] * was, rel=0.02)
    percent = round(100 * (1 - level["factor"]))
    assert line["explanation"]["sentence"].endswith(
        f"; the forecast is lowered by {percent} %, since 63 sold where {level['units_expected']:.0f} were expected of "
        "21 days after it was made"
    )
    # whose shelf was empty, and what sells as expected, order as before
    assert moved["A", "S2"]["quantity"] == plain["A", "S2"]["quantity"]
    assert (before["explanation"]["level"], plain["A", "S2"]["explanation"]["level"]) == (
        None,
        None,
    )


def test_overrides_stay_what_they_say(api: Api, database: sa.Engine, lake: Lake) -> None:
    plain = futures(database, lake)["S1"]
    day = {"from": str(LATER), "to": str(LATER)}
    factor = plain.levels["A"]["factor"]
    assert "B" not in plain.levels
    put(api, {**FAIR, "from": str(LATER), "to": str(LATER + timedelta(days=50))})
    raised = futures(database, lake)["S1"]
    assert raised.values[:, 0].mean() == pytest.approx(1.5 * plain.values[:, 0].mean(), rel=0.03)
    api.operate.delete("/v1/overrides/fair").raise_for_status()
    half = {**FAIR, **day, "id": "half", "change": "set", "value": 9}
    put(api, half)
    found = futures(database, lake)["S1"]
    published = EXPECTED[0]
    assert found.values[:, 0, 0].mean() == pytest.approx(9, rel=0.1), "not 9 times the level"
    assert np.array_equal(found.values[:, 0, 1:], plain.values[:, 0, 1:])
    api.operate.delete("/v1/overrides/half").raise_for_status()
    put(api, {**half, "change": "add", "value": 9})
    added = futures(database, lake)["S1"].values[:, 0, 0].mean()
    assert added == pytest.approx(published * factor + 9, rel=0.1)

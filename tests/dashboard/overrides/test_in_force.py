"""The forecast in force is one: whatever shows it moves with an override, by the same units, and goes back."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from catalog.forecasts import find_nodes
from catalog.frames import read_frame
from catalog.products import planned_products
from catalog.stock_outs import stock_out_chances
from dashboard.forecasts.inside import read_leaves
from dashboard.forecasts.node_picture import draw_node
from dashboard.overridden import read_forecast
from etl import run_etl
from stocktide.foundation.lake import Lake
from tests.catalog.shops import eventually, send
from tests.conftest import Api
from tests.dashboard.conftest import Dashboard, charts_of, text_of
from tests.forecasting.overriding.chain import TODAY, two_shops

DAYS, WEEK = 8, 7
LEAVES = np.array([[2.0, 4.0] * 4, [1.0] * DAYS, [3.0] * DAYS])
A1, B1, A2 = np.eye(3)
SPAN = {"from": str(TODAY), "to": str(TODAY + timedelta(days=DAYS - 1)), "reason": "weather"}
OVERRIDES: dict[str, dict[str, Any]] = {
    "leaf": {"product": "A", "location": "S1", "change": "percent", "value": 50.0, **SPAN},
    "category": {"category": "Bread", "change": "add", "value": 8.0, **SPAN},
}
MOVED = LEAVES * [[1.5], [2.0], [1.0]]

# Statements that read the published forecast alone: of what models and versions are judged by, and what makes it.
PUBLISHED_ALONE = {
    "catalog/accuracy_days", "catalog/accuracy_items", "catalog/surprises", "forecasting/nodes_of_day",
    "catalog/disagreements", "catalog/models", "catalog/node_components", "forecasting/published_units",
    "forecasting/override_means", "forecasting/override_periods", "forecasting/override_quantiles",
    "forecasting/judged_days", "purchasing/desk/forecast_changes",
    "catalog/freshness", "catalog/node_paths", "catalog/node_forecast",
}  # fmt: skip
READS = re.compile(r"(?:FROM|JOIN)\s+forecasts\b")


@pytest.fixture
def desk(api: Api, database: sa.Engine, before_api: Dashboard, tmp_path: Path) -> Dashboard:
    """Two shops with sales, stock and a forecast of eight days; 22 of A are at S1."""
    lake = Lake(str(tmp_path / "lake"))
    two_shops(api, database, lake, LEAVES)
    send(
        api,
        ("receipt", "r1", 60, {"quantity": 25}),
        ("sale", "s1", 30, {"quantity": 3}),
        ("sale", "s2", 30, {"product": "B", "quantity": 1}),
    )
    run_etl(database, lake)
    return before_api


def total(frame: pd.DataFrame) -> float:
    return float(frame["yhat"].sum())


def figures(desk: Dashboard, api: Api) -> dict[str, tuple[float, Any]]:
    """Every reader of the forecast in force: its figure, and the leaves that it adds up."""
    engine, every = desk.reader.engine, np.ones(3)
    (root,), (leaf,) = (
        find_nodes(engine, keys=keys) for keys in ({}, {"location": "S1", "product": "A"})
    )
    listed = {
        row["sku"]: row
        for row in planned_products(
            engine, through=TODAY - timedelta(days=1), days=7, location="S1"
        )
    }
    (shop,) = find_nodes(engine, keys={"location": "S1"})
    inside = read_leaves(desk.reader, shop, []).set_index("sku")["total"]
    sums = "SELECT sum(forecast) AS units FROM forecasts WHERE level = 'total'"
    asked = api.read.post("/v1/query", json={"statement": sums}).raise_for_status().json()
    report = (
        api.read.get("/v1/reports/forecast_items", params={"location": "S1"})
        .raise_for_status()
        .json()
    )
    names = [column["name"] for column in report["columns"]]
    (of_b,) = (dict(zip(names, row, strict=True)) for row in report["rows"] if "B" in row)
    (again,) = api.read.get("/v1/forecasts").json()["nodes"]
    product = api.read.get("/v1/products/A").json()["forecast"]
    return {
        "root": (root["adjusted_total"], every),
        "route of forecasts": (again["adjusted_total"], every),
        "chart of the root": (
            total(read_forecast(engine, [root["node_id"]], is_adjusted=root["is_adjusted"])),
            every,
        ),
        "chart of a leaf": (
            total(read_forecast(engine, [leaf["node_id"]], is_adjusted=leaf["is_adjusted"])),
            A1,
        ),
        "inside a shop": (inside["B"], B1),
        "products of a shop": (listed["A"]["forecast"], A1),
        "route of a product": (sum(day["yhat"] for day in product), A1 + A2),
        "console": (asked["rows"][0][0], every),
        "report": (of_b["units"], B1),
    }


def chance(desk: Dashboard) -> float:
    (found,) = stock_out_chances(desk.reader.engine, ["A"], ["S1"], [WEEK], now=datetime.now(UTC))
    assert found is not None
    return found


def check(desk: Dashboard, api: Api, leaves: Any) -> None:
    """Every figure is the sum of its leaves."""
    # readers that cache are told of the change
    eventually(
        lambda: sum(day["yhat"] for day in api.read.get("/v1/products/A").json()["forecast"]),
        float(((A1 + A2) @ leaves).sum()),
    )
    for name, (found, of) in figures(desk, api).items():
        assert found == pytest.approx((of @ leaves).sum()), name


def test_all_figures_and_pages_move_with_an_override_and_go_back(desk: Dashboard, api: Api) -> None:
    check(desk, api, LEAVES)
    assert read_frame(desk.reader.engine, "running_out", now=datetime.now(UTC)).empty
    before = chance(desk)
    for name, override in OVERRIDES.items():
        body = {"overrides": [{"id": name, **override}]}
        api.operate.put("/v1/overrides", json=body).raise_for_status()
    check(desk, api, MOVED)
    assert before < chance(desk) < 1
    pages(desk, units=int(MOVED.sum()), week=float(MOVED[0, :WEEK].sum()))
    for name in OVERRIDES:
        api.operate.delete(f"/v1/overrides/{name}").raise_for_status()
    check(desk, api, LEAVES)
    assert chance(desk) == before


def pages(desk: Dashboard, *, units: int, week: float) -> None:
    """Pages show the figures, and say that overrides are in them."""
    assert f"{units} units" in draw_node(desk.reader.engine, "total").title
    overview = desk.draw("overview")
    assert f"{units} units expected" in charts_of(overview)[-1]
    assert f"against {int(LEAVES.sum())} as published" in text_of(overview)
    assert f"22 left, {week:.0f} expected" in text_of(overview)
    risk = desk.draw("risk")
    assert risk.dataframe[0].value["week"].tolist() == [week]
    assert "Overrides are in the forecast of 1 of 1 shelf listed." in text_of(risk)
    products = desk.draw("products", sku="A", store="S1")
    listed = products.dataframe[0].value.set_index("sku")["forecast"]
    assert listed.to_dict() == {"A": MOVED[0].sum(), "B": MOVED[1].sum()}
    assert "Overrides are in the forecast of 2 of 2 products listed." in text_of(products)
    assert "forecast with overrides" in charts_of(products)[0]
    assert f"{int(MOVED[0].sum())} units expected" in charts_of(products)[0]


def test_statements_read_the_forecast_in_force_unless_they_judge_what_was_published() -> None:
    root = Path(str(__import__("sql").__path__[0]))
    read = {
        str(path.relative_to(root).with_suffix("")): re.sub(r"--.*", "", path.read_text("utf-8"))
        for path in root.rglob("*.sql")
        if path.parts[-2] != "migrations" and path.name != "schema.sql"
    }
    of_views = {"reports/forecast_items"}
    assert {name for name, text in read.items() if READS.search(text)} - of_views == PUBLISHED_ALONE

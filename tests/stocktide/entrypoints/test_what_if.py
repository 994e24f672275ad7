"""What if over the API: compared, saved, shared and applied."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from forecasting.forecast_result import Past
from forecasting.past_store import write_past
from forecasting.path_store import read_lineage
from purchasing.desk.listing import list_lines
from purchasing.proposing.facts import read_facts
from purchasing.proposing.prepare import Defaults
from purchasing.proposing.run import propose_today
from purchasing.whatif.scenario import Scenario, Scope
from stocktide.entrypoints.applying import check_scope
from stocktide.entrypoints.comparing import plans_of
from stocktide.entrypoints.ordering import futures_of
from stocktide.foundation.errors import Invalid
from stocktide.foundation.lake import Lake
from tests.conftest import Api
from tests.forecasting.overriding.chain import DAYS, KEYS, MEAN, SPAN, TODAY, two_shops
from tests.ingest.samples import raw
from tests.stocktide.entrypoints.test_api import check_problem

PAST_DAYS = 56
LINE = {"product": "A", "location": "S1"}
MORE = {"name": "More", "demand_percent": 50.0}
SAFE = {"name": "Safe", "fill_rate": 0.999}


@pytest.fixture
def chain(api: Api, database: sa.Engine, tmp_path: Path) -> Api:
    """Two shops with 6 of each product; the mill sells A and takes orders every day, the dairy sells it, too."""
    two_shops(api, database, Lake(str(tmp_path / "lake")))
    sold = [{"sku": "A", "category": "Fruit", "price": "3", "currency": "EUR"}]
    api.operate.put("/v1/products", json={"products": sold}).raise_for_status()
    terms: dict[str, list[dict[str, Any]]] = {
        "suppliers": [{"supplier": "mill", "lead_days": 1}, {"supplier": "dairy", "lead_days": 3}],
        "supplier-products": [
            {"supplier": "mill", "product": "A", "price": "1.50", "currency": "EUR"},
            {"supplier": "dairy", "product": "A", "price": "1.20", "currency": "EUR", "rank": 2},
        ],
    }
    for kind, rows in terms.items():
        put(api, kind, rows)
    headers = {"Content-Type": "application/cloudevents+json"}
    for product, location in (("A", "S1"), ("B", "S1"), ("A", "S2")):
        name = f"{product}{location}"
        told = {"product": product, "location": location, "quantity": 6}
        event = raw(kind="receipt", event_id=name, **told)
        api.operate.post("/v1/events", content=event, headers=headers).raise_for_status()
    return api


def sold_more() -> Past:
    """Return a past in which all sold half as much again as was expected, with ups and downs."""
    days = pd.date_range(TODAY - timedelta(days=PAST_DAYS), periods=PAST_DAYS)
    expected = np.repeat(MEAN.mean(axis=1)[:, None], PAST_DAYS, axis=1)
    sold = np.random.default_rng(4).poisson(1.5 * expected).astype(float)
    return Past(days, sold, np.zeros(sold.shape, dtype=np.bool_), expected)


def put(api: Api, kind: str, rows: list[dict[str, Any]]) -> None:
    body = {kind.replace("-", "_"): rows}
    api.operate.put(f"/v1/terms/{kind}", json=body).raise_for_status()


def lead_times(engine: sa.Engine, supplier: str, shares: list[float]) -> None:
    """Lead times of a supplier as they were learnt: random, so that each path has its own."""
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO lead_times (supplier, shares, lines, lake_version) VALUES (:supplier, :shares, 9, 1)"
            ),
            {"supplier": supplier, "shares": shares},
        )


def compared(api: Api, *scenarios: dict[str, Any], **scope: str) -> dict[str, dict[str, Any]]:
    answer = api.operate.post("/v1/what-if", json={"scope": scope, "scenarios": list(scenarios)})
    answer.raise_for_status()
    return {one["name"]: one for one in answer.json()["scenarios"]}


def test_scenarios_stand_beside_what_is(chain: Api) -> None:
    late = {"name": "Late", "lead_days": 3}
    found = compared(chain, MORE, SAFE, late, **LINE)
    now = found["As it is"]
    assert now["demand"] == pytest.approx(12, rel=0.1)
    assert found["More"]["demand"] == pytest.approx(1.5 * now["demand"])
    assert found["More"]["ordered_units"] > now["ordered_units"]
    assert found["Safe"]["stock_units"] > now["stock_units"]
    assert found["Safe"]["fill_rate"] >= now["fill_rate"]
    assert found["Late"]["fill_rate"] <= now["fill_rate"]
    assert now["cost"] == pytest.approx(now["holding_cost"] + now["missed_cost"])
    assert len(now["stock"]) == DAYS
    assert all(low <= mid <= high for low, mid, high in now["stock"])


# Terms of a whole order, and what makes lines differ: each for itself, then all together.
TERMS: dict[str, dict[str, list[dict[str, Any]]]] = {
    "lines alone": {},
    "minimum": {"suppliers": [{"supplier": "mill", "lead_days": 1, "minimum_value": "60", "currency": "EUR"}]},
    "price break": {
        "price-breaks": [{"supplier": "mill", "product": "A", "from_quantity": 10, "price": "0.90"}]
    },
    "truck": {
        "suppliers": [{"supplier": "mill", "lead_days": 1, "truck_units": 20, "order_cost": "4", "currency": "EUR"}]
    },
    "budget": {
        "suppliers": [{"supplier": "mill", "lead_days": 1, "buyer": "anna"}],
        "buyer-budgets": [{"buyer": "anna", "amount": "9", "currency": "EUR", **SPAN}],
    },
    "goal of all": {
        "service-targets": [{"location": "S1", "measure": "total_fill_rate", "target": 0.9}]
    },
    "goods in": {"receiving-limits": [{"location": "S1", "units_a_day": 3}]},
    "classes": {
        "service-targets": [
            {"abc": "A", "measure": "fill_rate", "target": 0.99},
            {"abc": "C", "measure": "cycle_service", "target": 0.8},
        ]
    },
    "least cost and shelf life": {
        "service-targets": [{"location": "S2", "measure": "least_cost"}],
        "shelf-limits": [{"product": "A", "shelf_life_days": 2}],
    },
}  # fmt: skip
TERMS["all"] = {
    "suppliers": [
        {k: v for told in TERMS.values() for k, v in told.get("suppliers", [{}])[0].items()}
    ],
    **{
        kind: [row for told in TERMS.values() for row in told.get(kind, [])]
        for kind in (
            "price-breaks",
            "buyer-budgets",
            "shelf-limits",
            "service-targets",
            "receiving-limits",
        )
    },
}


@pytest.mark.parametrize("told", TERMS.values(), ids=TERMS)
def test_what_is_orders_what_the_desk_proposes_today_to_the_unit(
    chain: Api, database: sa.Engine, tmp_path: Path, told: dict[str, list[dict[str, Any]]]
) -> None:
    """Of one line as of all: what a line shares with others outside the scope counts."""
    lead_times(database, "mill", [0.5, 0.25, 0.25])
    lake = Lake(str(tmp_path / "lake"))
    # at the level and the spread that sales have now
    write_past(lake, read_lineage(lake).forecast_run_id, KEYS, sold_more())
    for kind, rows in told.items():
        put(chain, kind, rows)
    now = {
        place: compared(chain, MORE, location=place, product="A")["As it is"]
        for place in ("S1", "S2")
    }
    whole = compared(chain, MORE, product="A")["As it is"]
    propose_today(
        database, futures_of(database, lake, today=TODAY), today=TODAY, defaults=Defaults(), by="x"
    )
    with database.connect() as connection:
        lines = {
            line["location"]: line["quantity"]
            for line in list_lines(connection).lines
            if line["product"] == "A"
        }
    assert {place: one["today_units"] for place, one in now.items()} == {
        place: lines.get(place, 0) for place in now
    }
    assert (whole["today_units"], whole["today_lines"]) == (sum(lines.values()), len(lines))


def test_terms_of_a_whole_order_move_what_is_ordered_today_and_say_what_waits(chain: Api) -> None:
    alone = compared(chain, MORE, **LINE)["As it is"]
    put(
        chain,
        "suppliers",
        [{"supplier": "mill", "lead_days": 1, "minimum_value": "9000", "currency": "EUR"}],
    )
    found = compared(chain, MORE, {"name": "Dairy", "supplier": "dairy"}, **LINE)
    assert alone["today_units"] > 0 == found["As it is"]["today_units"]
    assert "mill takes orders from EUR 9,000 on" in found["As it is"]["waiting"][0]
    assert found["Dairy"]["today_units"] > 0
    assert found["Dairy"]["waiting"] == []


def test_shops_of_a_warehouse_get_what_it_has_and_pay_nothing(
    chain: Api, database: sa.Engine, tmp_path: Path
) -> None:
    chain.operate.put("/v1/locations", json={"locations": [{"code": "WH"}]}).raise_for_status()
    put(chain, "suppliers", [{"supplier": "depot", "location": "WH", "lead_days": 1}])
    put(chain, "supplier-products", [{"supplier": "depot", "product": "A", "pack": 2}])
    headers = {"Content-Type": "application/cloudevents+json"}
    for product, quantity, kind in (("A", 2, "receipt"), ("A", 5, "sale")):
        place = "WH" if kind == "receipt" else "S2"
        event = raw(kind=kind, event_id=kind, product=product, location=place, quantity=quantity)
        chain.operate.post("/v1/events", content=event, headers=headers).raise_for_status()
    found = compared(chain, {"name": "Mill", "supplier": "mill"}, product="A")
    now = found["As it is"]
    propose_today(
        database,
        futures_of(database, Lake(str(tmp_path / "lake")), today=TODAY),
        today=TODAY,
        defaults=Defaults(),
        by="x",
    )
    with database.connect() as connection:
        lines = [one for one in list_lines(connection).lines if one["source"] == "WH"]
    assert now["today_units"] == sum(line["quantity"] for line in lines) == 2
    assert now["spent"] == 0 < found["Mill"]["spent"]
    assert now["notes"] == ["WH sends today what it has, and after today all that shops order"]
    assert found["Mill"]["notes"] == []


def test_an_order_is_filled_with_a_warehouses_lines_and_without_sleeping_ones(
    chain: Api, database: sa.Engine, tmp_path: Path
) -> None:
    """B is bought from the mill by shops, A by the warehouse: the mill's least order is of both."""
    chain.operate.put("/v1/locations", json={"locations": [{"code": "WH"}]}).raise_for_status()
    put(chain, "suppliers", [{"supplier": "depot", "location": "WH", "lead_days": 1}])
    put(chain, "supplier-products", [{"supplier": "depot", "product": "A", "pack": 2}])
    sold = {"supplier": "mill", "product": "B", "price": "1", "currency": "EUR", "pack": 4}
    put(chain, "supplier-products", [sold])
    headers = {"Content-Type": "application/cloudevents+json"}
    gone = raw(kind="sale", event_id="gone", product="B", location="S1", quantity=6)
    chain.operate.post("/v1/events", content=gone, headers=headers).raise_for_status()
    futures = futures_of(database, Lake(str(tmp_path / "lake")), today=TODAY)

    def run() -> dict[tuple[str, str], dict[str, Any]]:
        propose_today(database, futures, today=TODAY, defaults=Defaults(), by="x")
        with database.connect() as connection:
            lines = list_lines(connection).lines
        return {(line["product"], line["location"]): line for line in lines}

    plain = run()
    b, a = plain["B", "S1"]["quantity"], plain["A", "WH"]["quantity"]
    put(chain, "suppliers", [{"supplier": "mill", "lead_days": 1, "minimum_units": a + b}])
    assert run()["B", "S1"]["quantity"] == b
    assert compared(chain, MORE, product="B")["As it is"]["today_units"] == b
    sleeping = plain["A", "WH"]
    snooze = {
        "line": sleeping["line_id"],
        "seen": run()["A", "WH"]["version"],
        "action": "snooze",
        "until": str(TODAY + timedelta(days=9)),
    }
    chain.operate.post("/v1/orders", json={"decisions": [snooze]}).raise_for_status()
    # alone B is too little for the mill, and waits
    assert ("B", "S1") not in run()
    now = compared(chain, MORE, product="B")["As it is"]
    assert now["today_units"] == 0
    assert any(why.startswith("mill takes orders from ") for why in now["waiting"])


def test_a_scenario_that_changes_nothing_says_so(chain: Api) -> None:
    found = compared(chain, {"name": "Same", "supplier": "mill"}, **LINE)
    assert found["Same"]["notes"] == ["changes no figure of these lines"]
    body = {"scope": LINE, "scenarios": [{"name": "as it  IS", "fill_rate": 0.9}]}
    check_problem(chain.operate.post("/v1/what-if", json=body), 400, "bad_scenarios")


def test_another_supplier_is_taken_with_its_terms(chain: Api) -> None:
    found = compared(chain, {"name": "Dairy", "supplier": "dairy"}, **LINE)
    now, dairy = found["As it is"], found["Dairy"]
    assert dairy["spent"] / max(dairy["ordered_units"], 1) == pytest.approx(1.2)
    assert now["spent"] / now["ordered_units"] == pytest.approx(1.5)
    asked = {"scope": LINE, "scenarios": [{"name": "x", "supplier": "nobody"}]}
    check_problem(chain.operate.post("/v1/what-if", json=asked), 400, "not_sold")


def test_what_no_rate_turns_into_one_currency_is_refused_or_named(chain: Api) -> None:
    offer = {"supplier": "dairy", "product": "A", "price": "1000", "currency": "USD"}
    put(chain, "supplier-products", [{**offer, "rank": 2}])
    asked = {"scope": LINE, "scenarios": [{"name": "Dairy", "supplier": "dairy"}]}
    refused = chain.operate.post("/v1/what-if", json=asked)
    check_problem(refused, 400, "no_rate")
    assert (
        "the price of 1 line is in USD, and no rate of USD in EUR is known"
        in refused.json()["detail"]
    )
    assert compared(chain, MORE, **LINE)["More"]["not_counted"] == []
    put(
        chain,
        "supplier-products",
        [{**offer, "rank": 1}, {"supplier": "mill", "product": "A", "rank": 2}],
    )
    (said,) = compared(chain, MORE, **LINE)["More"]["not_counted"]
    assert said.startswith("the price of 1 line is in USD, and no rate")
    rate = {"base": "USD", "quote": "EUR", "day": "2020-01-01", "rate": "0.5"}
    ingest = chain.ingest.put("/v1/rates", json={"rates": [rate]})
    ingest.raise_for_status()
    found = compared(chain, MORE, **LINE)["More"]
    assert found["not_counted"] == []
    assert found["spent"] == pytest.approx(500 * found["ordered_units"])


WRONG: list[tuple[dict[str, Any], list[dict[str, Any]], int, str]] = [
    ({}, [MORE], 400, "bad_scope"),
    (LINE, [], 400, "bad_scenarios"),
    (LINE, [MORE, MORE], 400, "bad_scenarios"),
    (LINE, [{"name": "x"}], 400, "bad_scenario"),
    (LINE, [{"name": "x", "fill_rate": 97}], 400, "bad_share"),
    (LINE, [{"name": "x", "demand_percent": -101}], 400, "bad_percent"),
    ({"product": "Z"}, [MORE], 404, "nothing_reached"),
]


def test_what_makes_no_sense_is_refused(chain: Api) -> None:
    for scope, scenarios, status, code in WRONG:
        asked = {"scope": scope, "scenarios": scenarios}
        check_problem(chain.operate.post("/v1/what-if", json=asked), status, code)


def test_comparison_is_saved_shared_and_applied_once(chain: Api) -> None:
    asked = {"scope": LINE, "scenarios": [MORE, SAFE], "name": "Summer", "user": "anna"}
    saved = chain.operate.post("/v1/what-if/saved", json=asked)
    assert saved.status_code == 201
    path = f"/v1/what-if/saved/{saved.json()['what_if_id']}"
    kept = chain.read.get(path).json()
    assert kept["answer"]["scenarios"] == saved.json()["scenarios"]
    assert (kept["name"], kept["owner"]) == ("Summer", "anna (key test operate)")
    applied = chain.operate.post(f"{path}/apply", json={"scenario": "More", "user": "ben"}).json()
    (override,) = chain.read.get("/v1/overrides").json()["overrides"]
    assert override["note"] == "What-if Summer: More"
    assert override["recorded_by"] == "ben (key test operate)"
    assert applied["wrote"]["overrides"][0]["value"] == 50
    (total,) = chain.read.get("/v1/forecasts", params=LINE).json()["nodes"]
    assert total["adjusted_total"] == pytest.approx(1.5 * total["total"])
    again = chain.operate.post(f"{path}/apply", json={"scenario": "More"})
    check_problem(again, 409, "what_if_applied")
    changed = chain.operate.post(f"{path}/apply", json={"scenario": "Safe"})
    check_problem(changed, 409, "what_if_changed")
    assert changed.json()["changed"] == ["1 of the overrides changed"]
    anyway = {"scenario": "Safe", "anyway": True}
    chain.operate.post(f"{path}/apply", json=anyway).raise_for_status()
    (target,) = chain.read.get("/v1/terms/service-targets").json()["service_targets"]
    assert (target["product"], target["location"], target["target"]) == ("A", "S1", 0.999)
    check_problem(chain.operate.delete(path), 409, "what_if_applied")
    (listed,) = chain.read.get("/v1/what-if/saved").json()["saved"]
    assert [one["scenario"] for one in listed["applied"]] == ["More", "Safe"]


def test_supplier_and_lead_time_are_applied_as_terms(chain: Api) -> None:
    def apply(scope: dict[str, str], scenario: dict[str, Any]) -> Any:
        asked = {"scope": scope, "scenarios": [{"name": "x", **scenario}]}
        number = chain.operate.post("/v1/what-if/saved", json=asked).json()["what_if_id"]
        return chain.operate.post(f"/v1/what-if/saved/{number}/apply", json={"scenario": "x"})

    apply({"product": "A"}, {"supplier": "dairy"}).raise_for_status()
    offers = chain.read.get("/v1/terms/supplier-products").json()["supplier_products"]
    assert {(row["supplier"], row["rank"]) for row in offers} == {("dairy", 1), ("mill", 2)}
    apply({"supplier": "dairy"}, {"lead_days": 2}).raise_for_status()
    suppliers = chain.read.get("/v1/terms/suppliers", params={"supplier": "dairy"}).json()
    assert [row["lead_days"] for row in suppliers["suppliers"]] == [2]
    check_problem(apply({"supplier": "dairy"}, {"demand_percent": 10}), 400, "bad_scope")
    assert chain.read.get("/v1/overrides").json()["overrides"] == [], "all or nothing"


def test_scenario_that_was_applied_under_another_name_asks_again(chain: Api) -> None:
    asked = {"scope": LINE, "scenarios": [MORE], "name": "n1", "user": "anna"}
    for name in ("n1", "n2"):
        number = chain.operate.post("/v1/what-if/saved", json={**asked, "name": name}).json()
        path = f"/v1/what-if/saved/{number['what_if_id']}/apply"
        answer = chain.operate.post(path, json={"scenario": "More", "user": "anna"})
    check_problem(answer, 409, "what_if_changed")
    (why,) = answer.json()["changed"]
    assert why.startswith("the same was applied by anna (key test operate) on ")
    assert len(chain.read.get("/v1/overrides").json()["overrides"]) == 1


def test_scenario_of_a_suppliers_lines_is_applied_to_no_others(chain: Api) -> None:
    mine = {"supplier": "mill", "location": "S1"}
    with pytest.raises(Invalid, match="A plan is of products or shops"):
        check_scope(Scope(**mine), Scenario(name="x", discount=0.2))
    for told in ({"fill_rate": 0.97}, {"demand_percent": 50}):
        asked = {"scope": mine, "scenarios": [{"name": "x", **told}]}
        saved = chain.operate.post("/v1/what-if/saved", json=asked)
        number = saved.raise_for_status().json()["what_if_id"]
        apply = f"/v1/what-if/saved/{number}/apply"
        check_problem(chain.operate.post(apply, json={"scenario": "x"}), 400, "bad_scope")
    put(chain, "supplier-products", [{"supplier": "dairy", "product": "B", "price": "1"}])
    asked = {"scope": {"supplier": "mill"}, "scenarios": [{"name": "x", "supplier": "dairy"}]}
    number = chain.operate.post("/v1/what-if/saved", json=asked).json()["what_if_id"]
    wrote = chain.operate.post(f"/v1/what-if/saved/{number}/apply", json={"scenario": "x"}).json()
    assert {row["product"] for row in wrote["wrote"]["supplier-products"]} == {"A"}


def test_price_and_promotion_become_plans(chain: Api) -> None:
    with chain.engine.connect() as connection:
        facts = read_facts(connection, today=TODAY)
    both = Scenario(name="x", price_percent=-10, discount=0.2)
    plans = plans_of(facts, Scope(category="Fruit"), both, TODAY, TODAY)
    assert [(plan.location, plan.price) for plan in plans["prices"]] == [
        ("S1", "2.7000"),
        ("S2", "2.7000"),
    ]
    (promotion,) = plans["promotions"]
    assert (promotion.category, promotion.discount, promotion.to) == ("Fruit", 0.2, TODAY)
    with pytest.raises(Invalid, match="not of a supplier"):
        plans_of(facts, Scope(supplier="mill"), both, TODAY, TODAY)

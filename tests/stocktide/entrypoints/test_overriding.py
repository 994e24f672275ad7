"""Overrides over the API and the command line: recorded, previewed, read beside the forecast, and ordered by."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from forecasting.publishing.publish import publish
from forecasting.structure.hierarchy import build_hierarchy
from purchasing.proposing.arrays import Future
from purchasing.proposing.telling_lines import overrides_in
from stocktide.entrypoints.cli.main import cli
from stocktide.entrypoints.ordering import futures_of
from stocktide.foundation.lake import Lake
from tests.conftest import Api
from tests.forecasting.overriding.chain import DAYS, KEYS, MEAN, PATHS, SPAN, TODAY, two_shops
from tests.forecasting.publications import publication
from tests.stocktide.entrypoints.test_api import check_problem

FAIR: dict[str, Any] = {"id": "fair", "category": "Fruit", "location": "S1", "change": "percent", "value": 50.0, **SPAN,
        "reason": "local_event", "note": "Town fair"}  # fmt: skip


@pytest.fixture
def chain(api: Api, database: sa.Engine, tmp_path: Path) -> Api:
    """Two shops, A and B; the forecast begins today, and its paths lie in the lake."""
    two_shops(api, database, Lake(str(tmp_path / "lake")))
    return api


def put(api: Api, *overrides: dict[str, Any]) -> dict[str, Any]:
    answer = api.operate.put("/v1/overrides", json={"overrides": list(overrides), "user": "anna"})
    answer.raise_for_status()
    counts: dict[str, Any] = answer.json()
    return counts


def of_node(api: Api, **asked: Any) -> dict[str, Any]:
    found: dict[str, Any] = api.read.get("/v1/forecasts", params=asked).json()
    return found


def futures(engine: sa.Engine, lake: str) -> dict[str, Future]:
    _, found = futures_of(engine, Lake(lake), today=TODAY)()
    return {one.location: one for one in found}


def test_override_is_recorded_read_beside_the_forecast_and_withdrawn(chain: Api) -> None:
    before = of_node(chain, location="S1", product="A")
    assert [day["adjusted"] for day in before["days"]] == [None] * DAYS
    assert put(chain, FAIR) == {
        "recorded": 1,
        "changed": 0,
        "unchanged": 0,
        "warnings": [],
    }
    assert put(chain, FAIR)["unchanged"] == 1
    (row,) = chain.read.get("/v1/overrides").json()["overrides"]
    assert FAIR.items() <= row.items()
    assert row["recorded_by"] == "anna (key test operate)"
    now = of_node(chain, location="S1", product="A")
    assert [(day["yhat"], day["adjusted"]["yhat"]) for day in now["days"]] == [(2, 3), (4, 6)] * 2
    assert now["days"][0]["adjusted"]["q90"] == pytest.approx(1.5 * now["days"][0]["q90"])
    (total,) = of_node(chain)["nodes"]
    assert (total["total"], total["adjusted_total"]) == (28, 34)
    assert of_node(chain, location="S2", product="A")["days"][0]["adjusted"] is None
    assert chain.operate.delete("/v1/overrides/fair").json() == {"withdrawn": "fair"}
    assert of_node(chain, location="S1", product="A") == before
    (gone,) = chain.read.get("/v1/overrides", params={"history": True}).json()["overrides"]
    assert gone["withdrawn_by"] == "key test operate"


def test_override_that_changes_nothing_is_recorded_with_a_warning(chain: Api) -> None:
    chain.operate.put("/v1/products", json={"products": [{"sku": "N"}]}).raise_for_status()
    own = {"change": "set", "value": 50.0, "reason": "assortment"}
    idle: dict[str, dict[str, Any]] = {
        "the published forecast has no item that it is for": {"product": "N", **SPAN},
        "its days are over": {"product": "A", "from": "2020-01-01", "to": "2020-01-02"},
        "it expires on": {
            "product": "A",
            "from": "2090-01-01",
            "to": "2090-01-02",
            "expires_on": str(TODAY),
        },
        "it counts once one reaches its days": {
            "product": "A",
            "from": "2090-01-01",
            "to": "2090-01-02",
        },
    }
    answer = put(chain, *({**own, **one} for one in idle.values()))
    assert answer["recorded"] == 4
    assert [
        why for why, said in zip(idle, answer["warnings"], strict=True) if why not in said
    ] == []
    assert "Override of product N, " in answer["warnings"][0]
    (both,) = put(chain, {**own, "location": "S2", "region": "North", **SPAN})["warnings"][:1]
    assert (
        both
        == "overrides[0] reaches nothing: there is nothing in location 'S2', region 'North' together."
    )


def test_orders_see_the_forecast_with_overrides_and_say_which(
    chain: Api, database: sa.Engine, tmp_path: Path
) -> None:
    lake = str(tmp_path / "lake")
    plain = futures(database, lake)
    put(chain, FAIR)
    put(
        chain,
        {**FAIR, "id": "later", "location": "S2", "from": SPAN["to"], "change": "set", "value": 0},
    )
    moved = futures(database, lake)
    apples = moved["S1"].values[:, 0]
    assert (np.abs(apples - 1.5 * plain["S1"].values[:, 0]) < 1).all()
    assert (apples == np.rint(apples)).all()
    assert np.array_equal(moved["S1"].values[:, 1], plain["S1"].values[:, 1])
    assert moved["S2"].values[:, 0, -1].tolist() == [0.0] * PATHS
    assert np.array_equal(moved["S2"].values[:, :, :-1], plain["S2"].values[:, :, :-1])
    assert overrides_in(moved["S1"], "B", DAYS) == []
    (why,) = overrides_in(moved["S1"], "A", 1)
    assert why == {"override": "fair", "change": "percent", "value": 50.0, "reason": "local_event",
                   "note": "Town fair", "by": "anna (key test operate)", **SPAN}  # fmt: skip
    assert overrides_in(moved["S2"], "A", DAYS - 1) == [], (
        "it begins after the last day that is ordered for"
    )
    for name in ("fair", "later"):
        chain.operate.delete(f"/v1/overrides/{name}").raise_for_status()
    assert all(
        np.array_equal(one.values, plain[name].values)
        for name, one in futures(database, lake).items()
    )


def test_preview_records_nothing(chain: Api) -> None:
    shown = chain.operate.post("/v1/overrides/preview", json={"overrides": [FAIR]}).json()
    assert (shown["published"], shown["adjusted"], shown["items"], shown["node_id"]) == (
        12,
        18,
        1,
        None,
    )
    of_shop = {**FAIR, "category": None, "change": "set", "value": 32}
    shown = chain.operate.post("/v1/overrides/preview", json={"overrides": [of_shop]}).json()
    assert (shown["published"], shown["adjusted"], shown["items"]) == (16, 32, 2)
    first = shown["days"][0]
    assert first["adjusted_q90"] == pytest.approx(first["q90"] * 2)
    assert chain.read.get("/v1/overrides").json()["overrides"] == []
    nowhere = {**FAIR, "category": "Bread", "location": "S2"}
    answer = chain.operate.post("/v1/overrides/preview", json={"overrides": [nowhere]})
    check_problem(answer, 404, "nothing_reached")


WRONG: list[tuple[dict[str, Any], int, str, str]] = [
    ({"value": -101}, 400, "bad_value", "-101 is not from -100 to 900 per cent"),
    ({"change": "set", "value": -1}, 400, "bad_value", "nobody sells fewer than 0"),
    ({"value": 0}, 400, "bad_value", "0 changes nothing"),
    ({"to": "2020-01-01"}, 400, "bad_span", "is before"),
    ({"reason": "other", "note": None}, 400, "bad_reason", "needs a note"),
    ({"expires_on": "2020-01-01"}, 400, "bad_day", "would never count"),
    ({"product": "A"}, 400, "bad_scope", "has its department and category already"),
    ({"location": "S9"}, 404, "unknown_location", "there is no location 'S9'"),
]


def test_wrong_overrides_are_refused_with_their_fields(chain: Api) -> None:
    for changed, status, code, said in WRONG:
        answer = chain.operate.put("/v1/overrides", json={"overrides": [{**FAIR, **changed}]})
        assert said in check_problem(answer, status, code)["detail"]
    check_problem(chain.read.put("/v1/overrides", json={"overrides": [FAIR]}), 403, "key_scope")
    assert chain.read.get("/v1/overrides").json()["overrides"] == []


def test_what_overrides_were_worth_is_told_by_planner_reason_and_level(
    chain: Api, database: sa.Engine
) -> None:
    put(
        chain,
        FAIR,
        {
            **FAIR,
            "id": "gloom",
            "location": None,
            "category": None,
            "value": -50,
            "reason": "weather",
        },
    )
    # four days later: 4 a day were sold of A at S1, 3 of everything else together
    hierarchy = build_hierarchy([[], ["location"], ["location", "product"]], KEYS)
    sold = np.repeat([[4.0], [1.0], [2.0]], DAYS, axis=1)
    publish(
        database,
        publication(
            hierarchy=hierarchy,
            days=pd.date_range(TODAY, periods=DAYS),
            history=hierarchy.sum_leaves(sold),
            mean=hierarchy.sum_leaves(MEAN),
            quantiles=hierarchy.sum_leaves(MEAN)[:, :, None] * np.ones(13),
            warnings=[None] * 6,
            names={},
        ),
        run_id=None,
    )
    rows = chain.read.get("/v1/overrides/value").json()["value"]
    found = {(row["by"], row["name"]): row for row in rows}
    fair, gloom = found["reason", "local_event"], found["reason", "weather"]
    # 2, 4, 2, 4 were forecast and 3, 6, 3, 6 said, 4 a day came
    assert (fair["error_before"], fair["error_after"]) == (4, 6)
    # of all 7, 10, 7, 10 were said, halved to 3.5 and 5; 7 a day came
    assert (gloom["error_before"], gloom["error_after"]) == (6, 11)
    assert gloom["gain"] == pytest.approx(1 - 11 / 6)
    assert found["level", "location / category"]["error_after"] == 6
    assert found["level", "total"]["overrides"] == 1
    assert found["planner", "anna (key test operate)"]["error_before"] == 10
    assert found["all", "all"]["periods"] == 2 * DAYS


def test_files_go_there_and_back_by_the_command_line(
    chain: Api, database: sa.Engine, home: Path, tmp_path: Path
) -> None:
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    environment = {
        "STOCKTIDE_HOME": str(home),
        "STOCKTIDE_DATABASE_URL": url,
        "STOCKTIDE_REDIS_URL": "redis://localhost",
    }

    def run(*words: str) -> str:
        done = CliRunner().invoke(cli, ["overrides", *words], env=environment)
        assert done.exit_code == 0, done.output
        return str(done.stdout)

    file = tmp_path / "overrides.csv"
    file.write_text(
        f"id,category,change,value,from,to,reason\nf,Fruit,add,8,{SPAN['from']},{SPAN['to']},weather\n"
    )
    assert "overrides: 1 recorded" in run("import", str(file))
    assert of_node(chain)["nodes"][0]["adjusted_total"] == pytest.approx(36)
    file.write_text(run("list", "--csv"))
    assert json.loads(run("import", str(file), "--json"))["unchanged"] == 1
    assert "category Fruit" in run("list")
    assert "f is withdrawn" in run("withdraw", "f")
    assert of_node(chain)["nodes"][0]["adjusted_total"] == 28
    assert json.loads(run("value", "--json")) == []

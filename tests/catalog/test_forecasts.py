import sqlalchemy as sa

from stocktide.foundation.database_names import FORECAST_PUBLISHED
from tests.catalog.shops import eventually, open_shops, send
from tests.conftest import Api

PUBLISH = """
WITH run AS (
    INSERT INTO forecast_runs (cutoff, horizon_days, method, lake_version, hierarchy)
    VALUES ('2026-03-01', 2, 'BU', 1, '{}') RETURNING forecast_run_id
),
nodes AS (
    INSERT INTO forecast_nodes (forecast_run_id, node_id, level, level_name, unique_id, label, parent_id, keys)
    SELECT forecast_run_id, n.* FROM run, (VALUES
        (0, 0::smallint, 'total', 'total', 'Total', NULL::int, '{}'::jsonb),
        (1, 1::smallint, 'product', 'A', 'Apple', 0, '{"product": "A"}'::jsonb),
        (2, 1::smallint, 'product', 'B', 'Bread', 0, '{"product": "B"}'::jsonb)) AS n
),
days AS (
    INSERT INTO forecasts
    SELECT forecast_run_id, node, date '2026-03-01' + day, y, y - 3, y - 2, y - 1, y, y + 1, y + 2, y + 3
    FROM run, (VALUES (0, 30.0), (1, 10.0), (2, 20.0)) AS v (node, y), generate_series(1, 2) AS day
)
INSERT INTO published_forecast (forecast_run_id) SELECT forecast_run_id FROM run
"""


def publish(database: sa.Engine) -> None:
    """Publish a small forecast, as the stage does: in one transaction that tells the listeners."""
    with database.begin() as connection:
        connection.execute(sa.text(PUBLISH.replace("::", "\\:\\:")))
        connection.execute(sa.select(sa.func.pg_notify(FORECAST_PUBLISHED, "")))


def test_forecasts_answer_404_when_nothing_is_published(api: Api) -> None:
    for path in ("/v1/forecasts", "/v1/forecasts?node=0", "/v1/forecasts?product=A"):
        answer = api.read.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "nothing_published")
        assert "stocktide forecast" in answer.json()["detail"]


def test_forecasts_give_run_nodes_and_days_when_published(api: Api, database: sa.Engine) -> None:
    publish(database)
    root = api.read.get("/v1/forecasts").json()
    assert (root["run"]["cutoff"], root["run"]["method"]) == ("2026-03-01", "BU")
    assert root["run"]["not_final"] == ""
    late = '[{"source": "till", "day": "2026-03-01", "state": "arriving", "events": 72, "expected": 90}]'
    with database.begin() as connection:
        noted = {"detail": f'{{"not_final": {late}}}'}
        connection.execute(
            sa.text("UPDATE forecast_runs SET detail = CAST(:detail AS jsonb)"), noted
        )
    late_run = api.read.get("/v1/forecasts").json()["run"]
    assert late_run["not_final"] == "1 Mar: about 18 events still to come"
    assert [(node["label"], node["total"]) for node in root["nodes"]] == [("Total", 60.0)]
    children = api.read.get("/v1/forecasts?parent=0").json()["nodes"]
    assert [node["label"] for node in children] == ["Bread", "Apple"]
    assert api.read.get("/v1/forecasts?level=product&limit=1").json()["nodes"] == children[:1]
    found = api.read.get("/v1/forecasts?product=A").json()
    assert [(day["ds"], day["q025"], day["yhat"], day["q975"]) for day in found["days"]] == [
        ("2026-03-02", 7.0, 10.0, 13.0),
        ("2026-03-03", 7.0, 10.0, 13.0),
    ]
    # a run from before deciles were published
    assert [day["q20"] for day in found["days"]] == [None, None]
    assert api.read.get("/v1/forecasts?node=1").json()["days"] == found["days"]


def test_a_node_says_whose_history_its_product_has_taken_over(
    api: Api, database: sa.Engine
) -> None:
    publish(database)
    replaced: list[dict[str, object]] = [
        {"product": "A", "from": "2026-02-01"},
        {"product": "C", "from": "2026-01-01", "share": 0.4},
    ]
    products = [{"sku": "A"}, {"sku": "C"}, {"sku": "B", "replaces": replaced}]
    assert api.ingest.put("/v1/products", json={"products": products}).status_code == 200
    told = {
        node["label"]: node["replaces"]
        for query in ("", "?parent=0")
        for node in api.read.get(f"/v1/forecasts{query}").json()["nodes"]
    }
    assert told == {
        "Total": [],
        "Apple": [],
        "Bread": [
            {"product": "C", "from": "2026-01-01", "share": 0.4},
            {"product": "A", "from": "2026-02-01", "share": 1.0},
        ],
    }


def test_forecasts_answer_404_when_the_node_is_unknown(api: Api, database: sa.Engine) -> None:
    publish(database)
    answer = api.read.get("/v1/forecasts?node=99")
    assert (answer.status_code, answer.json()["code"]) == (404, "node_unknown")
    assert api.read.get("/v1/forecasts?product=ghost").json()["nodes"] == []


def test_product_shows_its_forecast_within_two_seconds_when_it_is_published(
    api: Api, database: sa.Engine
) -> None:
    open_shops(api)
    send(api, ("receipt", "r", 1, {"quantity": 1}))
    assert api.read.get("/v1/products/A").json()["forecast"] == []
    publish(database)
    eventually(
        lambda: [day["yhat"] for day in api.read.get("/v1/products/A").json()["forecast"]],
        [10.0, 10.0],
    )

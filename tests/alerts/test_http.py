import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from tests.alerts.shops import Shops
from tests.conftest import Api

FAR = (datetime.now(UTC) + timedelta(days=1)).isoformat()


def problem(answer: httpx.Response, status: int, code: str) -> str:
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    detail: str = answer.json()["detail"]
    return detail


def listed(api: Api, **query: Any) -> list[tuple[str, str | None, str | None]]:
    answer = api.read.get("/v1/alerts", params=query)
    assert answer.status_code == 200, answer.text
    return [(a["rule"], a["product"], a["location"]) for a in answer.json()["alerts"]]


def test_alerts_name_rule_subject_value_limit_since_and_state(api: Api, shops: Shops) -> None:
    shops.stock(1, 1, 1.5)
    shops.reorder_point(1, 1, 4)
    shops.evaluate()
    shops.stock(1, 1, 1)
    shops.evaluate()
    (alert,) = api.read.get("/v1/alerts").json()["alerts"]
    assert {
        "rule": "below_reorder_point",
        "product": "A",
        "product_name": "Apples",
        "location": "S1",
        "location_name": "Shop 1",
        "feed": None,
        "value": 1.5,
        "last_value": 1.0,
        "limit": 4.0,
        "unit": "kg",
        "state": "open",
        "closed_at": None,
        "acknowledged_by": None,
        "silenced_until": None,
        "message": "1 kg on hand or to come and not promised, below the reorder point of 4 kg.",
    }.items() <= alert.items()
    assert datetime.fromisoformat(alert["since"]) <= datetime.now(UTC)
    whole = api.read.get(f"/v1/alerts/{alert['alert_id']}").json()
    assert [(event["change"], event["value"]) for event in whole.pop("history")] == [
        ("opened", 1.5)
    ]
    assert whole == alert


def test_alerts_are_filtered_and_paged(api: Api, shops: Shops) -> None:
    for product in (1, 2):
        for location in (1, 2):
            shops.stock(product, location, 0)
    shops.evaluate()
    shops.stock(2, 2, -1)
    shops.evaluate()
    shops.stock(1, 1, 5)
    shops.evaluate()
    assert len(listed(api)) == 5
    assert listed(api, state="closed") == [("out_of_stock", "A", "S1")]
    assert len(listed(api, state="open")) == 4
    assert listed(api, rule="negative_balance") == [("negative_balance", "B", "S2")]
    assert {alert[1] for alert in listed(api, product="A")} == {"A"}
    assert {alert[2] for alert in listed(api, location="S2")} == {"S2"}
    assert listed(api, product="unknown") == []
    assert listed(api, since=FAR) == []
    assert len(listed(api, since="2020-01-01T00:00:00Z")) == 5
    pages, before = [], None
    while True:
        answer = api.read.get(
            "/v1/alerts", params={"limit": 2, **({"before": before} if before else {})}
        )
        pages += [alert["alert_id"] for alert in answer.json()["alerts"]]
        before = answer.json()["next"]
        if before is None:
            break
    assert pages == sorted(set(pages), reverse=True)
    assert len(pages) == 5


WRONG_PARAMETERS: list[Any] = [
    ("alerts?rule=dance", "parameter"),
    ("alerts?since=yesterday", "parameter"),
    ("alerts?since=2026-01-01T00:00:00", "parameter"),
    ("alerts?before=0", "parameter"),
    ("alerts?product=%00", "bad_text"),
    ("alerts/0", "parameter"),
    ("alerts/99999999999999999999", "parameter"),
    ("alerts/stream?last_event_id=-1", "parameter"),
    ("reorder-points?after=%00", "bad_text"),
]


def test_wrong_parameter_answers_400(api: Api) -> None:
    for path, code in WRONG_PARAMETERS:
        problem(api.read.get(f"/v1/{path}"), 400, code)


def test_alert_is_acknowledged_and_its_history_says_by_whom_and_why(api: Api, shops: Shops) -> None:
    shops.stock(1, 1, 0)
    shops.evaluate()
    answer = api.operate.patch(
        "/v1/alerts/1", json={"acknowledge": True, "reason": "lorry is late", "user": "ann"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["acknowledged_by"] == "ann (key test operate)"
    assert answer.json()["state"] == "open"
    change = answer.json()["history"][-1]
    assert (change["change"], change["by"], change["reason"]) == (
        "acknowledged",
        "ann (key test operate)",
        "lorry is late",
    )
    problem(
        api.operate.patch("/v1/alerts/9", json={"acknowledge": True, "reason": "x"}),
        404,
        "alert_unknown",
    )


WRONG_CHANGES: list[Any] = [
    (b"{", "body"),
    (b'{"reason": "x"}', "body"),
    (b'{"acknowledge": true}', "body"),
    (b'{"acknowledge": true, "reason": " "}', "reason"),
    (b'{"acknowledge": true, "reason": "x", "user": ""}', "user"),
    (b'{"silence_until": "2026-01-01T00:00:00", "reason": "x"}', "silence_until"),
    (b'{"silence_until": "2999-01-01T00:00:00Z", "reason": "x"}', "silence_until"),
    (b'{"silence_until": "0001-01-01T00:00:00+23:59", "reason": "x"}', "silence_until"),
    (b'{"acknowledge": true, "reason": "\\ud800"}', "body"),
    (b'{"silence_until": "tomorrow", "reason": "x"}', "body"),
]


def test_change_of_an_alert_answers_400_when_it_is_wrong(api: Api, shops: Shops) -> None:
    shops.stock(1, 1, 0)
    shops.evaluate()
    for body, code in WRONG_CHANGES:
        problem(api.operate.patch("/v1/alerts/1", content=body), 400, code)
    assert shops.history() == [("opened", "out_of_stock", "1/1")]


def test_silence_holds_for_the_next_alert_of_the_subject(api: Api, shops: Shops) -> None:
    shops.stock(1, 1, 0)
    shops.evaluate()
    answer = api.operate.patch(
        "/v1/alerts/1", json={"silence_until": FAR, "reason": "shop is rebuilt"}
    )
    assert answer.json()["silenced_until"] == FAR.replace("+00:00", "Z")
    for units in (5, 0):
        shops.stock(1, 1, units)
        shops.evaluate()
    (again, _) = api.read.get("/v1/alerts").json()["alerts"]
    assert (again["alert_id"], again["state"], again["reason"]) == (2, "open", "shop is rebuilt")
    assert again["silenced_until"] == FAR.replace("+00:00", "Z")


def test_reorder_points_are_put_read_and_judged(api: Api, shops: Shops) -> None:
    shops.stock(1, 1, 3, queue=False)
    points: list[dict[str, Any]] = [
        {"product": "A", "location": "S1", "reorder_point": 3.125},
        {"product": "B", "location": "S2", "reorder_point": "7"},
    ]
    assert api.operate.put("/v1/reorder-points", json={"reorder_points": points}).json() == {
        "reorder_points": 2
    }
    rows = api.read.get("/v1/reorder-points").json()["reorder_points"]
    assert [(row["product"], row["location"], row["reorder_point"]) for row in rows] == [
        ("A", "S1", 3.125),
        ("B", "S2", 7.0),
    ]
    assert rows[0]["updated_by"] == "key test operate"
    assert shops.evaluate() == (1, 0)
    first = api.read.get("/v1/reorder-points", params={"limit": 1}).json()
    second = api.read.get("/v1/reorder-points", params={"after": first["next"]}).json()
    assert [row["product"] for row in second["reorder_points"]] == ["B"]
    points[0]["reorder_point"] = None
    assert api.operate.put("/v1/reorder-points", json={"reorder_points": points}).status_code == 200
    assert shops.evaluate() == (0, 1)
    assert len(api.read.get("/v1/reorder-points").json()["reorder_points"]) == 1


WRONG_POINTS: list[Any] = [
    ({"product": "A", "location": "S1", "reorder_point": -1}, 400, "reorder_point"),
    ({"product": "A", "location": "S1", "reorder_point": 0.0001}, 400, "reorder_point"),
    ({"product": "A", "location": "S1", "reorder_point": 1e30}, 400, "reorder_point"),
    ({"product": "A", "location": "S1", "reorder_point": "NaN"}, 400, "reorder_point"),
    ({"product": "A", "location": "S1", "reorder_point": "1e999999"}, 400, "reorder_point"),
    ({"product": "A", "location": "S1"}, 400, "body"),
    ({"product": "A\x00", "location": "S1", "reorder_point": 1}, 400, "bad_text"),
    ({"product": "Z", "location": "S1", "reorder_point": 1}, 404, "pair_unknown"),
    ({"product": "A", "location": "Z", "reorder_point": None}, 404, "pair_unknown"),
    ({"product": "B", "location": "S1", "reorder_point": 1}, 400, "reorder_points"),
]


def test_reorder_points_are_put_all_or_none(api: Api, shops: Shops) -> None:
    good = {"product": "B", "location": "S1", "reorder_point": 1}
    for point, status, code in WRONG_POINTS:
        answer = api.operate.put("/v1/reorder-points", json={"reorder_points": [good, point]})
        problem(answer, status, code)
    assert shops.scalar("SELECT count(*) FROM reorder_points") == 0
    assert shops.scalar("SELECT count(*) FROM stock_changes") == 0


def test_alert_schema_holds_for_what_is_sent(api: Api) -> None:
    schema = api.read.get("/v1/alerts/schema")
    assert schema.headers["content-type"] == "application/schema+json"
    assert "stocktide.alert.opened" in schema.json()["properties"]["type"]["enum"]


def test_two_changes_at_once_are_both_kept(api: Api, shops: Shops, database: sa.Engine) -> None:
    shops.stock(1, 1, 0)
    shops.evaluate()

    def patch(user: str) -> None:
        body = {"acknowledge": True, "reason": "mine", "user": user}
        assert api.operate.patch("/v1/alerts/1", json=body).status_code == 200

    threads = [threading.Thread(target=patch, args=(f"u{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.connect() as connection:
        by = connection.execute(sa.text("SELECT DISTINCT by FROM alert_events")).scalars().all()
    assert len([one for one in by if one]) == 8


def test_since_at_the_ends_of_time_is_no_error(api: Api, shops: Shops) -> None:
    shops.stock(1, 1, 0)
    shops.evaluate()
    for since, found in (("0001-01-01T00:00:00+23:59", 1), ("9999-12-31T23:59:59-23:59", 0)):
        assert len(listed(api, since=since)) == found

from typing import Any

import httpx

from alerts.signature import secret_of
from tests.alerts.shops import Shops
from tests.alerts.test_http import FAR, problem
from tests.conftest import Api

URL = "https://example.org/hook"


def made(api: Api, name: str = "pager", **body: Any) -> dict[str, Any]:
    answer = api.operate.post("/v1/webhooks", json={"name": name, "url": URL, **body})
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def test_webhook_shows_its_secret_once(api: Api, shops: Shops) -> None:
    webhook = made(api, rules=["out_of_stock"], locations=["S2", "S1"])
    secret = webhook.pop("secret")
    assert len(secret_of(secret)) == 32
    assert (webhook["rules"], webhook["locations"], webhook["active"]) == (
        ["out_of_stock"],
        ["S1", "S2"],
        True,
    )
    listed = api.operate.get("/v1/webhooks")
    assert listed.json() == {"webhooks": [webhook]}
    assert api.operate.get("/v1/webhooks/1").json() == webhook
    for answer in (listed, api.operate.patch("/v1/webhooks/1", json={"active": False})):
        assert "secret" not in answer.text
    with shops.engine.connect() as connection:
        granted = connection.exec_driver_sql(
            "SELECT has_column_privilege('stocktide_reader', 'webhooks', 'secret', 'SELECT'),"
            " has_column_privilege('stocktide_reader', 'webhooks', 'url', 'SELECT')"
        ).one()
    assert tuple(granted) == (False, True)


def test_webhook_takes_a_receivers_own_secret(api: Api) -> None:
    own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert made(api, secret=own)["secret"] == own


WRONG_WEBHOOKS: list[Any] = [
    ({"url": "http://example.org"}, 400, "webhook_url"),
    ({"url": "https://localhost@10.0.0.1"}, 400, "webhook_url"),
    ({"name": ""}, 400, "webhook_name"),
    ({"rules": ["dance"]}, 400, "webhook_rules"),
    ({"rules": []}, 400, "webhook_rules"),
    ({"locations": []}, 400, "webhook_locations"),
    ({"locations": ["Z"]}, 404, "location_unknown"),
    ({"locations": ["S\x00"]}, 400, "bad_text"),
    ({"secret": "whsec_x"}, 400, "webhook_secret"),
    ({"ruels": ["silent_feed"]}, 400, "body"),
]


def test_webhook_is_refused_when_it_is_wrong(api: Api, shops: Shops) -> None:
    for body, status, code in WRONG_WEBHOOKS:
        answer = api.operate.post("/v1/webhooks", json={"name": "pager", "url": URL, **body})
        problem(answer, status, code)
    assert shops.scalar("SELECT count(*) FROM webhooks") == 0


def test_webhook_is_changed_rotated_and_deleted(api: Api, shops: Shops) -> None:
    first = made(api, rules=["out_of_stock"], locations=["S1"])["secret"]
    problem(
        api.operate.post("/v1/webhooks", json={"name": "pager", "url": URL}), 409, "webhook_exists"
    )

    def patched(body: dict[str, Any]) -> httpx.Response:
        return api.operate.patch("/v1/webhooks/1", json=body)

    assert patched({"rules": None}).json()["locations"] == ["S1"]
    assert patched({"locations": ["S2"]}).json()["rules"] is None
    problem(patched({"url": "https://10.0.0.1"}), 400, "webhook_url")
    assert patched({"active": False}).json()["active"] is False
    second = patched({"rotate_secret": True}).json()["secret"]
    assert first != second
    assert bytes(shops.scalar("SELECT old_secret FROM webhooks")) == secret_of(first)
    assert api.operate.delete("/v1/webhooks/1").json() == {"deleted": 1}
    for answer in (
        api.operate.get("/v1/webhooks/1"),
        patched({"active": True}),
        patched({"rotate_secret": True}),
        api.operate.delete("/v1/webhooks/1"),
        api.operate.get("/v1/webhooks/1/deliveries"),
        api.operate.post("/v1/webhooks/1/retry"),
    ):
        problem(answer, 404, "webhook_unknown")


def test_outbox_holds_what_each_webhook_asked_for(api: Api, shops: Shops) -> None:
    everything = made(api, "all")["webhook_id"]
    negative = made(api, "negative", rules=["negative_balance"])["webhook_id"]
    second = made(api, "second", locations=["S2"])["webhook_id"]
    made(api, "off")
    api.operate.patch("/v1/webhooks/4", json={"active": False})
    shops.stock(1, 1, 0)
    shops.stock(1, 2, 0)
    shops.evaluate()
    shops.stock(1, 1, -1)
    shops.evaluate()
    shops.stock(1, 1, 5)
    shops.evaluate()

    def sent(webhook_id: int) -> list[tuple[str, str]]:
        rows = api.operate.get(f"/v1/webhooks/{webhook_id}/deliveries").json()["deliveries"]
        return sorted((row["rule"], row["change"]) for row in rows)

    assert sent(everything) == [
        ("negative_balance", "closed"),
        ("negative_balance", "opened"),
        ("out_of_stock", "closed"),
        ("out_of_stock", "opened"),
        ("out_of_stock", "opened"),
    ]
    assert sent(negative) == [("negative_balance", "closed"), ("negative_balance", "opened")]
    assert sent(second) == [("out_of_stock", "opened")]
    assert sent(4) == []
    first = api.operate.get("/v1/webhooks/1/deliveries", params={"limit": 3}).json()
    rest = api.operate.get("/v1/webhooks/1/deliveries", params={"before": first["next"]}).json()
    assert len(first["deliveries"]) + len(rest["deliveries"]) == 5
    assert api.operate.get("/v1/webhooks/1").json()["waiting"] == 5


def test_silenced_alert_is_not_sent_and_neither_is_its_end(api: Api, shops: Shops) -> None:
    made(api)
    shops.stock(1, 1, 0)
    shops.evaluate()
    api.operate.patch("/v1/alerts/1", json={"silence_until": FAR, "reason": "rebuilt"})
    for units in (5, 0, 5):
        shops.stock(1, 1, units)
        shops.evaluate()
    # the one that was told is told to be over; the silent one never was
    assert shops.scalar("SELECT count(*) FROM deliveries") == 2
    assert len(shops.history()) == 5

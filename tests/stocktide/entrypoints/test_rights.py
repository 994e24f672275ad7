"""Who may use which route: every route of the service, with every scope and limit of a key."""

import asyncio
import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
import redis
import sqlalchemy as sa
from fastapi import FastAPI
from starlette.routing import Route

from stocktide.entrypoints.api import PUBLIC_ROUTES, create_app
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.errors import Fatal
from stocktide.foundation.keys import Limits, create_key
from stocktide.foundation.rights import IMPLIED, Right, declared_rights
from stocktide.foundation.settings import load_settings
from tests.conftest import Api
from tests.http import NO_TLS
from tests.ingest.samples import event

LIMITS: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "locations": {"locations": ["S1"]},
    "kinds": {"kinds": ["sale"]},
    "sources": {"sources": ["/tills/*"]},
}
# A read key sends nothing, so it has no kinds and no sources.
READ_LIMITS = ("none", "locations")
OF_NO_ROUTE = {"key_scope", "key_limits", "right_undeclared"}
Clients = dict[tuple[str, str], httpx.Client]


@pytest.fixture
def shop(api: Api) -> Api:
    api.ingest.put("/v1/products", json={"products": [{"sku": "A"}]}).raise_for_status()
    places = {"locations": [{"code": "S1"}, {"code": "S2"}]}
    api.ingest.put("/v1/locations", json=places).raise_for_status()
    return api


@pytest.fixture
def clients(shop: Api, database: sa.Engine) -> Iterator[Clients]:
    """A client for each scope and limit that a key can have."""
    with contextlib.ExitStack() as stack:
        made: Clients = {}
        for scope in ("ingest", "read", "operate"):
            for limit, values in LIMITS.items():
                if scope == "read" and limit not in READ_LIMITS:
                    continue
                with database.begin() as connection:
                    text = create_key(connection, f"{scope} {limit}", scope, Limits(**values))
                client = httpx.Client(
                    base_url=shop.url,
                    headers={"Authorization": f"Bearer {text}"},
                    timeout=30,
                    verify=NO_TLS,
                )
                made[scope, limit] = stack.enter_context(client)
        yield made


def reorder(location: str) -> dict[str, Any]:
    return {"reorder_points": [{"product": "A", "location": location, "reorder_point": 3}]}


HOOK = {"name": "w", "url": "https://example.com/"}
RULES: dict[str, Any] = {"movements": []}
# By hand: (method, path, body), and what each key gets. None: anything but a refusal.
SAMPLE: list[tuple[str, str, Any, dict[tuple[str, str], str | None]]] = [
    (
        "PUT",
        "/v1/reorder-points",
        reorder("S2"),
        {
            ("operate", "none"): None,
            ("operate", "locations"): "key_location",
            ("operate", "kinds"): "key_limits",
            ("ingest", "locations"): "key_scope",
        },
    ),
    ("PUT", "/v1/reorder-points", reorder("S1"), {("operate", "locations"): None}),
    (
        "POST",
        "/v1/webhooks",
        HOOK,
        {("operate", "locations"): "key_limits", ("operate", "kinds"): "key_limits"},
    ),
    (
        "PUT",
        "/v1/epcis/movements",
        RULES,
        {("operate", "locations"): "key_limits", ("operate", "kinds"): "key_limits"},
    ),
    ("GET", "/v1/webhooks", None, {("operate", "locations"): "key_limits"}),
    (
        "GET",
        "/v1/stock?location=S2",
        None,
        {
            ("operate", "none"): None,
            ("operate", "locations"): "key_location",
            ("operate", "kinds"): "key_limits",
            ("ingest", "none"): "key_scope",
        },
    ),
    ("GET", "/v1/stock?location=S1", None, {("operate", "locations"): None}),
    ("GET", "/v1/trending?region=north", None, {("operate", "locations"): "key_location"}),
    ("GET", "/v1/products/A", None, {("operate", "locations"): "key_limits"}),
    ("GET", "/v1/epcis/events", None, {("operate", "locations"): "key_limits"}),
    ("POST", "/v1/jobs/etl", None, {("operate", "locations"): "key_limits"}),
    ("POST", "/v1/rejects/drop", {"ids": [1], "reason": "x"}, {("operate", "kinds"): "key_limits"}),
]


def filled(path: str) -> str:
    """Return a path with something in its parameters that is nowhere."""
    return re.sub(r"\{\w+(:path)?\}", "999999", path).replace("/stream", "/stream?for_s=1")


def expected_of(right: Right | None, scope: str, limit: str) -> str | None:
    """Return what a route's own declaration says that a key gets: the code of its refusal, or None."""
    assert right is not None, "it does not declare who may use it"
    if right.scope is None:
        return None
    if right.scope not in IMPLIED[scope]:
        return "key_scope"
    return None if limit == "none" or limit in right.within else "key_limits"


@pytest.fixture
def app(database: sa.Engine, valkey: "redis.Redis") -> Iterator[FastAPI]:
    """The service, without a server."""
    del valkey
    made = create_app(
        load_settings(), database, connect_cache("redis://localhost"), signing_key="k" * 32
    )
    yield made
    made.state.key_ring.close()


def test_every_route_lets_keys_through_as_it_declares(
    app: FastAPI, shop: Api, clients: Clients
) -> None:
    rights = declared_rights(app)
    assert len(rights) > 60
    for (method, path), right in rights.items():
        for (scope, limit), client in clients.items():
            code = refusal(client.request(method, filled(path)))
            got = code if code in OF_NO_ROUTE else None
            assert got == expected_of(right, scope, limit), (method, path, scope, limit)
        is_public = expected_of(right, "operate", "none") is None and right == Right(None)
        answer = shop.nobody.request(method, filled(path))
        assert (refusal(answer) != "key_missing") == is_public, (method, path)
    assert {path for (_, path), right in rights.items() if right == Right(None)} == PUBLIC_ROUTES


def test_a_route_that_declares_nothing_is_denied(app: FastAPI) -> None:
    app.add_api_route("/v1/new", lambda: {"secret": 1})

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get("/v1/new")

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.json()["code"]) == (403, "right_undeclared")


def test_the_service_does_not_start_with_a_route_that_declares_nothing(
    app: FastAPI, database: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    del app
    monkeypatch.setattr("catalog.http.router.routes", [Route("/v1/new", lambda _request: None)])
    cache = connect_cache("redis://localhost")
    with pytest.raises(Fatal, match="GET /v1/new does not declare who may use it"):
        create_app(load_settings(), database, cache, signing_key="k" * 32)


def refusal(answer: httpx.Response) -> str | None:
    """Return the code of a refusal; None for any other answer."""
    return answer.json()["code"] if answer.status_code in (401, 403) else None


def test_a_limited_key_is_let_through_or_refused_as_written_down_by_hand(clients: Clients) -> None:
    for method, path, body, expected in SAMPLE:
        for key, code in expected.items():
            answer = clients[key].request(method, path, json=body)
            assert refusal(answer) == code, (key, method, path, answer.text)


def test_a_key_of_one_location_reads_that_location_alone(shop: Api, clients: Clients) -> None:
    for number, place in enumerate(("S1", "S2", "S2")):
        shop.ingest.post(
            "/v1/events",
            json=event("receipt", f"r{number}", location=place),
            headers={"content-type": "application/cloudevents+json"},
        ).raise_for_status()
    both = {"reorder_points": [*reorder("S1")["reorder_points"], *reorder("S2")["reorder_points"]]}
    shop.operate.put("/v1/reorder-points", json=both).raise_for_status()
    for path, name in {"/v1/stock": "stock", "/v1/reorder-points": "reorder_points"}.items():
        rows = clients["operate", "locations"].get(path).json()[name]
        assert {row["location"] for row in rows} == {"S1"}, path


def test_a_key_of_several_locations_must_name_one(shop: Api, database: sa.Engine) -> None:
    with database.begin() as connection:
        text = create_key(connection, "two", "read", Limits(locations=["S1", "S2"]))
    headers = {"Authorization": f"Bearer {text}"}
    for query, code in {
        "": "key_location",
        "?location=S3": "key_location",
        "?location=S2": None,
    }.items():
        assert refusal(shop.nobody.get(f"/v1/stock{query}", headers=headers)) == code, query


def test_docs_load_nothing_from_elsewhere(shop: Api) -> None:
    answer = shop.nobody.get("/docs")
    assert "<script" not in answer.text
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", answer.text)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "/v1/reorder-points" in answer.text


def test_a_key_of_one_location_sees_and_changes_no_alert_elsewhere(
    shop: Api, database: sa.Engine, clients: Clients
) -> None:
    """A feed has no location, so its alerts are not of one either."""
    with database.begin() as connection:
        ids = [
            connection.execute(
                sa.text(
                    "INSERT INTO alerts (rule, product_id, location_id, feed, value_milli, limit_milli,"
                    " last_value_milli) SELECT :rule, p.product_id, l.location_id, :feed, 1, 2, 1"
                    " FROM (SELECT 1) one LEFT JOIN locations l ON l.code = :place"
                    " LEFT JOIN products p ON l.code IS NOT NULL RETURNING alert_id"
                ),
                {"rule": rule, "place": place, "feed": feed},
            ).scalar_one()
            for rule, place, feed in (
                ("out_of_stock", "S1", None),
                ("out_of_stock", "S2", None),
                ("silent_feed", "", "till"),
            )
        ]
    key = clients["operate", "locations"]
    change = {"acknowledge": True, "reason": "seen"}
    for alert_id, code in zip(ids, (None, "key_location", "key_location"), strict=True):
        assert refusal(key.get(f"/v1/alerts/{alert_id}")) == code
        assert refusal(key.patch(f"/v1/alerts/{alert_id}", json=change)) == code
    assert [row["alert_id"] for row in key.get("/v1/alerts").json()["alerts"]] == ids[:1]
    assert len(shop.read.get("/v1/alerts").json()["alerts"]) == 3

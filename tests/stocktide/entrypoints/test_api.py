import gzip
import json
import re
import time
from typing import Any

import httpx
import pytest
import redis
import sqlalchemy as sa
from starlette.routing import Route

from forecasting.publishing.publish import publish
from stocktide.entrypoints.api import PUBLIC_ROUTES, create_app
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.keys import revoke_key
from stocktide.foundation.rights import IMPLIED
from stocktide.foundation.settings import load_settings
from stocktide.foundation.users import disable_user, set_user
from tests.conftest import Api
from tests.forecasting.publications import publication

PASSWORD = "a long password"
TERMS = (
    "suppliers",
    "supplier-products",
    "price-breaks",
    "supplier-days",
    "service-targets",
    "stock-costs",
    "shelf-limits",
    "buyer-budgets",
    "receiving-limits",
    "approval-rules",
)
NEEDS = {
    ("POST", "/v1/events"): "ingest",
    ("PUT", "/v1/products"): "ingest",
    ("PUT", "/v1/locations"): "ingest",
    ("GET", "/v1/products"): "read",
    ("GET", "/v1/products/{sku}"): "read",
    ("POST", "/v1/customers/resolve"): "personal",
    ("POST", "/v1/customers/find"): "personal",
    ("POST", "/v1/customers/erase"): "personal",
    ("GET", "/v1/customers/accesses"): "personal",
    ("GET", "/v1/stock"): "read",
    ("GET", "/v1/stock/as-of"): "read",
    ("GET", "/v1/lots"): "read",
    ("GET", "/v1/trending"): "read",
    ("GET", "/v1/rates"): "read",
    ("PUT", "/v1/rates"): "ingest",
    ("DELETE", "/v1/rates/{base}/{quote}/{day}"): "ingest",
    ("GET", "/v1/unusual-days"): "read",
    ("POST", "/v1/unusual-days/decide"): "operate",
    ("POST", "/v1/query"): "read",
    ("DELETE", "/v1/query/{statement_id}"): "read",
    ("GET", "/v1/query/tables"): "read",
    ("GET", "/v1/query/metrics"): "read",
    ("GET", "/v1/query/history"): "read",
    ("POST", "/v1/query/handovers"): "read",
    ("GET", "/v1/query/handovers/{handover_id}"): "read",
    ("GET", "/v1/saved-queries"): "read",
    ("POST", "/v1/saved-queries"): "read",
    ("GET", "/v1/saved-queries/{query_id}"): "read",
    ("PUT", "/v1/saved-queries/{query_id}"): "read",
    ("DELETE", "/v1/saved-queries/{query_id}"): "read",
    ("GET", "/v1/reports"): "read",
    ("GET", "/v1/events/lineage"): "read",
    ("GET", "/v1/quality/{rule}"): "read",
    ("GET", "/v1/lineage/events"): "read",
    ("GET", "/v1/reports/{name}"): "read",
    ("GET", "/v1/forecasts"): "read",
    ("POST", "/v1/jobs/{job}"): "operate",
    ("POST", "/v1/forecasts/promote"): "operate",
    ("POST", "/v1/forecasts/rollback"): "operate",
    ("GET", "/v1/lead-times"): "read",
    ("GET", "/v1/orders"): "read",
    ("POST", "/v1/orders"): "operate",
    ("GET", "/v1/orders/suppliers"): "read",
    ("GET", "/v1/orders/missing"): "read",
    ("GET", "/v1/orders/moves"): "read",
    ("POST", "/v1/orders/moves"): "operate",
    ("POST", "/v1/orders/moves/close"): "operate",
    ("GET", "/v1/purchase-orders/{order_id}"): "read",
    ("GET", "/v1/orders/{line_id}/history"): "read",
    ("GET", "/v1/alerts"): "read",
    ("GET", "/v1/alerts/schema"): "read",
    ("GET", "/v1/alerts/stream"): "read",
    ("GET", "/v1/alerts/{alert_id}"): "read",
    ("PATCH", "/v1/alerts/{alert_id}"): "operate",
    ("GET", "/v1/reorder-points"): "read",
    ("PUT", "/v1/reorder-points"): "operate",
    ("GET", "/v1/webhooks"): "operate",
    ("POST", "/v1/webhooks"): "operate",
    ("GET", "/v1/webhooks/{webhook_id}"): "operate",
    ("PATCH", "/v1/webhooks/{webhook_id}"): "operate",
    ("DELETE", "/v1/webhooks/{webhook_id}"): "operate",
    ("GET", "/v1/webhooks/{webhook_id}/deliveries"): "operate",
    ("POST", "/v1/webhooks/{webhook_id}/retry"): "operate",
    ("GET", "/v1/events"): "read",
    ("GET", "/v1/rejects"): "read",
    ("GET", "/v1/rejects/groups"): "read",
    ("GET", "/v1/rejects/{reject_id}"): "operate",
    ("POST", "/v1/rejects/{reject_id}/mend"): "operate",
    ("POST", "/v1/rejects/replay"): "operate",
    ("POST", "/v1/imports/shopify"): "operate",
    ("POST", "/v1/rejects/drop"): "operate",
    ("POST", "/v1/rejects/reopen"): "operate",
    ("POST", "/v1/epcis/capture"): "ingest",
    ("GET", "/v1/epcis/capture"): "ingest",
    ("OPTIONS", "/v1/epcis/capture"): "ingest",
    ("GET", "/v1/epcis/capture/{capture_id}"): "ingest",
    ("POST", "/v1/epcis/events"): "ingest",
    ("GET", "/v1/epcis/events"): "read",
    ("OPTIONS", "/v1/epcis/events"): "read",
    ("GET", "/v1/epcis/events/{event_id}"): "read",
    ("GET", "/v1/epcis/eventTypes"): "read",
    ("GET", "/v1/epcis/eventTypes/{event_type}/events"): "read",
    ("GET", "/v1/epcis/bizSteps"): "read",
    ("GET", "/v1/epcis/bizLocations"): "read",
    ("GET", "/v1/epcis/readPoints"): "read",
    ("GET", "/v1/epcis/movements"): "read",
    ("PUT", "/v1/epcis/movements"): "operate",
    ("POST", "/v1/epcis/movements/retry"): "operate",
    **{
        (method, f"/v1/calendar/{kind}{rest}"): scope
        for kind in ("events", "prices", "promotions", "closures", "regressors")
        for method, rest, scope in (
            ("GET", "", "read"),
            ("PUT", "", "ingest"),
            ("DELETE", "/{row_id}", "ingest"),
        )
    },
    **{
        (method, f"/v1/terms/{kind}{rest}"): scope
        for kind in TERMS
        for method, rest, scope in (
            ("GET", "", "read"),
            ("PUT", "", "operate"),
            ("DELETE", "/{row_id}", "operate"),
        )
    },
    ("GET", "/v1/overrides"): "read",
    ("PUT", "/v1/overrides"): "operate",
    ("DELETE", "/v1/overrides/{row_id}"): "operate",
    ("POST", "/v1/overrides/preview"): "operate",
    ("GET", "/v1/overrides/value"): "read",
    ("POST", "/v1/what-if"): "operate",
    ("POST", "/v1/what-if/saved"): "operate",
    ("GET", "/v1/what-if/saved"): "read",
    ("GET", "/v1/what-if/saved/{what_if_id}"): "read",
    ("DELETE", "/v1/what-if/saved/{what_if_id}"): "operate",
    ("POST", "/v1/what-if/saved/{what_if_id}/apply"): "operate",
}


def filled(path: str) -> str:
    """A path with something in its parameters."""
    return (
        path.replace("{sku}", "A")
        .replace("{job}", "etl")
        .replace("{event_type}", "stocktide.sale")
        .replace("{alert_id}", "1")
        .replace("{webhook_id}", "1")
        .replace("{reject_id}", "1")
        .replace("{query_id}", "1")
        .replace("{line_id}", "1")
        .replace("{what_if_id}", "1")
        .replace("{order_id}", "PO-1")
        .replace("{row_id}", "p1")
        .replace("/reports/{name}", "/reports/net_sales")
        .replace("{statement_id}", "00000000-0000-0000-0000-000000000000")
        .replace("{base}/{quote}/{day}", "EUR/JPY/2026-01-01")
        .replace("/stream", "/stream?for_s=1")
    )


def routes(api: Api) -> set[tuple[str, str]]:
    """Method and path of every route that the service says it has."""
    paths: dict[str, dict[str, Any]] = api.nobody.get("/openapi.json").json()["paths"]
    return {(method.upper(), path) for path, methods in paths.items() for method in methods}


def check_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Every error has one shape."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "code"} <= set(body)
    assert (body["status"], body["code"]) == (status, code)
    return body


def test_openapi_lists_every_route(api: Api) -> None:
    listed = {path for _, path in routes(api)}
    assert {(m, p) for m, p in routes(api) if p not in PUBLIC_ROUTES} == set(NEEDS)
    assert {p for p in listed if p in PUBLIC_ROUTES} == PUBLIC_ROUTES - {"/openapi.json", "/docs"}


def test_no_route_hides_from_openapi(database: sa.Engine, valkey: "redis.Redis", api: Api) -> None:
    del valkey
    app = create_app(load_settings(), database, connect_cache("redis://localhost"), signing_key="k")
    hidden = {route.path for route in app.routes if isinstance(route, Route)}
    assert hidden - {path for _, path in routes(api)} <= PUBLIC_ROUTES
    assert api.nobody.get("/docs/oauth2-redirect").status_code == 404
    assert api.nobody.get("/redoc").status_code == 404


@pytest.mark.parametrize("header", [None, "Bearer stk_wrong", "Basic dTpw", "Bearer", "stk_wrong"])
def test_route_answers_401_when_no_valid_key_is_sent(api: Api, header: str | None) -> None:
    for method, path in NEEDS:
        answer = api.nobody.request(
            method, filled(path), headers={"Authorization": header} if header else {}
        )
        code = "key_invalid" if header == "Bearer stk_wrong" else "key_missing"
        assert check_problem(answer, 401, code)["detail"]
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scope", IMPLIED)
def test_route_answers_403_unless_the_scope_implies_what_it_needs(api: Api, scope: str) -> None:
    client: httpx.Client = getattr(api, scope)
    for (method, path), needed in NEEDS.items():
        answer = client.request(method, filled(path))
        if needed in IMPLIED[scope]:
            assert answer.status_code not in (401, 403), (scope, method, path)
        else:
            assert check_problem(answer, 403, "key_scope")["needs"] == needed


def test_public_route_answers_without_a_key(api: Api) -> None:
    for path in PUBLIC_ROUTES - {"/v1/sessions"}:
        assert api.nobody.get(filled(path)).status_code == 200, path


def test_route_answers_401_within_a_second_when_the_key_is_revoked(
    api: Api, database: sa.Engine
) -> None:
    assert api.read.get("/v1/stock").status_code == 200
    with database.begin() as connection:
        revoke_key(connection, "test read")
    revoked = time.monotonic()
    while api.read.get("/v1/stock").status_code == 200:
        assert time.monotonic() - revoked < 1
    check_problem(api.read.get("/v1/stock"), 401, "key_revoked")


def test_unknown_route_and_method_answer_with_a_problem(api: Api) -> None:
    check_problem(api.read.get("/v1/nothing"), 404, "http")
    answer = api.read.delete("/v1/stock")
    check_problem(answer, 405, "http")
    assert answer.headers["allow"] == "GET"


WRONG_PARAMETERS = {
    "/v1/products?limit=0": "query.limit",
    "/v1/products?limit=501": "query.limit",
    "/v1/stock?limit=many": "query.limit",
    "/v1/trending?limit=101": "query.limit",
    "/v1/forecasts?node=-1": "query.node",
    "/v1/forecasts?parent=99999999999": "query.parent",
}
WITH_NUL = ("products/A%00", "products?after=%00", "stock?product=%00", "trending?location=%00")


def test_parameter_out_of_range_answers_400_with_its_place(api: Api) -> None:
    for path, field in WRONG_PARAMETERS.items():
        assert check_problem(api.read.get(path), 400, "parameter")["field"] == field


def test_our_own_mistake_in_sql_answers_500_with_a_request_id_and_not_try_again(
    api: Api, database: sa.Engine
) -> None:
    """A missing column is our bug: asking again would ask forever."""
    with database.begin() as connection:
        connection.execute(sa.text("ALTER TABLE alerts RENAME COLUMN opened_at TO since"))
    try:
        answer = api.read.get("/v1/alerts")
    finally:
        with database.begin() as connection:
            connection.execute(sa.text("ALTER TABLE alerts RENAME COLUMN since TO opened_at"))
    assert "Retry-After" not in answer.headers
    told = check_problem(answer, 500, "unexpected")
    assert told["request_id"] in told["detail"]
    assert "opened_at" not in answer.text


def test_any_json_body_may_come_packed(api: Api, database: sa.Engine) -> None:
    with database.begin() as connection:
        set_user(connection, "ann", PASSWORD, "viewer")
    body = gzip.compress(json.dumps({"username": "ann", "password": PASSWORD}).encode())
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    assert api.nobody.post("/v1/sessions", content=body, headers=headers).json()["token"]
    bomb = gzip.compress(b" " * 10_000_000)
    answer = api.nobody.post("/v1/sessions", content=bomb, headers=headers)
    check_problem(answer, 413, "body_too_large")


def test_parameter_with_nul_answers_400(api: Api) -> None:
    for path in WITH_NUL:
        check_problem(api.read.get(f"/v1/{path}"), 400, "bad_text")


def test_session_gives_a_token_when_the_password_is_right(api: Api, database: sa.Engine) -> None:
    with database.begin() as connection:
        set_user(connection, "ann", PASSWORD, "planner")
    answer = api.nobody.post("/v1/sessions", json={"username": "ann", "password": PASSWORD})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["username"], body["role"], bool(body["token"])) == ("ann", "planner", True)
    assert PASSWORD not in answer.text
    with database.begin() as connection:
        disable_user(connection, "ann")
    check_problem(
        api.nobody.post("/v1/sessions", json={"username": "ann", "password": PASSWORD}),
        401,
        "sign_in",
    )


def test_session_answers_401_alike_when_name_or_password_is_wrong(
    api: Api, database: sa.Engine
) -> None:
    with database.begin() as connection:
        set_user(connection, "ann", PASSWORD, "planner")
    for name in ("ann", "nobody", "a\x00", "x" * 1_000):
        answer = api.nobody.post("/v1/sessions", json={"username": name, "password": "a wrong one"})
        assert check_problem(answer, 401, "sign_in")["detail"] == "User name or password is wrong."


WRONG_BODIES = {
    b"": "truncated",
    b"{": "truncated",
    b"[]": "Expected `object`",
    b'{"username": "ann"}': "missing required field `password`",
    b'{"username": 5, "password": "x"}': r"\$.username",
}


def test_session_answers_400_with_the_place_when_the_body_is_wrong(api: Api) -> None:
    for body, place in WRONG_BODIES.items():
        answer = api.nobody.post(
            "/v1/sessions", content=body, headers={"content-type": "application/json"}
        )
        assert re.search(place, check_problem(answer, 400, "body")["detail"]), body


def test_session_answers_413_when_the_body_is_long(api: Api) -> None:
    answer = api.nobody.post("/v1/sessions", content=b" " * 5_000)
    check_problem(answer, 413, "body_too_large")


def test_session_never_fails_when_the_name_holds_half_a_pair(api: Api) -> None:
    body = json.dumps({"username": "a\ud800", "password": "x"})
    answer = api.nobody.post(
        "/v1/sessions", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 401)


def test_session_answers_429_with_a_time_when_somebody_guesses(api: Api) -> None:
    body = {"username": "ann", "password": "a wrong one"}
    statuses = [api.nobody.post("/v1/sessions", json=body).status_code for _ in range(5)]
    assert statuses == [401] * 5
    answer = api.nobody.post("/v1/sessions", json=body)
    check_problem(answer, 429, "sign_in_rate")
    assert 0 < int(answer.headers["retry-after"]) <= 301


def test_job_is_queued_once_when_asked_twice(api: Api, database: sa.Engine) -> None:
    answers = [api.operate.post("/v1/jobs/forecast") for _ in range(2)]
    assert [(a.status_code, a.json()) for a in answers] == [
        (202, {"job": "forecast", "queued": True}),
        (202, {"job": "forecast", "queued": False}),
    ]
    assert api.operate.post("/v1/jobs/etl").json()["queued"] is True
    with database.connect() as connection:
        waiting = connection.execute(
            sa.text("SELECT task_name FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id")
        ).scalars()
        assert list(waiting) == ["forecast", "etl"]


def test_rollback_and_promote_move_the_publication_and_keep_who_asked(
    api: Api, database: sa.Engine
) -> None:
    first, second = (publish(database, publication(), run_id=None) for _ in range(2))
    answer = api.operate.post(
        "/v1/forecasts/rollback", json={"reason": "too much milk", "user": "anna"}
    )
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "version": 1,
            "forecast_run_id": first,
            "published": True,
            "replaced": 2,
            "reason": "too much milk",
        },
    )
    assert api.read.get("/v1/forecasts").json()["run"]["forecast_run_id"] == first
    back = api.operate.post("/v1/forecasts/promote", json={"version": 2, "reason": "checked"})
    assert back.json()["forecast_run_id"] == second
    with database.connect() as connection:
        decided = connection.execute(
            sa.text("SELECT action, decided_by FROM forecast_decisions ORDER BY 1 DESC, 2")
        ).all()
    assert ("rollback", "anna (key test operate)") in [tuple(row) for row in decided]
    assert ("promote", "key test operate") in [tuple(row) for row in decided]


WRONG_ORDERS = {
    ("rollback", b"{"): ("body", "truncated"),
    ("rollback", b"{}"): ("body", "missing required field `reason`"),
    ("rollback", b'{"reason": "x", "versoin": 1}'): ("body", "unknown field `versoin`"),
    ("rollback", b'{"reason": " "}'): ("reason", "Enter a reason"),
    ("rollback", b'{"reason": "x", "version": 99999999999999999999}'): ("body", "range"),
    ("promote", b'{"reason": "x"}'): ("body", "Name the version"),
}


def test_order_answers_400_with_the_place_when_it_is_wrong(api: Api) -> None:
    for (action, body), (code, said) in WRONG_ORDERS.items():
        answer = api.operate.post(f"/v1/forecasts/{action}", content=body)
        assert said in check_problem(answer, 400, code)["detail"], body


def test_who_asked_is_a_name_that_can_be_read(api: Api) -> None:
    """The history keeps it: a line break or a page of text is no name."""
    for user in ("", "a\nb", "x" * 101):
        answer = api.operate.post("/v1/forecasts/rollback", json={"reason": "why", "user": user})
        check_problem(answer, 400, "user")


def test_order_says_what_forbids_it(api: Api, database: sa.Engine) -> None:
    order = {"reason": "x"}
    answer = api.operate.post("/v1/forecasts/rollback", json=order)
    check_problem(answer, 409, "nothing_published")
    publish(database, publication(), run_id=None)
    answer = api.operate.post("/v1/forecasts/rollback", json=order)
    assert "Version 1 is the first" in check_problem(answer, 409, "no_earlier_champion")["detail"]
    answer = api.operate.post("/v1/forecasts/promote", json={**order, "version": 9})
    check_problem(answer, 404, "version_unknown")
    answer = api.operate.post("/v1/forecasts/rollback", content=b" " * 5_000)
    check_problem(answer, 413, "body_too_large")


def test_job_answers_404_when_there_is_none(api: Api) -> None:
    assert (
        "etl, forecast, refresh, drift"
        in check_problem(api.operate.post("/v1/jobs/dance"), 404, "unknown_job")["detail"]
    )


def test_event_with_nul_in_a_field_name_is_rejected_and_holds_nobody_up(api: Api) -> None:
    event = {
        "specversion": "1.0", "id": "1", "source": "s", "type": "stocktide.sale", "time": "2026-03-01T10:00:00Z",
        "data": {"product": "A", "location": "S1", "quantity": 1, "q\x00": 1},
    }  # fmt: skip
    answer = api.ingest.post(
        "/v1/events", content=json.dumps(event), headers={"content-type": "application/x-ndjson"}
    )
    assert (answer.status_code, answer.json()["rejected"]) == (200, 1)
    assert answer.json()["outcomes"][0]["reason"] == "unknown_field"

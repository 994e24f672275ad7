"""The HTTP service: wires the stages' routes to one database and one cache. Every route denies by default."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import msgspec
import redis
import sqlalchemy as sa
from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

import alerts.http
import alerts.webhook_http
import catalog.http
import catalog.invalidation
import etl.http
import etl.quality_http
import ingest.calendar.http
import ingest.customers.http
import ingest.epcis.http.routes
import ingest.http.routes
import ingest.overrides.http
import ingest.rates.http
import ingest.rejects.routes
import ingest.shopify.http
import ingest.terms.http
import purchasing.http
import query.http
import query.lineage.http
import query.report_http
import query.saved_http
from alerts.fan_out import FanOut
from catalog.cache import ProductCache
from ingest.http.events_route import EVENTS_OPENAPI, EventsRoute
from ingest.recording.intake import Intake
from ingest.recording.recording import Recorder
from query.console import Console
from query.report_engine import Reports
from stocktide.entrypoints import docs_page, overriding, what_if
from stocktide.entrypoints.ordering import defaults_of, desk_of
from stocktide.entrypoints.rule_keeper import RuleKeeper, rule_of
from stocktide.foundation.database_watch import DatabaseWatch
from stocktide.foundation.errors import Fatal, Invalid, Transient
from stocktide.foundation.jobs import defer_job
from stocktide.foundation.key_ring import KeyRing
from stocktide.foundation.keys import Key
from stocktide.foundation.rights import (
    ANYBODY,
    OperateKey,
    Right,
    bearer,
    declared_rights,
    key_ring_of,
    key_with_right,
    refuse_undeclared,
)
from stocktide.foundation.sessions import Sessions
from stocktide.foundation.settings import Settings
from stocktide.foundation.sign_in import Gate, SignIn
from stocktide.foundation.web import (
    WhileDatabaseAnswers,
    asked_by,
    body_of,
    engine_of,
    in_transaction,
    install_problems,
    read_body,
)

# The only routes that answer without a key, as each of them declares; test_api.py expects 401 of every other one.
PUBLIC_ROUTES = frozenset(
    {
        "/livez",
        "/readyz",
        "/healthz",
        "/v1/sessions",
        "/v1/schemas",
        "/v1/schemas/{event_type}",
        "/openapi.json",
        "/docs",
    }
)

router = APIRouter()


class Credentials(msgspec.Struct):
    """Body of POST /v1/sessions. address: of the browser, believed of whoever has a key with scope operate."""

    username: str
    password: str
    address: str | None = None


class SessionOver(msgspec.Struct):
    """Body of DELETE /v1/sessions."""

    token: str


# Anybody may post here, so the body is bounded before it is read.
CREDENTIALS_BYTES_MAX = 4_096


@router.get("/livez", tags=["operations"], dependencies=[ANYBODY])
async def livez() -> dict[str, str]:
    """Answer while this process runs and its loop turns, whatever else hangs."""
    return {"status": "ok"}


@router.get("/healthz", tags=["operations"], dependencies=[ANYBODY])
@router.get("/readyz", tags=["operations"], dependencies=[ANYBODY])
async def readyz(request: Request) -> dict[str, str]:
    """Answer 200 while the database answers, else 503 at once."""
    watch: DatabaseWatch = request.app.state.watch
    if not watch.ready:
        raise Transient(
            "database_away",
            "The database does not answer. `stocktide status` shows which part is down.",
        )
    return {"status": "ok"}


@router.post(
    "/v1/sessions",
    tags=["operations"],
    openapi_extra=body_of(Credentials),
    dependencies=[ANYBODY],
)
async def post_session(request: Request) -> dict[str, str]:
    """Exchange a user's name and password for the token of a session, which the dashboard keeps as a cookie."""
    credentials = await read_body(request, Credentials, CREDENTIALS_BYTES_MAX)
    address = await _address(request, credentials)
    signin: SignIn = request.app.state.signin
    signin.check_address(address)
    user, token = await request.app.state.gate.run(
        lambda: signin.sign_in(credentials.username, credentials.password, address)
    )
    return {"username": user.username, "role": user.role, "token": token}


async def _address(request: Request, credentials: Credentials) -> str | None:
    """Return where a sign-in comes from; the dashboard's key may speak for the browsers behind it."""
    header = request.headers.get("authorization")
    if credentials.address is not None and header is not None:
        await key_with_right(key_ring_of(request), bearer(header), Right("operate"))
        return credentials.address[:100]
    return request.client.host if request.client else None


@router.delete(
    "/v1/sessions", tags=["operations"], openapi_extra=body_of(SessionOver), dependencies=[ANYBODY]
)
async def delete_session(request: Request) -> dict[str, bool]:
    """End the session of a token; within a minute no process knows it any more."""
    given = await read_body(request, SessionOver, CREDENTIALS_BYTES_MAX)
    sessions: Sessions = request.app.state.sessions
    await in_transaction(request, lambda connection: sessions.end(connection, given.token))
    return {"ended": True}


@router.post("/v1/jobs/{job}", status_code=202, tags=["operations"])
def post_job(job: str, request: Request, _key: OperateKey) -> dict[str, str | bool]:
    """Ask the worker to run a job soon, such as `etl`, `forecast`, `maintain` or `customer_values`, each once."""
    return {"job": job, "queued": defer_job(engine_of(request), job)}


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/forecasts/promote and rollback. user: on whose behalf the key asks."""

    reason: str
    version: int | None = None
    user: str | None = None


ORDER_BYTES_MAX = 4_096


@router.post("/v1/forecasts/promote", tags=["operations"], openapi_extra=body_of(Order))
async def post_promote(request: Request, key: OperateKey) -> dict[str, Any]:
    """Publish a version whatever its score: `version` and `reason`. The history keeps who and why."""
    order = await _order(request)
    if order.version is None:
        raise Invalid("body", "Name the version to publish: {version, reason}.")
    return await run_in_threadpool(_decide, request, key, order, "promote")


@router.post("/v1/forecasts/rollback", tags=["operations"], openapi_extra=body_of(Order))
async def post_rollback(request: Request, key: OperateKey) -> dict[str, Any]:
    """Publish the previous version again, or the earlier published `version`; `reason` is saved in the audit log."""
    order = await _order(request)
    return await run_in_threadpool(_decide, request, key, order, "rollback")


async def _order(request: Request) -> Order:
    order = await read_body(request, Order, ORDER_BYTES_MAX)
    if not -(2**63) <= (order.version or 0) < 2**63:
        raise Invalid("body", "version is out of range.")
    return order


def _decide(request: Request, key: Key, order: Order, action: str) -> dict[str, Any]:
    # imported when it is asked for: the forecasting libraries take seconds that a start need not
    from forecasting.publishing.registry import promote, rollback

    by = asked_by(key, order.user)
    with engine_of(request).begin() as connection:
        outcome = (
            promote(connection, order.version, by=by, reason=order.reason)
            if action == "promote" and order.version is not None
            else rollback(connection, by=by, reason=order.reason, to=order.version)
        )
    return asdict(outcome)


def create_app(
    settings: Settings, engine: sa.Engine, cache: "redis.Redis", *, signing_key: str
) -> FastAPI:
    """Build the service over an engine and a cache client that the caller owns."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        listener = catalog.invalidation.Listener(engine, product_cache)
        listener.start()
        await run_in_threadpool(watch.start)
        alert_fan_out.close_on_signals()
        await intake.start()
        following = asyncio.create_task(alert_fan_out.run())
        keeping = asyncio.create_task(keeper.run())
        async with routed.lifespan_context(app):
            yield
        await intake.stop()
        following.cancel()
        keeping.cancel()
        await asyncio.gather(following, keeping, return_exceptions=True)
        listener.stop()
        app.state.key_ring.close()
        watch.stop()
        gate.close()
        console.close()
        reports.close()

    routed = all_parts()
    product_cache = ProductCache(cache, ttl_s=settings.cache_ttl_s)
    alert_fan_out = FanOut(engine, settings)
    app = FastAPI(
        title="Stocktide",
        version="1",
        description="Stock events in; stock, forecasts and trends out.",
        lifespan=lifespan,
        openapi_url=None,
        dependencies=[Depends(refuse_undeclared)],
    )
    app.state.engine = engine
    watch = app.state.watch = DatabaseWatch(engine)
    app.add_middleware(WhileDatabaseAnswers, watch=watch)
    app.state.settings = settings
    app.state.alert_fan_out = alert_fan_out
    app.state.key_ring = KeyRing(engine, fresh_s=settings.key_cache_s)
    recorder = app.state.recorder = Recorder(engine, settings)
    intake = app.state.intake = Intake(
        recorder, events_waiting_max=settings.events_waiting_max, check=watch.check
    )
    app.state.product_cache = product_cache
    console = app.state.console = Console(engine, settings)
    reports = app.state.reports = Reports(engine, settings, cache)
    sessions = app.state.sessions = Sessions(
        engine, signing_key, session_hours=settings.session_hours
    )
    app.state.signin = SignIn(engine, sessions)
    desk = app.state.desk = desk_of(recorder)
    app.state.order_rule = rule_of(settings)
    keeper = RuleKeeper(engine, desk, app.state.order_rule)
    app.state.order_defaults = defaults_of(settings)
    app.state.adjust_forecast = overriding.adjust_and_warn
    gate = app.state.gate = Gate()
    install_problems(app)
    # first, since the router asks one route after another
    events = EventsRoute(recorder, intake, app.state.key_ring)
    app.router.routes.insert(0, Route("/v1/events", events, methods=["POST"]))
    _document(app, {"/v1/events": EVENTS_OPENAPI})
    # `include_router` would work out once more what each of them takes and gives
    app.router.routes.extend(routed.routes)
    _require_rights(app)
    return app


def all_parts() -> APIRouter:
    """Gather the routes of all parts; they know nothing of the service that they will be in."""
    whole = APIRouter(dependencies=[Depends(refuse_undeclared)])
    parts = (
        ingest.http.routes,
        ingest.calendar.http,
        ingest.terms.http,
        ingest.overrides.http,
        ingest.customers.http,
        ingest.rates.http,
        ingest.rejects.routes,
        ingest.shopify.http,
        ingest.epcis.http.routes,
        catalog.http,
        query.http,
        query.report_http,
        query.lineage.http,
        query.saved_http,
        etl.http,
        etl.quality_http,
        alerts.http,
        alerts.webhook_http,
        purchasing.http,
    )
    for part in (
        router,
        docs_page.router,
        overriding.router,
        what_if.router,
        *(part.router for part in parts),
    ):
        whole.include_router(part)
    return whole


def _require_rights(app: FastAPI) -> None:
    """Raise Fatal for a route that does not declare who may use it."""
    silent = [route for route, right in declared_rights(app).items() if right is None]
    if silent:
        raise Fatal(
            "right_undeclared",
            f"{' '.join(silent[0])} does not declare who may use it: give it a key of stocktide.foundation.rights, "
            "or ANYBODY.",
        )


def _document(app: FastAPI, paths: dict[str, Any]) -> None:
    """Add routes that FastAPI does not know of to the OpenAPI document."""
    known = app.openapi

    def openapi() -> dict[str, Any]:
        document = known()
        for path, methods in paths.items():
            # other methods of the path stay
            document["paths"].setdefault(path, {}).update(methods)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI documents this as the way

"""A small chain in a real database; each page drawn by Streamlit's own test runner, in the role that cannot write."""

import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
import sqlalchemy as sa
import streamlit as st
from altair.utils.schemapi import debug_mode
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from alerts.evaluation import evaluate_changes
from alerts.rules import limits_of
from catalog.cache import ProductCache
from dashboard.friendly_errors import OUR_FAULT
from dashboard.orders import desk
from dashboard.reader import Reader
from dashboard.shell import PAGES, menu, page_script
from etl import run_etl
from forecasting import ForecastSpec, run_forecast
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.database import create_engine
from stocktide.foundation.embedded import Postgres, Valkey
from stocktide.foundation.lake import Lake
from stocktide.foundation.sessions import Sessions
from stocktide.foundation.settings import Settings
from stocktide.foundation.users import Role, User, set_user
from tests.conftest import Api, copied
from tests.ingest.samples import raw

DAYS = 70
HORIZON = 14
# Each run of AppTest reads what every installed package says of itself, as a server does once when it starts.
manifest_scanner.scan_component_manifests = functools.cache(
    manifest_scanner.scan_component_manifests
)
RENDER = {path: (title, render) for pages in PAGES.values() for path, title, _, render in pages}


@pytest.fixture(autouse=True)
def _main_module_comes_back() -> Iterator[None]:
    """AppTest leaves its script as the main module, which every process that is spawned later would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@dataclass
class Dashboard:
    """The pages over one database. `queries` holds what they asked since the last `draw`, `drawn` what it drew.

    personal: whether the page takes its reader for somebody who may see who customers are.
    """

    reader: Reader
    personal: bool = False
    queries: list[str] = field(default_factory=list)
    drawn: AppTest = field(init=False)

    def draw(
        self,
        page: str,
        /,
        *,
        role: Role = "operator",
        theme: str = "light",
        **query: str,
    ) -> AppTest:
        """Draw a page at an address; whatever it raises, and every warning, fails the test."""
        title, render = RENDER[page]
        drawn = AppTest.from_function(
            _script,
            args=(_with_menu(self.reader, User("anna", role, self.personal), render, title),),
            default_timeout=30,
        )
        drawn.context["theme"] = theme
        for name, value in query.items():
            drawn.query_params[name] = value
        self.queries.clear()
        self.drawn = drawn
        drawn.run()
        assert not drawn.exception, drawn.exception
        # a part on which our own code fails is left out for people, and no test's page has one
        assert not [error.value for error in drawn.error if OUR_FAULT in error.value]
        # a missing value is an empty cell, never the word None
        assert all(table.proto.placeholder == "" for table in drawn.dataframe)
        assert all(table.proto.HasField("placeholder") for table in drawn.dataframe)
        return drawn


def _script(script: "Callable[[], None]") -> None:
    script()


def _with_menu(reader: Reader, user: User, render: Any, title: str) -> Callable[[], None]:
    """The script of a page, with the menu whose pages it links to."""

    def script() -> None:
        page = menu(reader, user)
        # its first page stands for the one that is tested; any other was gone to from there
        if page.url_path and page.title != title:
            st.caption(f"Gone to {page.title}")
            return
        # as dashboard/main.py has it; the whole chart is held to its schema when it is drawn
        with debug_mode(False):
            page_script(render, title, reader, user)()

    return script


def text_of(drawn: AppTest) -> str:
    """All words on a page, one element a line."""
    kinds = ("title", "header", "markdown", "caption", "info", "error")
    said = [str(getattr(element, "value", "")) for kind in kinds for element in drawn.get(kind)]
    return "\n".join([*said, *(link.label for link in links_of(drawn))])


def click(drawn: AppTest, column: str, *, table: int = 0, row: int = 0) -> None:
    """Click a cell of a table; the page is drawn by its next run."""
    key = drawn.dataframe[table].proto.id.rpartition("-")[2]
    drawn.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": [[row, column]]}}


def links_of(drawn: AppTest) -> list[Any]:
    """The links to other pages: label, page, query_string."""
    return [element.proto for element in drawn.get("page_link")]


def charts_of(drawn: AppTest) -> list[Any]:
    """The charts as sent to the browser: their words, and their specifications."""
    return [
        f"{element.proto.alt}\n{element.proto.spec}" for element in drawn.get("vega_lite_chart")
    ]


@pytest.fixture
def open_dashboard(
    valkey_server: Valkey, valkey: "redis.Redis"
) -> Iterator[Callable[..., Dashboard]]:
    """Make a dashboard over an address of a database; with an empty cache."""
    valkey.flushall()
    engines = []

    def open_one(database_url: str, *, redis_url: str = valkey_server.url) -> Dashboard:
        engine = create_engine(database_url)
        engines.append(engine)
        cache = ProductCache(connect_cache(redis_url), ttl_s=60)
        made = Dashboard(
            Reader(Settings(), engine, cache, Sessions(engine, "k" * 32, session_hours=1))
        )

        @sa.event.listens_for(engine, "connect")
        def only_read(connection: Any, _record: Any) -> None:
            connection.execute("SET ROLE stocktide_reader")
            connection.commit()

        @sa.event.listens_for(engine, "before_cursor_execute")
        def note(_c: Any, _cursor: Any, query: str, *_rest: Any) -> None:
            made.queries.append(query)

        return made

    yield open_one
    for engine in engines:
        engine.dispose()


@pytest.fixture
def empty(open_dashboard: Callable[..., Dashboard], database_url: str) -> Dashboard:
    """The dashboard of a fresh installation."""
    return open_dashboard(database_url)


@pytest.fixture
def before_api(
    api: Api,
    database: sa.Engine,
    open_dashboard: Callable[..., Dashboard],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Dashboard:
    """The dashboard of a fresh installation, in front of its API, which it may ask for everything, in anna's name."""
    made = open_dashboard(database_url)
    with database.begin() as connection:
        set_user(connection, "anna", "a long enough password", "operator")
        session = Sessions(database, "x" * 32, session_hours=1).begin(connection, "anna", None)
    monkeypatch.setattr(desk, "session_text", lambda: session)
    key = api.operate.headers["Authorization"].removeprefix("Bearer ")
    settings = made.reader.settings.model_copy(update={"api_url": api.url, "dashboard_key": key})
    made.reader = replace(made.reader, settings=settings)
    return made


@pytest.fixture
def filled(open_dashboard: Callable[..., Dashboard], filled_url: str) -> Dashboard:
    """The dashboard of the small chain; the database is shared, and cannot be written through it."""
    return open_dashboard(filled_url)


@pytest.fixture(scope="session")
def filled_url(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The small chain: recorded by the ingest, landed by the ETL, forecast and published."""
    with copied(postgres) as url:
        engine = create_engine(url)
        lake = Lake(str(tmp_path_factory.mktemp("filled") / "lake"))
        make_known(engine)
        record(engine, small_chain(datetime.now(UTC)))
        run_etl(engine, lake)
        judge_alerts(engine)
        levels = ((), ("location",), ("product",), ("location", "product"))
        run_forecast(engine, lake, ForecastSpec(levels=levels, horizon_days=HORIZON))
        engine.dispose()
        yield url


def judge_alerts(engine: sa.Engine) -> None:
    """Judge all stock by the rules, as the part `alerts` does."""
    with engine.begin() as connection:
        evaluate_changes(connection, limits_of(Settings()))


def make_known(engine: sa.Engine) -> None:
    """Two places and four products: two of one name, one with letters that Markdown would eat, one without a name."""
    with engine.begin() as connection:
        put_products(
            connection,
            [
                ProductIn("A", name="Apples", department="Fresh", price=2, currency="EUR"),
                ProductIn(
                    "B", name="Milk *whole*", department="Fresh", category="Dairy", unit="kg"
                ),
                ProductIn("C", name="Apples", department="Home", price=5, currency="EUR"),
                ProductIn("D"),
            ],
        )
        put_locations(
            connection,
            [
                LocationIn("S1", name="High Street", region="North"),
                LocationIn("S2", name="Mill", region="South"),
            ],
        )


def record(engine: sa.Engine, raws: list[bytes]) -> None:
    """Record raw events; one of them is refused."""
    outcomes = Recorder(engine, Settings()).record("till 1", "application/x-ndjson", raws)
    assert [outcome.name for outcome in outcomes].count("rejected") == 1


def small_chain(now: datetime) -> list[bytes]:
    """Ten weeks up to today: A has run out at S1 and nearly at S2, B was oversold at S2 and
    is on order at S1, C was never received."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight - timedelta(days=DAYS)
    events: list[bytes] = []

    def add(kind: str, at: datetime, product: str, location: str, **data: Any) -> None:
        event_id = f"e{len(events)}"
        one = raw(kind=kind, event_id=event_id, product=product, location=location, **data)
        events.append(one.replace(b"2026-03-01T08:00:00+00:00", at.isoformat().encode()))

    opening = first + timedelta(hours=6)
    wanted = [3 + (first + timedelta(days=day)).weekday() for day in range(DAYS)]
    add("receipt", opening, "A", "S1", quantity=sum(wanted))
    add("receipt", opening, "A", "S2", quantity=2 * DAYS + 5)
    add("receipt", opening, "B", "S1", quantity=500)
    add("receipt", opening, "B", "S2", quantity=1)
    for day, sold in enumerate(wanted):
        at = first + timedelta(days=day, hours=10)
        add("sale", at, "A", "S1", quantity=sold, price=2, currency="EUR")
        add("sale", at, "A", "S2", quantity=2, price=2, currency="EUR")
        add("sale", at, "B", "S1", quantity="1.5")
    late = midnight - timedelta(hours=9)
    add("sale", late, "B", "S2", quantity=2)
    add("sale", late, "C", "S2", quantity=1)
    add("sale", max(midnight, now - timedelta(minutes=1)), "B", "S1", quantity="0.5")
    add("reading", max(midnight, now - timedelta(minutes=1)), "A", "S2", observed=300)
    due = (midnight + timedelta(days=2)).date().isoformat()
    add("order", late, "B", "S1", quantity=24, order_id="PO-8", expected_on=due)
    return [*events, b"{not json"]

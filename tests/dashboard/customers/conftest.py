"""The chain, landed in a lake and valued once, and the page over a real API."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from dashboard.reader import Reader
from etl import run_etl
from forecasting.customer_values import JOB, value_customers
from ingest.ledger.dimensions import put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.entrypoints.api import create_app
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.database import create_engine
from stocktide.foundation.embedded import Postgres, Valkey
from stocktide.foundation.keys import create_key
from stocktide.foundation.lake import Lake
from stocktide.foundation.runs import recorded_run
from stocktide.foundation.settings import load_settings
from tests.conftest import copied, serving
from tests.dashboard.conftest import Dashboard
from tests.dashboard.customers.chain import NOW, locations, make, products
from tests.dashboard.report_frames import report_frame

SIGNING_KEY = "x" * 32


@dataclass(frozen=True)
class Chain:
    """What happened, and where to ask for it. lines: as made, with the pseudonym of each customer."""

    lines: pd.DataFrame
    engine: sa.Engine
    lake: Lake
    api_url: str
    key: str

    def report(self, name: str, **parameters: Any) -> pd.DataFrame:
        """Rows of a report."""
        return report_frame(self.api_url, self.key, name, parameters)

    @property
    def named(self) -> pd.DataFrame:
        """Lines in euros that name a customer."""
        return self.lines[self.lines["pseudonym"].notna() & (self.lines["currency"] == "EUR")]


@pytest.fixture(scope="module")
def chain(
    postgres: Postgres, valkey_server: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chain]:
    """The chain in a database and a lake of its own, valued, behind the real API."""
    lines, events = make(11)
    settings = load_settings(home=tmp_path_factory.mktemp("customers"))
    with copied(postgres) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            put_products(connection, products())
            put_locations(connection, locations())
            key = create_key(connection, "dashboard", "operate")
        recorder = Recorder(engine, settings)
        outcomes = recorder.record("till", "application/x-ndjson", events)
        assert {outcome.name for outcome in outcomes} == {"accepted"}
        lake = Lake(settings.lake_root)
        run_etl(engine, lake)
        with recorded_run(engine, JOB) as run:
            run.detail.update(value_customers(engine, lake))
        with engine.connect() as connection:
            rows = connection.execute(sa.text("SELECT event_id, customer_id FROM ledger"))
            pseudonyms = {row.event_id: row.customer_id for row in rows}
        lines["pseudonym"] = lines["event"].map(pseudonyms)
        app = create_app(
            settings, engine, connect_cache(valkey_server.url), signing_key=SIGNING_KEY
        )
        with serving(app) as api_url:
            yield Chain(lines, engine, lake, api_url, key)
        engine.dispose()


@pytest.fixture
def page(chain: Chain, open_dashboard: Callable[..., Dashboard]) -> Dashboard:
    """The page in the evening of the last day."""
    made = open_dashboard(chain.engine.url.render_as_string(hide_password=False))
    made.reader = with_settings(made.reader, api_url=chain.api_url, dashboard_key=chain.key)
    made.reader = replace(made.reader, clock=lambda: NOW)
    return made


def with_settings(reader: Reader, **changed: Any) -> Reader:
    """The reader with other settings."""
    return replace(reader, settings=reader.settings.model_copy(update=changed))

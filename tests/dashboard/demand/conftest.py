"""The chain, landed in a lake once, and the page over a real API."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pytest

from dashboard.reader import Reader
from etl import run_etl
from ingest.ledger.dimensions import put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.entrypoints.api import create_app
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.database import create_engine
from stocktide.foundation.embedded import Postgres, Valkey
from stocktide.foundation.keys import create_key
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings, load_settings
from tests.conftest import copied, serving
from tests.dashboard.conftest import Dashboard
from tests.dashboard.demand.chain import NOW, locations, make, products
from tests.dashboard.report_frames import report_frame


@dataclass(frozen=True)
class Chain:
    """What happened, and where to ask for it. days, lines: as the chain made them."""

    days: pd.DataFrame
    lines: pd.DataFrame
    database_url: str
    api_url: str
    key: str

    def report(self, name: str, **parameters: Any) -> pd.DataFrame:
        """Rows of a report."""
        return report_frame(self.api_url, self.key, name, parameters)


@pytest.fixture(scope="module")
def chain(
    postgres: Postgres, valkey_server: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chain]:
    """The chain in a database and a lake of its own, behind the real API."""
    days, lines, events = make(7)
    settings = load_settings(home=tmp_path_factory.mktemp("demand"))
    with copied(postgres) as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            put_products(connection, products())
            put_locations(connection, locations())
            key = create_key(connection, "dashboard", "operate")
        outcomes = Recorder(engine, Settings()).record("till", "application/x-ndjson", events)
        assert {outcome.name for outcome in outcomes} == {"accepted"}
        run_etl(engine, Lake(settings.lake_root))
        app = create_app(settings, engine, connect_cache(valkey_server.url), signing_key="x" * 32)
        with serving(app) as api_url:
            yield Chain(days, lines, url, api_url, key)
        engine.dispose()


@pytest.fixture
def page(chain: Chain, open_dashboard: Callable[..., Dashboard]) -> Dashboard:
    """The page in the afternoon of the last day."""
    made = open_dashboard(chain.database_url)
    settings = made.reader.settings.model_copy(
        update={"api_url": chain.api_url, "dashboard_key": chain.key}
    )
    made.reader = replace(made.reader, settings=settings, clock=lambda: NOW)
    return made


def with_settings(reader: Reader, **changed: Any) -> Reader:
    """The reader with other settings."""
    return replace(reader, settings=reader.settings.model_copy(update=changed))

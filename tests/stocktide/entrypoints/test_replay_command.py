"""`stocktide replay` on a small chain: by hand, and as the job of the worker."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from etl import run_etl
from forecasting.forecast_setup import make_setup
from forecasting.spec import spec_from_toml
from forecasting.structure.hierarchy import build_hierarchy
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.entrypoints.cli.context import load_config
from stocktide.entrypoints.cli.main import cli
from stocktide.entrypoints.worker import make_app
from stocktide.foundation.jobs import COMMANDS
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw
from tests.stocktide.entrypoints.test_replaying import DAYS, LEVELS, demand

# A replay knows 8 weeks before those that it plays.
WEEKS = 5
HISTORY = (8 + WEEKS) * 7 + 3
QUICK = """\
[forecast]
horizon_days = 28
candidates = ["seasonal_naive"]
backtest_origins = 1
find_stock_outs = true

[hierarchy]
levels = [[], ["location", "product"]]
"""


@pytest.fixture
def chain(
    database: sa.Engine,
    database_url: str,
    home: Path,
    valkey_server: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> sa.Engine:
    """Two products that sell every day at one shop, landed in the lake of a home; what runs there finds them."""
    for name, value in {
        "STOCKTIDE_HOME": str(home),
        "STOCKTIDE_CONFIG": str(home / "stocktide.toml"),
        "STOCKTIDE_DATABASE_URL": database_url,
        "STOCKTIDE_REDIS_URL": valkey_server.url,
    }.items():
        monkeypatch.setenv(name, value)
    (home / "stocktide.toml").write_text(QUICK, "utf-8")
    with database.begin() as connection:
        put_products(connection, [ProductIn(sku, price="3", currency="EUR") for sku in "AB"])
        put_locations(connection, [LocationIn("S1")])
    first = datetime.now(UTC).replace(hour=10, minute=0, second=0) - timedelta(days=HISTORY + 1)
    rng = np.random.default_rng(3)
    sales = [
        raw(
            kind="sale", event_id=f"{sku}{day}", product=sku, quantity=1 + int(rng.poisson(3))
        ).replace(b"2026-03-01T08:00:00+00:00", (first + timedelta(days=day)).isoformat().encode())
        for day in range(HISTORY)
        for sku in "AB"
    ]
    outcomes = Recorder(database, Settings()).record("till", "", sales)
    assert {outcome.name for outcome in outcomes} == {"accepted"}
    run_etl(database, Lake(Settings(home=home).lake_root))
    return database


def replay(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["replay", *arguments])


def replays(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(
            connection.execute(sa.text("SELECT made_by, result FROM replays ORDER BY replay_id"))
        )


def test_replay_is_played_kept_and_printed_by_hand_and_by_the_worker(
    chain: sa.Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "replay.html"
    terms = ("--weeks", str(WEEKS), "--target", "0.9", "--lead", "3")
    done = replay(*terms, "--json", "--report", str(page))
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["items"], told["options"]["weeks"]) == (2, WEEKS)
    ours = [one for one in told["policies"] if one["name"] == "stocktide"]
    assert [one["knob"] for one in ours] == [0.9]
    assert 0.7 < ours[0]["fill_rate"] <= 1
    assert "<html" in page.read_text("utf-8")
    # what the worker runs where the job is asked for; of as few weeks
    monkeypatch.setitem(COMMANDS, "replay", (*COMMANDS["replay"], *terms))
    make_app(database_url, Settings()).tasks["replay"].func()
    by_hand, by_worker = replays(chain)
    assert by_hand.result["policies"] == told["policies"]
    assert by_worker.result["policies"] == by_hand.result["policies"]
    short = replay("--weeks", str(WEEKS + 9))
    assert short.exit_code == 1, short.output
    assert (
        f"enough for at most {(HISTORY - 56) // 7} weeks. Take fewer weeks"
        in f"{short.output}{short.exception}"
    )
    wrong = replay("--weeks", "1")
    assert "--weeks is 1; it is at least 5." in f"{wrong.output}{wrong.exception}"


def test_stock_outs_are_looked_for_where_the_file_says_so(home: Path) -> None:
    """A pause that is too long for chance is a stock-out, and off unless set."""
    units = np.random.default_rng(1).poisson(4.0, (DAYS, 1)).astype(float)
    units[40:55] = 0
    seen = demand(units)
    hierarchy = build_hierarchy(LEVELS, seen.leaves)
    found = []
    for text in (
        QUICK,
        QUICK.replace("= true", "= false"),
        QUICK.replace("find_stock_outs = true\n", ""),
    ):
        told = text.replace('["location", "product"]', '["product"]')
        path = home / "stocktide.toml"
        path.write_text(told, "utf-8")
        spec = spec_from_toml(load_config(Settings(config=path)))
        found.append(int(make_setup(seen, hierarchy, spec).demand.empty.sum()))
    # the shop of the total is empty with its only product
    assert found[0] >= 15
    assert found[1:] == [0, 0]

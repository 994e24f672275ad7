"""Days beyond their pair's own history: flagged, kept out of training, and decided by somebody."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from catalog.unusual_days import list_unusual_days
from etl import run_etl
from etl.unusual_days import Decision, decide_unusual_day
from forecasting.lake_demand import read_demand
from forecasting.lake_unusual import read_unusual_days
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.entrypoints.cli.main import cli
from stocktide.foundation.errors import Invalid, NotFound
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.conftest import Api
from tests.ingest.samples import START, raw

pytestmark = pytest.mark.usefixtures("days_only")

LEVELS = ((), ("location", "product"))
DAY_MINUTES = 24 * 60


class Shop:
    """One shop, its events and its lake."""

    def __init__(self, database: sa.Engine, folder: Path) -> None:
        with database.begin() as connection:
            put_products(connection, [ProductIn("A"), ProductIn("B")])
            put_locations(connection, [LocationIn("S1")])
        self.engine, self.lake, self.count = database, Lake(str(folder)), 0
        self.recorder = Recorder(database, Settings())

    def send(self, kind: str, day: int, product: str = "A", **data: Any) -> str:
        """Record an event of a day, counted from START; returns its id."""
        self.count += 1
        if kind != "correction":
            data["product"] = product
        sent = raw(event_id=f"e{self.count}", kind=kind, minute=day * DAY_MINUTES, **data)
        assert self.recorder.record("till", "", [sent])[0].name == "accepted"
        return f"e{self.count}"

    def sell(self, units: Sequence[int], product: str = "A") -> list[str]:
        """Sell so much on one day after the other; returns the ids."""
        return [self.send("sale", day, product, quantity=n) for day, n in enumerate(units) if n]

    def flags(self) -> list[tuple[date, float, float, str]]:
        """The flagged days after an ETL run: day, sold, usual, state."""
        run_etl(self.engine, self.lake)
        rows, found = list_unusual_days(self.engine)
        assert found == len(rows)
        return [(row["day"], row["sold"], row["usual"], row["state"]) for row in rows]

    def decide(self, day: date, decision: Decision) -> None:
        """Decide about a day of product A."""
        with self.engine.begin() as connection:
            decide_unusual_day(
                connection, "A", "S1", day, decision, by="ann", reason="asked the shop"
            )

    def trained(self) -> float:
        """The units of the chain that training would see."""
        now = START + timedelta(days=90)
        unusual = read_unusual_days(self.engine, at=datetime.now(UTC))
        return float(read_demand(self.lake, LEVELS, now=now, unusual=unusual).units.sum())


@pytest.fixture
def shop(database: sa.Engine, tmp_path: Path) -> Shop:
    return Shop(database, tmp_path)


def day(number: int) -> date:
    return (START + timedelta(days=number)).date()


USUAL = [3, 5, 4, 0, 6, 5, 4] * 8


def test_a_mistyped_day_is_held_out_until_somebody_decides(shop: Shop) -> None:
    shop.sell(USUAL)
    assert shop.flags() == []
    before = shop.trained()
    shop.send("sale", 30, quantity=50_000)
    assert shop.flags() == [(day(30), 50_000 + USUAL[30], 5.0, "open")]
    assert shop.trained() == before - USUAL[30] + 5
    shop.decide(day(30), "excluded")
    assert shop.trained() == before - USUAL[30] + 5
    shop.decide(day(30), "confirmed")
    assert shop.trained() == before + 50_000
    rows, _ = list_unusual_days(shop.engine, state="confirmed")
    assert (rows[0]["decided_by"], rows[0]["reason"]) == ("ann", "asked the shop")


def test_a_decision_holds_for_the_amount_that_it_was_made_for(shop: Shop) -> None:
    shop.sell(USUAL)
    shop.send("sale", 30, quantity=5_000)
    shop.flags()
    shop.decide(day(30), "confirmed")
    shop.send("sale", 40, quantity=1)
    assert [state for *_, state in shop.flags()] == ["confirmed"]
    shop.send("sale", 30, quantity=60_000)
    assert [state for *_, state in shop.flags()] == ["open"]


def test_a_corrected_mistake_is_flagged_no_longer(shop: Shop) -> None:
    shop.sell(USUAL)
    wrong = shop.send("sale", 30, quantity=50_000)
    assert len(shop.flags()) == 1
    shop.send("correction", 31, corrects_id=wrong)
    assert shop.flags() == []


@pytest.mark.parametrize(
    ("units", "why"),
    [
        ([*USUAL[:30], 40, *USUAL[31:]], "a good day is not ten times the best one"),
        ([*USUAL[:30], *[400] * 10, *USUAL[40:]], "a season lasts"),
        ([1] * 20 + [49], "so few units do no harm"),
        ([5, 5, 5, 5_000], "too short a history to say"),
        ([50_000] * 60, "a product that sells much every day"),
    ],
)
def test_what_is_not_unusual_is_not_flagged(shop: Shop, units: list[int], why: str) -> None:
    shop.sell(units)
    assert shop.flags() == [], why


def test_a_promotion_is_meant_to_sell(shop: Shop) -> None:
    shop.sell(USUAL)
    shop.send("price", 30, price=1, promotion=True)
    shop.send("sale", 30, quantity=50_000)
    assert shop.flags() == []


def test_only_the_pair_of_the_mistake_is_held_out(shop: Shop) -> None:
    shop.sell(USUAL)
    shop.sell(USUAL, "B")
    shop.send("sale", 30, "B", quantity=9_000)
    assert [sold for _, sold, _, _ in shop.flags()] == [9_000 + USUAL[30]]
    assert list_unusual_days(shop.engine)[0][0]["product"] == "B"


def test_a_decision_needs_a_flagged_day_and_a_reason(shop: Shop) -> None:
    shop.sell(USUAL)
    shop.send("sale", 30, quantity=50_000)
    shop.flags()
    with shop.engine.connect() as connection:
        with pytest.raises(NotFound, match="not flagged"):
            decide_unusual_day(connection, "A", "S1", day(3), "confirmed", by="ann", reason="x")
        with pytest.raises(Invalid, match="reason"):
            decide_unusual_day(connection, "A", "S1", day(30), "confirmed", by="ann", reason=" ")


def test_the_api_lists_and_decides(shop: Shop, api: Api) -> None:
    shop.sell(USUAL)
    shop.send("sale", 30, quantity=50_000)
    shop.flags()
    listed = api.read.get("/v1/unusual-days", params={"state": "open"}).json()
    assert (listed["found"], listed["days"][0]["product"], listed["days"][0]["usual"]) == (
        1,
        "A",
        5,
    )
    body = {
        "product": "A",
        "location": "S1",
        "day": str(day(30)),
        "decision": "excluded",
        "reason": "typo",
    }
    assert api.read.post("/v1/unusual-days/decide", json=body).status_code == 403
    assert (
        api.operate.post("/v1/unusual-days/decide", json=body | {"user": "ann"}).json()["decision"]
        == "excluded"
    )
    assert api.read.get("/v1/unusual-days", params={"state": "open"}).json() == {
        "days": [],
        "found": 0,
    }
    decided = api.read.get("/v1/unusual-days").json()["days"][0]
    assert decided["decided_by"] == "ann (key test operate)"
    for wrong in (
        {"day": str(day(2))},
        {"product": "Z"},
        {"decision": "open"},
        {"reason": ""},
        {"day": "soon"},
    ):
        answer = api.operate.post("/v1/unusual-days/decide", json=body | wrong)
        assert answer.status_code in (400, 404), wrong
        assert answer.json()["detail"]


def test_the_command_line_lists_and_decides(shop: Shop, home: Path) -> None:
    url = shop.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    environment = {
        "STOCKTIDE_HOME": str(home),
        "STOCKTIDE_DATABASE_URL": url,
        "STOCKTIDE_REDIS_URL": "redis://x",
    }

    def run(*words: str) -> str:
        done = CliRunner().invoke(cli, ["demand", *words], env=environment)
        assert done.exit_code == 0, done.output
        return done.stdout

    assert "No day is flagged" in run("unusual")
    shop.sell(USUAL)
    shop.send("sale", 30, quantity=50_000)
    shop.flags()
    assert "50,004" in run("unusual")
    assert "is excluded" in run("exclude", "A", "S1", str(day(30)), "--reason", "typed twice")
    listed = json.loads(run("unusual", "--json"))["days"][0]
    assert (listed["state"], listed["reason"]) == ("excluded", "typed twice")
    assert "is confirmed" in run("confirm", "A", "S1", str(day(30)), "--reason", "a wedding")

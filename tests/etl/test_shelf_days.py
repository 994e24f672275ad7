"""The population of the out-of-stock rate: every known shelf-day, against a plain reading day by day."""

from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.frames import read_frame
from etl import run_etl
from etl.check import check_all
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.examples import examples
from tests.ingest.samples import START, raw

pytestmark = pytest.mark.usefixtures("days_only")

DAY = 24 * 60
SILENT_DAYS = 28
FIRST = START.date()


class Shop:
    """Products A and B at S1 and S2, recorded and loaded."""

    def __init__(self, engine: sa.Engine, folder: Path) -> None:
        self.engine, self.lake, self.count = engine, Lake(str(folder / "lake")), 0
        with engine.begin() as connection:
            put_products(connection, [ProductIn("A"), ProductIn("B")])
            put_locations(connection, [LocationIn("S1"), LocationIn("S2")])
        self.recorder = Recorder(engine, Settings())

    def send(self, kind: str, day: int, **data: Any) -> None:
        self.count += 1
        sent = raw(kind=kind, event_id=f"e{self.count}", minute=day * DAY, **data)
        assert self.recorder.record("till", "", [sent])[0].name == "accepted"

    def load(self) -> None:
        run_etl(self.engine, self.lake)

    def days(self, count: int, *, through: int) -> list[tuple[int, int]]:
        """Known shelf-days and empty ones of the last days, as pages read them."""
        last = FIRST + timedelta(days=through)
        found = read_frame(self.engine, "shelf_days", days=count, through=last)
        by_day = {row["day"]: (int(row["known"]), int(row["empty"])) for _, row in found.iterrows()}
        wanted = [last - timedelta(days=back) for back in range(count)][::-1]
        return [by_day.get(day, (0, 0)) for day in wanted]


@pytest.fixture
def shop(database: sa.Engine, tmp_path: Path) -> Shop:
    return Shop(database, tmp_path)


def test_a_wholly_empty_day_without_any_movement_counts_and_so_does_a_full_one(shop: Shop) -> None:
    shop.send("stocktake", 0, counted=0)
    shop.send("stocktake", 0, product="B", counted=5)
    shop.send("receipt", 4, quantity=3)
    shop.load()
    # four days empty and the fifth till eight; the other shelf is full all the time and never moves
    assert shop.days(6, through=5) == [(2, 1), (2, 1), (2, 1), (2, 1), (2, 1), (2, 0)]


def test_a_shelf_is_one_from_its_first_known_stock_until_it_is_silent(shop: Shop) -> None:
    shop.send("sale", 0, quantity=1)
    shop.send("stocktake", 2, counted=0)
    shop.load()
    assert shop.days(3, through=2) == [(0, 0), (0, 0), (1, 1)]
    assert shop.days(2, through=2 + SILENT_DAYS + 1) == [(1, 1), (0, 0)]


def test_a_book_below_zero_is_no_known_shelf_day(shop: Shop) -> None:
    shop.send("receipt", 0, quantity=2)
    shop.send("sale", 1, quantity=5)
    shop.send("stocktake", 4, counted=1)
    shop.load()
    assert shop.days(5, through=4) == [(1, 0), (0, 0), (0, 0), (0, 0), (1, 0)]


# kind, day, product, location, amount
one = st.tuples(
    st.sampled_from(["sale", "receipt", "stocktake"]),
    st.integers(0, 70),
    st.sampled_from("AB"),
    st.sampled_from(["S1", "S2"]),
    st.integers(0, 3),
).filter(lambda event: event[0] == "stocktake" or event[4] > 0)


def by_hand(engine: sa.Engine) -> dict[tuple[str, date], tuple[int, int]]:
    """Walk each pair day by day from its rows of daily_demand."""
    query = (
        "SELECT l.code, d.product_id, d.day, d.in_stock_share, d.censored, d.on_hand_milli FROM daily_demand d"
        " JOIN locations l USING (location_id) ORDER BY 1, 2, 3"
    )
    pairs: dict[tuple[str, int], dict[date, Any]] = defaultdict(dict)
    with engine.connect() as connection:
        for found_row in connection.execute(sa.text(query)):
            pairs[found_row.code, found_row.product_id][found_row.day] = found_row
    found: dict[tuple[str, date], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for (code, _), rows in pairs.items():
        last: Any = None
        for day in (FIRST + timedelta(days=number) for number in range(71 + SILENT_DAYS + 2)):
            row: Any = rows.get(day)
            if row is not None:
                known, empty, last = row.in_stock_share is not None, row.censored, row
            elif last is None or (day - last.day).days > SILENT_DAYS or last.on_hand_milli is None:
                continue
            else:
                known, empty = last.on_hand_milli >= 0, last.on_hand_milli == 0
            before = found[code, day]
            found[code, day] = (before[0] + known, before[1] + empty)
    return {where: counts for where, counts in found.items() if counts[0]}


@settings(max_examples=examples(5), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(one, min_size=1, max_size=8), min_size=1, max_size=3))
def test_shelf_days_are_those_of_a_plain_reading_however_events_arrive(
    shop: Shop, batches: list[list[tuple[str, int, str, str, int]]]
) -> None:
    """The database keeps what earlier examples sent: each adds to it, late and in any order."""
    for batch in batches:
        for kind, day, product, location, amount in batch:
            said = {"counted" if kind == "stocktake" else "quantity": amount}
            shop.send(kind, day, product=product, location=location, **said)
        shop.load()
    query = "SELECT code, day, known, empty FROM shelf_days JOIN locations USING (location_id)"
    with shop.engine.connect() as connection:
        rows = connection.execute(sa.text(query)).all()
    assert {(row.code, row.day): (row.known, row.empty) for row in rows} == by_hand(shop.engine)
    assert check_all(shop.engine, shop.lake).holds

"""A run of the ETL that is killed in any of its steps of input and output, while others write the ledger."""

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from etl import run_etl
from etl.check import check_all
from etl.delta import open_table, watermark_of
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import FeedRequest, Recorder, record_requests
from stocktide.foundation.database import create_engine
from stocktide.foundation.errors import Conflict
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw
from tests.io_steps import run_until
from tests.system.running import wait_until

DAY = 1440
WRITERS = 8
PAUSE_S_MAX = 0.3
# How many steps a run is killed in, spread over all; ETL_KILLS=all: in each, in parts of a ledger of their own, for the
# eight writers never rest.
KILLS = os.environ.get("ETL_KILLS", "5")
PARTS = 16 if KILLS == "all" else 1


def run(url: str, folder: str) -> None:
    """One run, in a separate process."""
    engine = create_engine(url)
    run_etl(engine, Lake(folder))
    engine.dispose()


def run_next(engine: sa.Engine, lake: Lake) -> None:
    """The run after one that was killed: as soon as the server has noticed that its connection is gone."""

    def ran() -> bool:
        try:
            run_etl(engine, lake)
        except Conflict:
            return False
        return True

    wait_until(ran, 30, "the killed run's connection stays")


@contextmanager
def writing(recorder: Recorder) -> Iterator[None]:
    """Writers who hold their transactions open for a random while, for as long as the block lasts."""
    over = threading.Event()
    failed: list[Exception] = []

    def write(writer: int) -> None:
        chance, number = random.Random(writer), 0
        while not over.is_set():
            number += 1
            sale = raw(
                kind=chance.choice(["sale", "receipt"]),
                event_id=f"w{writer}-{number}",
                product=chance.choice("AB"),
                location=chance.choice(["S1", "S2"]),
                minute=chance.randrange(60 * DAY),
                quantity=chance.randrange(1, 9),
            )
            try:
                with recorder.engine.begin() as connection:
                    parsed = recorder.parser.parse_all([sale])
                    record_requests(
                        connection, recorder.ledger, [FeedRequest("till", "", [sale], parsed)]
                    )
                    time.sleep(chance.random() * PAUSE_S_MAX)
            except Exception as error:
                failed.append(error)
                raise

    writers = [threading.Thread(target=write, args=(n,)) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        over.set()
        for writer in writers:
            writer.join()
    assert failed == []


Row = tuple[int, str, int, int]


def in_lake(lake: Lake) -> list[Row]:
    table = open_table(lake, "movements")
    assert table is not None
    duck = duckdb.connect()
    duck.register("landed", table.to_pyarrow_dataset())
    query = "SELECT entry_id, event_id, leg, quantity_milli FROM landed ORDER BY ALL"
    return [(*row,) for row in duck.execute(query).fetchall()]


def in_ledger(engine: sa.Engine, lake: Lake) -> list[Row]:
    query = sa.text(
        "SELECT entry_id, event_id, leg, quantity_milli FROM ledger WHERE xid < CAST(:mark AS xid8) ORDER BY 1, 2, 3, 4"
    )
    with engine.connect() as connection:
        mark = str(watermark_of(open_table(lake, "movements")))
        return [(*row,) for row in connection.execute(query, {"mark": mark})]


@pytest.mark.slow
@pytest.mark.timeout(1_200 if KILLS == "all" else 300)
@pytest.mark.parametrize("part", range(PARTS))
def test_lake_is_ledger_after_a_run_that_is_killed_in_any_step_while_others_write(
    database: sa.Engine, tmp_path: Path, part: int
) -> None:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A"), ProductIn("B")])
        put_locations(connection, [LocationIn("S1", timezone="Europe/Berlin"), LocationIn("S2")])
    recorder = Recorder(database, Settings())
    url = database.url.render_as_string(hide_password=False)
    lake = Lake(str(tmp_path / "lake"))
    with writing(recorder):
        time.sleep(PAUSE_S_MAX)
        run_until(None, run, url, str(tmp_path / "lake"))
        time.sleep(PAUSE_S_MAX)
        steps = run_until(None, run, url, str(tmp_path / "lake"))
        kills = steps if KILLS == "all" else int(KILLS)
        for number in range(part, kills, PARTS):
            run_until(steps * number // kills, run, url, str(tmp_path / "lake"))
            run_next(database, lake)
            assert in_lake(lake) == in_ledger(database, lake)
    run_etl(database, lake)
    landed = in_lake(lake)
    assert landed == in_ledger(database, lake)
    assert len({(event_id, leg) for _, event_id, leg, _ in landed}) == len(landed) > kills
    assert check_all(database, lake).holds

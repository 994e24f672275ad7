"""What one shop will not sell soon serves another, before anything is bought."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from etl.check import ledger_faults
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from purchasing.desk.proposals import put_proposals, see
from purchasing.moves import close_moves, list_moves, list_under_way, send_moves
from purchasing.proposing.arrays import Future
from purchasing.proposing.facts import Doubt, Doubts
from purchasing.proposing.prepare import Defaults
from purchasing.proposing.run import ReadFutures, from_today, propose_today
from stocktide.entrypoints.ordering import recording
from stocktide.foundation.errors import Conflict, NotFound
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw

TODAY = date(2026, 3, 2)
PATHS, DAYS = 200, 28
PLACES = {"S1": "North", "S2": "North", "S3": "South"}
STOCK = {"S1": 300, "S2": 5, "S3": 5}


@pytest.fixture
def chain(database: sa.Engine) -> sa.Engine:
    """Three shops, the third in another region; the first has far more of A than it sells in a month."""
    with database.begin() as connection:
        put_products(connection, [ProductIn("A", name="Apples", price="20", currency="EUR")])
        put_locations(connection, [LocationIn(code, region=of) for code, of in PLACES.items()])
    sent = [
        raw(kind="receipt", event_id=f"r{code}", product="A", location=code, quantity=units)
        for code, units in STOCK.items()
    ]
    outcomes = Recorder(database, Settings()).record("till", "", sent)
    assert {outcome.name for outcome in outcomes} == {"accepted"}
    return database


def futures(a_day: float) -> ReadFutures:
    """Poisson demand of A in every shop."""

    def read() -> tuple[int, Iterator[Future]]:
        rng = np.random.default_rng(7)
        ends, leaves = pd.date_range(TODAY, periods=DAYS), pd.DataFrame({"product": ["A"]})
        return 3, iter(
            [
                from_today(
                    code,
                    leaves,
                    ends,
                    rng.poisson(a_day, (PATHS, 1, DAYS)).astype(np.float32),
                    frequency="D",
                    today=TODAY,
                )
                for code in PLACES
            ]
        )

    return read


def propose(
    engine: sa.Engine, *, worth: float = 25.0, doubts: Doubts | None = None
) -> list[dict[str, Any]]:
    propose_today(
        engine,
        futures(4.0),
        today=TODAY,
        defaults=Defaults(move_worth=worth),
        by="test",
        read_doubts=lambda: doubts or {},
    )
    with engine.connect() as connection:
        return list_moves(connection)


def test_what_one_shop_will_not_sell_goes_to_another_of_its_region(chain: sa.Engine) -> None:
    (move,) = propose(chain)
    assert (move["source"], move["target"], move["product_name"]) == ("S1", "S2", "Apples")
    # 28 days of 4 a day and a little more stay
    assert move["wanted"] < move["units"] < 300 - 28 * 4
    # S2 has 5, and an order comes in a week: a move serves the days until then as well
    assert move["units"] == pytest.approx(8 * 4 - 5, abs=4)
    assert move["worth"] == pytest.approx(move["units"] * 20 * Defaults().cost_share)
    assert (move["is_sent"], move["has_arrived"]) == (False, False)
    assert propose(chain, worth=move["worth"] + 1) == []
    assert propose(chain, doubts={("A", "S1"): Doubt(0.8, 9)}) == []


def test_a_move_is_sent_once_and_counts_at_once(chain: sa.Engine) -> None:
    (move,) = propose(chain)
    record = recording(Recorder(chain, Settings()))
    for _ in range(2):
        with chain.begin() as connection:
            (sent,) = send_moves(connection, record, [move["transfer_id"]], by="anna")
        assert sent["is_sent"]
    stock = sa.text(
        "SELECT l.code, s.on_hand_milli / 1000 FROM stock s JOIN locations l USING (location_id)"
    )
    with chain.connect() as connection:
        left = dict(tuple(row) for row in connection.execute(stock))
    assert left["S1"] == 300 - move["units"]
    # what is in transit counts: a few units for the worst days are all that is wanted still
    assert sum(one["units"] for one in propose(chain)) < move["units"] / 3
    with chain.begin() as connection, pytest.raises(NotFound, match="proposes no move"):
        send_moves(connection, record, [move["transfer_id"]], by="anna")


def test_a_move_that_came_short_is_closed(chain: sa.Engine) -> None:
    first, second = put_moves(chain, ("S2", 6), ("S3", 3))
    recorder = Recorder(chain, Settings())
    record = recording(recorder)
    with chain.begin() as connection:
        send_moves(connection, record, [first, second], by="anna")
    came = raw(
        kind="arrival", event_id="a", product="A", location="S2", quantity=1, transfer_id=first
    )
    assert recorder.record("dock", "", [came])[0].name == "accepted"
    with chain.begin() as connection:
        close_moves(connection, record, [second], by="anna", reason="not sent")
        (_, other) = list_moves(connection)
        assert other["is_closed"]
    # another run has other moves, and this one is still under way
    put_moves(chain)
    with chain.begin() as connection:
        (short,) = list_under_way(connection)
        assert (short["source"], short["units"], short["came"]) == ("S1", 6.0, 1.0)
        with pytest.raises(NotFound, match="Nothing of the move 'MV-"):
            close_moves(connection, record, [first, second], by="anna", reason="stolen")
        (closed,) = close_moves(
            connection, record, [first], by="anna", reason="stolen", rest="lost"
        )
        assert closed["told"] == "5 of A were written off at S1."
        assert list_under_way(connection) == []
    left = "SELECT code, on_hand_milli / 1000 FROM stock JOIN locations USING (location_id)"
    with chain.connect() as connection:
        stock = dict(tuple(row) for row in connection.execute(sa.text(left)))
    assert stock == {"S1": 294, "S2": 6, "S3": 5}
    assert not any(ledger_faults(chain).values())


def test_a_move_of_what_is_gone_is_refused(chain: sa.Engine) -> None:
    (move,) = propose(chain)
    recorder = Recorder(chain, Settings())
    sold = raw(kind="sale", event_id="s", product="A", location="S1", quantity=299)
    assert recorder.record("till", "", [sold])[0].name == "accepted"
    with (
        chain.begin() as connection,
        pytest.raises(Conflict, match="S1 has 1 of Apples to send, not"),
    ):
        send_moves(connection, recording(recorder), [move["transfer_id"]], by="anna")


def put_moves(engine: sa.Engine, *moves: tuple[str, float]) -> list[str]:
    """A run proposes moves of A from S1; returns their ids."""
    told = [
        {
            "product": "A",
            "source": "S1",
            "target": target,
            "units": units,
            "worth": 1.0,
            "wanted": 1.0,
        }
        for target, units in moves
    ]
    with engine.begin() as connection:
        put_proposals(connection, replace(see(connection), detail={"moves": told}), [], by="run")
        return [move["transfer_id"] for move in list_moves(connection)]


def send_beside(engine: sa.Engine, first: str, second: str) -> list[dict[str, Any]]:
    """Send a move while another sender has not committed yet; returns what the second is told."""
    record = recording(Recorder(engine, Settings()))

    def send() -> list[dict[str, Any]]:
        with engine.begin() as connection:
            return send_moves(connection, record, [second], by="ben")

    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as connection:
            send_moves(connection, record, [first], by="anna")
            sending = threads.submit(send)
            wait([sending], timeout=0.3)
        return sending.result()


def test_two_who_send_at_once_send_a_move_once(chain: sa.Engine) -> None:
    (move,) = put_moves(chain, ("S2", 200.0))
    (sent,) = send_beside(chain, move, move)
    assert (sent["is_sent"], sent["on_hand"]) == (True, 100.0)


def test_two_who_send_at_once_send_no_more_than_there_is(chain: sa.Engine) -> None:
    one, two = put_moves(chain, ("S2", 200.0), ("S3", 200.0))
    with pytest.raises(Conflict, match="S1 has 100 of Apples to send, not 200"):
        send_beside(chain, one, two)
    again = put_moves(chain, ("S3", 60.0), ("S3", 60.0))
    with pytest.raises(Conflict, match="S1 has 40 of Apples"), chain.begin() as connection:
        send_moves(connection, recording(Recorder(chain, Settings())), again, by="anna")


def test_a_move_that_a_run_did_not_see_sent_is_not_sent_again(chain: sa.Engine) -> None:
    record = recording(Recorder(chain, Settings()))
    (old,) = put_moves(chain, ("S2", 50.0))
    with chain.connect() as looking:
        seen = see(looking)
    with chain.begin() as connection:
        send_moves(connection, record, [old], by="anna")
    told = {
        "product": "A",
        "source": "S1",
        "target": "S2",
        "units": 50.0,
        "worth": 1.0,
        "wanted": 1.0,
    }
    with chain.begin() as connection:
        put_proposals(connection, replace(seen, detail={"moves": [told]}), [], by="run")
        (new,) = list_moves(connection)
        with pytest.raises(Conflict, match="was sent to S2 since"):
            send_moves(connection, record, [new["transfer_id"]], by="ben")

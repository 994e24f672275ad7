"""What one shop will not sell soon serves another, before anything is bought."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from purchasing.moves import list_moves, send_moves
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


def test_a_move_of_what_is_gone_is_refused(chain: sa.Engine) -> None:
    (move,) = propose(chain)
    recorder = Recorder(chain, Settings())
    sold = raw(kind="sale", event_id="s", product="A", location="S1", quantity=299)
    assert recorder.record("till", "", [sold])[0].name == "accepted"
    with chain.begin() as connection, pytest.raises(Conflict, match="S1 has 1 of Apples, not"):
        send_moves(connection, recording(recorder), [move["transfer_id"]], by="anna")

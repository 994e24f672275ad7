"""What the evaluation or the sender fails on is noted; everything else is judged and sent."""

import time

import pytest
import sqlalchemy as sa

from alerts.evaluator import Evaluator
from alerts.faults import retry_faults
from catalog.frames import read_frame
from stocktide.foundation.settings import load_settings
from tests.alerts.shops import Shops, receiver
from tests.alerts.test_evaluator import evaluating, wait_for
from tests.alerts.test_feeds import FOUR_DAYS
from tests.alerts.test_sender import deliveries, flap, hook, sending

# What no sum of a pair's goods can be, of a bigint.
HUGE = 2**63 / 1000 - 1


def huge(shops: Shops, product: int, location: int) -> None:
    """Give a pair more than can be added up: on hand, and sensed on the other side."""
    shops.stock(product, location, 0, on_hand_milli=-(2**63) + 1, sensed_milli=2**62)


def evaluate(shops: Shops) -> None:
    one = Evaluator(shops.engine, load_settings())
    one.evaluate_waiting()


def faults(shops: Shops) -> list[str]:
    return sorted(read_frame(shops.engine, "alert_faults", limit=9)["subject"])


def alerts(shops: Shops) -> list[str]:
    with shops.engine.connect() as connection:
        return sorted(
            connection.execute(
                sa.text("SELECT subject FROM alerts WHERE rule = 'out_of_stock'")
            ).scalars()
        )


def test_a_pair_that_cannot_be_judged_is_noted_and_the_others_are_judged(shops: Shops) -> None:
    shops.stock(1, 1, 0)
    huge(shops, 1, 2)
    shops.stock(2, 1, 0)
    evaluate(shops)
    assert alerts(shops) == ["1/1", "2/1"]
    assert faults(shops) == ["A at S2"]
    assert shops.scalar("SELECT count(*) FROM stock_changes") == 0
    # it is tried again, and forgotten once it works
    shops.stock(1, 2, 0, queue=False, sensed_milli=None)
    with shops.engine.begin() as connection:
        retry_faults(connection, older_s=-1)
    evaluate(shops)
    assert alerts(shops) == ["1/1", "1/2", "2/1"]
    assert faults(shops) == []


@pytest.mark.parametrize("table", ["feed_rhythms", "alerts"])
def test_a_feed_that_cannot_be_judged_is_noted_and_the_rest_goes_on(
    shops: Shops, table: str
) -> None:
    with shops.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF NEW.feed = 'odd' THEN RAISE EXCEPTION 'odd' USING ERRCODE = '22003'; END IF; RETURN NEW; END $$"
        )
        connection.exec_driver_sql(
            f"CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    for feed in ("odd", "till"):
        shops.minutes(feed, FOUR_DAYS)
        shops.minutes(feed, [1.5], accepted=0, rejected=500)
    shops.stock(1, 1, 0)
    with evaluating(shops):
        wait_for(shops, "SELECT count(*) = 1 FROM alerts WHERE rule = 'out_of_stock'")
        wait_for(shops, "SELECT count(*) = 1 FROM alert_faults")
        wait_for(shops, "SELECT count(*) > 0 FROM alerts WHERE feed = 'till'")
    assert faults(shops) == (["rhythms"] if table == "feed_rhythms" else ["feed odd"])


def test_a_delivery_whose_end_is_refused_holds_up_no_other(shops: Shops) -> None:
    with shops.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF NEW.delivery_id = 1 AND NEW.state <> 'waiting' THEN"
            " RAISE EXCEPTION 'odd' USING ERRCODE = '22003'; END IF; RETURN NEW; END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE UPDATE ON deliveries FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    with receiver() as taker:
        hook(shops, taker.url)
        flap(shops, 1)
        flap(shops, 1, location=2)
        with sending(shops):
            wait_for(shops, "SELECT count(*) = 1 FROM deliveries WHERE state = 'delivered'")
            time.sleep(0.1)
    assert [one["state"] for one in deliveries(shops)] == ["waiting", "delivered"]

import random
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from alerts.evaluation import evaluate_changes, lock_writers, queue_all_if_new
from tests.alerts.shops import NOON, Shops


def test_out_of_stock_opens_at_zero_and_closes_above(shops: Shops) -> None:
    shops.stock(1, 1, 2)
    assert shops.evaluate() == (0, 0)
    shops.stock(1, 1, 0)
    assert shops.evaluate() == (1, 0)
    assert shops.open() == {("out_of_stock", "1/1")}
    shops.stock(1, 1, 0.001)
    assert shops.evaluate() == (0, 1)
    assert shops.history() == [("opened", "out_of_stock", "1/1"), ("closed", "out_of_stock", "1/1")]


def test_pair_that_was_never_counted_raises_nothing(shops: Shops) -> None:
    shops.stock(1, 1, -5, known=False)
    shops.reorder_point(1, 1, 3)
    assert shops.evaluate() == (0, 0)


def test_negative_balance_is_an_alert_of_its_own(shops: Shops) -> None:
    shops.stock(1, 1, -1)
    assert shops.evaluate() == (1, 0)
    assert shops.open() == {("negative_balance", "1/1")}
    shops.stock(1, 1, 0)
    assert shops.evaluate() == (1, 1)
    assert shops.open() == {("out_of_stock", "1/1")}


def test_out_of_stock_cannot_be_told_below_zero(shops: Shops) -> None:
    """Goods were sold that never came: the shelf is not known to be empty, nor known to hold any."""
    shops.stock(1, 1, 0)
    assert shops.evaluate() == (1, 0)
    shops.stock(1, 1, -2)
    assert shops.evaluate() == (1, 0)
    assert shops.open() == {("negative_balance", "1/1"), ("out_of_stock", "1/1")}
    shops.stock(1, 1, 3)
    assert shops.evaluate() == (0, 2)
    shops.stock(1, 1, -2)
    assert shops.evaluate() == (1, 0)
    assert shops.open() == {("negative_balance", "1/1")}


def test_reorder_point_closes_only_well_above_it(shops: Shops) -> None:
    shops.stock(1, 1, 10)
    shops.reorder_point(1, 1, 10)
    assert shops.evaluate() == (0, 0)
    shops.stock(1, 1, 9.999)
    assert shops.evaluate() == (1, 0)
    for units in (10, 10.999):
        shops.stock(1, 1, units)
        assert shops.evaluate() == (0, 0)
    shops.stock(1, 1, 11)
    assert shops.evaluate() == (0, 1)


def test_reorder_point_that_is_taken_away_closes_its_alert(shops: Shops) -> None:
    shops.stock(1, 1, 1)
    shops.reorder_point(1, 1, 5)
    assert shops.evaluate() == (1, 0)
    with shops.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM reorder_points"))
        shops.queue(connection, 1, 1)
    assert shops.evaluate() == (0, 1)


def move(shops: Shops, kind: str, minute: float, milli: int) -> None:
    """A movement of A at S1 in the ledger, so many minutes after noon."""
    with shops.engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO sources (source) VALUES ('s') ON CONFLICT DO NOTHING")
        )
        connection.execute(
            sa.text(
                "INSERT INTO ledger (entry_id, source_id, event_id, kind, product_id, location_id, quantity_milli,"
                " observed_milli, occurred_at) SELECT nextval('ledger_entries'), 1, CAST(:minute AS text),"
                " CAST(:kind AS text), 1, 1, CASE WHEN :kind = 'stocktake' THEN 0 ELSE CAST(:milli AS bigint) END,"
                " CASE WHEN :kind = 'stocktake' THEN CAST(:milli AS bigint) END,"
                " :noon + make_interval(secs => 60 * :minute)"
            ),
            {"kind": kind, "minute": minute, "milli": milli, "noon": NOON},
        )


def test_sensor_disagrees_beyond_the_tolerance_and_closes_well_within(shops: Shops) -> None:
    # one unit, or five percent of 40: two
    for sensed in (40, 38, 42):
        shops.reading(sensed, minute=0, on_hand=40)
        assert shops.evaluate() == (0, 0), sensed
    shops.reading(37, minute=1, on_hand=40)
    assert shops.evaluate() == (1, 0)
    value, limit = shops.scalar("SELECT ROW(value_milli, limit_milli)::text FROM alerts")[
        1:-1
    ].split(",")
    assert (int(value), int(limit)) == (-3_000, 2_000)
    shops.reading(38.1, minute=2, on_hand=40)
    assert shops.evaluate() == (0, 0)
    shops.reading(38.3, minute=3, on_hand=40)
    assert shops.evaluate() == (0, 1)


def test_reading_says_nothing_when_something_moved_after_it_or_just_before(shops: Shops) -> None:
    move(shops, "sale", 10, -1_000)
    for minute in (5, 10, 10.9):
        shops.reading(1, minute=minute, on_hand=40)
        assert shops.evaluate() == (0, 0), minute
    shops.reading(1, minute=11.1, on_hand=40)
    assert shops.evaluate() == (1, 0)
    # a sale after the reading: nobody can tell, and the alert stays
    move(shops, "sale", 12, -1_000)
    shops.stock(1, 1, 39)
    assert shops.evaluate() == (0, 0)
    assert shops.open() == {("sensor_disagrees", "1/1")}


def test_stocktake_after_the_reading_settles_it(shops: Shops) -> None:
    shops.reading(1, minute=0, on_hand=40)
    assert shops.evaluate() == (1, 0)
    move(shops, "stocktake", 5, 20_000)
    shops.stock(1, 1, 20, counted_at=NOON.replace(minute=5))
    assert shops.evaluate() == (0, 1)


def test_one_open_alert_a_rule_and_subject_however_often_it_is_found(shops: Shops) -> None:
    for units in (0, -1, 0, -2, 0):
        shops.stock(1, 1, units)
        shops.stock(1, 2, units)
        shops.evaluate()
    assert shops.open() == {("out_of_stock", "1/1"), ("out_of_stock", "1/2")}
    assert shops.scalar("SELECT count(*) FROM alerts WHERE rule = 'out_of_stock'") == 2
    with (
        pytest.raises(sa.exc.IntegrityError, match="alerts_one_open"),
        shops.engine.begin() as connection,
    ):
        connection.execute(
            sa.text(
                "INSERT INTO alerts (rule, product_id, location_id, value_milli, limit_milli, last_value_milli)"
                " VALUES ('out_of_stock', 1, 1, 0, 0, 0)"
            )
        )


def test_last_value_follows_while_value_stays_that_of_the_opening(shops: Shops) -> None:
    for units in (0, -3):
        shops.stock(1, 1, units)
        shops.evaluate()
    values = shops.scalar(
        "SELECT ROW(value_milli, last_value_milli)::text FROM alerts WHERE rule = 'out_of_stock'"
    )
    assert values == "(0,-3000)"


def test_changes_wait_for_the_next_evaluation_when_one_does_not_commit(shops: Shops) -> None:
    shops.stock(1, 1, 0)

    class Killed(Exception):
        """The process ended here."""

    def die() -> None:
        with shops.engine.begin() as connection:
            assert evaluate_changes(connection, shops.limits).opened == 1
            raise Killed

    with pytest.raises(Killed):
        die()
    assert (shops.open(), shops.history()) == (set(), [])
    assert shops.scalar("SELECT count(*) FROM stock_changes") == 1
    assert shops.evaluate() == (1, 0)
    assert shops.scalar("SELECT count(*) FROM stock_changes") == 0


def test_change_is_judged_when_an_older_one_commits_after_it(shops: Shops) -> None:
    """Numbers are given before the commit: what the evaluator has not seen, it does not skip."""
    shops.stock(1, 1, 0, queue=False)
    shops.stock(1, 2, 0, queue=False)
    with shops.engine.connect() as slow:
        slow.begin()
        shops.queue(slow, 1, 1)
        with shops.engine.begin() as quick:
            shops.queue(quick, 1, 2)
        assert shops.evaluate() == (1, 0)
        slow.commit()
    assert shops.evaluate() == (1, 0)
    assert len(shops.open()) == 2


def test_everything_is_judged_once_when_stock_was_there_before_or_limits_change(
    shops: Shops,
) -> None:
    for product in (1, 2):
        shops.stock(product, 1, 0, queue=False)
    with shops.engine.begin() as connection:
        assert queue_all_if_new(connection, shops.limits)
        assert not queue_all_if_new(connection, shops.limits)
    assert shops.evaluate() == (2, 0)
    shops.limits = replace(shops.limits, sensor_milli=5_000)
    with shops.engine.begin() as connection:
        assert queue_all_if_new(connection, shops.limits)
    assert shops.scalar("SELECT count(*) FROM stock_changes") == 1
    assert shops.evaluate() == (0, 0)


def test_evaluation_takes_a_share_at_a_time_and_says_that_more_waits(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.evaluation.PAIRS_MAX", 2)
    for _ in range(3):
        shops.stock(1, 1, 0)
    with shops.engine.begin() as connection:
        first = evaluate_changes(connection, shops.limits)
    assert (first.changes, first.pairs, first.more) == (2, 1, True)
    with shops.engine.begin() as connection:
        second = evaluate_changes(connection, shops.limits)
    assert (second.changes, second.opened, second.more) == (1, 0, False)


def test_evaluation_waits_for_no_stock_row(shops: Shops) -> None:
    """Ingest holds the rows of stock locked for a whole transaction: the evaluator reads past it."""
    shops.stock(1, 1, 0)
    with shops.engine.begin() as ingest, shops.engine.begin() as connection:
        ingest.execute(sa.text("SELECT 1 FROM stock FOR UPDATE"))
        connection.execute(sa.text("SET LOCAL lock_timeout = 500"))
        assert evaluate_changes(connection, shops.limits).opened == 1
        # nor does ingest wait for the evaluator
        ingest.execute(sa.text("SET LOCAL lock_timeout = 500"))
        ingest.execute(sa.text("UPDATE stock SET on_hand_milli = 5"))


def test_events_are_numbered_in_the_order_of_their_commits(shops: Shops) -> None:
    """Who has seen an event has seen all before it: a second writer waits, and numbers after the first."""
    shops.stock(1, 1, 0)
    done: list[Any] = []
    with shops.engine.begin() as first:
        lock_writers(first)
        thread = threading.Thread(target=lambda: done.append(shops.evaluate()))
        thread.start()
        time.sleep(0.2)
        assert done == []
    thread.join(5)
    assert done == [(1, 0)]


def test_history_refuses_to_be_changed(shops: Shops) -> None:
    shops.stock(1, 1, 0)
    shops.evaluate()
    for query in ("UPDATE alert_events SET reason = 'x'", "DELETE FROM alert_events"):
        with (
            pytest.raises(sa.exc.DatabaseError, match="append-only"),
            shops.engine.begin() as connection,
        ):
            connection.execute(sa.text(query))


def test_alerts_follow_a_plain_reference_over_a_random_walk(shops: Shops) -> None:
    rng = random.Random(1)
    pairs = [(product, location) for product in (1, 2) for location in (1, 2)]
    reorder = {(1, 1): 4.0, (2, 2): 6.0}
    for pair, units in reorder.items():
        shops.stock(*pair, 20)
        shops.reorder_point(*pair, units)
    shops.evaluate()
    expected: set[tuple[str, str]] = set()
    for _ in range(120):
        touched = {pair: float(rng.randint(-2, 9)) for pair in rng.sample(pairs, rng.randint(1, 4))}
        for pair, on_hand in touched.items():
            shops.stock(*pair, on_hand)
            expected = judged(expected, pair, on_hand, reorder.get(pair))
        shops.evaluate()
        assert shops.open() == expected
    changes: dict[tuple[str, str], list[str]] = {}
    for change, rule, subject in shops.history():
        changes.setdefault((rule, subject), []).append(change)
    for told in changes.values():
        assert told == ["opened", "closed"] * (len(told) // 2) + ["opened"] * (len(told) % 2)


def judged(
    before: set[tuple[str, str]], pair: tuple[int, int], on_hand: float, reorder: float | None
) -> set[tuple[str, str]]:
    """What should be open after a pair's stock became on_hand."""
    subject = f"{pair[0]}/{pair[1]}"
    after = {alert for alert in before if alert[1] != subject}
    out = ("out_of_stock", subject)
    if on_hand == 0 or (on_hand < 0 and out in before):
        after.add(out)
    if on_hand < 0:
        after.add(("negative_balance", subject))
    if reorder is not None:
        was = ("below_reorder_point", subject) in before
        if on_hand < reorder or (was and on_hand < reorder * 1.1):
            after.add(("below_reorder_point", subject))
    return after

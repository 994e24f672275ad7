from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from stocktide.foundation.keys import Limits, create_key, revoke_key
from tests.alerts.shops import Shops

HOUR, DAY = 60, 24 * 60
# Four days of a sender with nights: every five minutes from 8 to 20 o'clock, ages in minutes.
FOUR_DAYS = [
    float(day * DAY + 30 + minute) for day in range(4) for minute in range(0, 12 * HOUR, 5)
]


def age_of(shops: Shops, feed: str) -> float:
    """Minutes since a feed's last minute ended."""
    with shops.engine.connect() as connection:
        age: float = connection.execute(
            sa.text(
                "SELECT extract(epoch FROM now() - max(minute) - INTERVAL '1 min')::float8 / 60"
                " FROM feed_minutes WHERE feed = :feed"
            ),
            {"feed": feed},
        ).scalar_one()
    return age


def key(shops: Shops, name: str, **limits: Any) -> None:
    with shops.engine.begin() as connection:
        create_key(connection, name, "ingest", Limits(**limits))


def test_silent_feed_opens_after_its_promised_interval_and_closes_when_heard(shops: Shops) -> None:
    key(shops, "till", expect_every_s=900)
    shops.minutes("till", [14])
    assert shops.look_at_feeds() == (0, 0)
    shops.pass_hours(3 / 60)
    assert shops.look_at_feeds() == (1, 0)
    assert shops.look_at_feeds() == (0, 0)
    assert shops.open() == {("silent_feed", "till")}
    shops.minutes("till", [0])
    assert shops.look_at_feeds() == (0, 1)


def test_key_that_was_never_heard_is_silent_from_its_making(shops: Shops) -> None:
    key(shops, "till", expect_every_s=60)
    assert shops.look_at_feeds() == (0, 0)
    with shops.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE access_keys SET created_at = created_at - INTERVAL '2 min'")
        )
    assert shops.look_at_feeds() == (1, 0)


def test_silent_feed_learns_its_nights_and_no_outage_that_happened_once(shops: Shops) -> None:
    shops.minutes("till", FOUR_DAYS)
    assert shops.look_at_feeds() == (0, 0)
    gap_h = shops.scalar("SELECT gap_milli / 3600000.0 FROM feed_rhythms")
    assert float(gap_h) == pytest.approx(12, abs=0.2)
    # an outage of a day and a half, once, teaches nothing
    with shops.engine.begin() as connection:
        connection.execute(
            sa.text("DELETE FROM feed_minutes WHERE minute BETWEEN now() - INTERVAL '50 h' AND now() - INTERVAL '26 h'")
        )  # fmt: skip
    shops.look_at_feeds()
    assert float(shops.scalar("SELECT gap_milli / 3600000.0 FROM feed_rhythms")) < 13
    shops.pass_hours(17)
    assert age_of(shops, "till") / 60 < 12 * 1.5
    assert shops.look_at_feeds() == (0, 0)
    shops.pass_hours(2)
    assert shops.look_at_feeds() == (1, 0)


def test_silence_of_a_dead_feed_stays_open_until_it_is_heard(shops: Shops) -> None:
    """What was learned of it leaves the four weeks that are looked at; its alert is no less true for that."""
    shops.minutes("till", FOUR_DAYS)
    shops.look_at_feeds()
    shops.pass_hours(24)
    assert shops.look_at_feeds() == (1, 0)
    for _ in range(8):
        shops.pass_hours(5 * 24)
        assert shops.look_at_feeds() == (0, 0)
    limit, value = shops.scalar("SELECT ARRAY[limit_milli, last_value_milli] FROM alerts")
    assert limit == pytest.approx(1.5 * 12 * 3_600_000, rel=0.05)
    assert value > 40 * 24 * 3_600_000
    shops.minutes("till", [0])
    assert shops.look_at_feeds() == (0, 1)
    # after so long it is a new feed, whose rhythm nobody knows
    assert shops.look_at_feeds() == (0, 0)
    assert shops.scalar("SELECT count(*) FROM feed_rhythms") == 0


def test_silent_feed_whose_limit_is_unknown_now_closes_only_when_it_is_heard(shops: Shops) -> None:
    shops.minutes("till", FOUR_DAYS)
    shops.look_at_feeds()
    shops.pass_hours(24)
    assert shops.look_at_feeds() == (1, 0)
    shops.limits = replace(shops.limits, history_h=1_000)
    assert shops.look_at_feeds() == (0, 0)
    shops.minutes("till", [0])
    assert shops.look_at_feeds() == (0, 1)


def test_feed_that_sent_once_is_never_silent(shops: Shops) -> None:
    shops.minutes("import m5", [float(age) for age in range(300, 600)])
    assert shops.look_at_feeds() == (0, 0)


def test_silent_feed_waits_for_the_minimum_whatever_its_rhythm(shops: Shops) -> None:
    shops.minutes("sensor", [float(age) for age in range(10, 3 * DAY)])
    assert shops.look_at_feeds() == (0, 0)
    shops.limits = replace(shops.limits, silent_milli_min=60_000)
    assert shops.look_at_feeds() == (1, 0)


def test_feed_whose_key_has_ended_is_expected_no_more(shops: Shops) -> None:
    key(shops, "till", expect_every_s=60)
    shops.minutes("till", [30])
    assert shops.look_at_feeds() == (1, 0)
    with shops.engine.begin() as connection:
        revoke_key(connection, "till")
    assert shops.look_at_feeds() == (0, 1)


def test_reject_storm_opens_by_share_and_count_and_closes_below_half(shops: Shops) -> None:
    shops.minutes("till", [2], accepted=15, rejected=10, conflict=9)
    assert shops.look_at_feeds() == (0, 0)
    shops.minutes("till", [1], accepted=1, rejected=1)
    assert shops.look_at_feeds() == (1, 0)
    assert shops.open() == {("reject_storm", "till")}
    shops.minutes("till", [0], accepted=100)
    assert shops.look_at_feeds() == (0, 0)
    with shops.engine.begin() as connection:
        connection.execute(sa.text("UPDATE feed_minutes SET accepted = 300 WHERE accepted = 100"))
    assert shops.look_at_feeds() == (0, 1)


def test_reject_storm_is_over_when_its_minutes_have_passed(shops: Shops) -> None:
    shops.minutes("till", [1], accepted=0, rejected=500)
    assert shops.look_at_feeds() == (1, 0)
    shops.pass_hours(0.1)
    assert shops.look_at_feeds() == (0, 1)
    assert shops.history() == [
        ("opened", "reject_storm", "till"),
        ("closed", "reject_storm", "till"),
    ]


def test_many_refused_among_very_many_are_no_storm(shops: Shops) -> None:
    shops.minutes("till", [1], accepted=1_000, rejected=199)
    assert shops.look_at_feeds() == (0, 0)

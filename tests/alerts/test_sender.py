import gc
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import sqlalchemy as sa

from alerts.addresses import Allowed
from alerts.cloud_event import json_schema
from alerts.sender import Sender, backoff_s
from alerts.signature import secret_of, signed_headers
from alerts.webhooks import Filters, create_webhook, list_deliveries, rotate_secret
from stocktide.foundation.settings import load_settings
from tests.alerts.resolvers import resolving
from tests.alerts.shops import Receiver, Shops, receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WAIT_S = 10.0


@contextmanager
def sending(shops: Shops, **settings: Any) -> Iterator[None]:
    """Run a sender."""
    allowed = {"webhook_allow_http": True, "webhook_allow_private": True}
    sender = Sender(shops.engine, load_settings(**{**allowed, **settings}))
    thread = threading.Thread(target=sender.run)
    thread.start()
    try:
        yield
    finally:
        sender.stop()
        thread.join()


def hook(shops: Shops, url: str, name: str = "pager") -> None:
    with shops.engine.begin() as connection:
        create_webhook(
            connection, name, url, Filters(), by="test", allowed=Allowed(http=True, private=True),
            secret=secret_of(SECRET),
        )  # fmt: skip


def flap(shops: Shops, times: int, location: int = 1) -> None:
    for n in range(times):
        shops.stock(1, location, n % 2)
        shops.evaluate()


def deliveries(shops: Shops, webhook_id: int = 1) -> list[dict[str, Any]]:
    """Oldest first."""
    with shops.engine.connect() as connection:
        return list_deliveries(connection, webhook_id)[::-1]


def wait_for(shops: Shops, states: list[str], webhook_id: int = 1) -> list[dict[str, Any]]:
    until = time.monotonic() + WAIT_S
    while True:
        rows = deliveries(shops, webhook_id)
        if [row["state"] for row in rows] == states:
            return rows
        assert time.monotonic() < until, rows
        time.sleep(0.01)


def failed_with(shops: Shops, said: str, webhook_id: int = 1) -> dict[str, Any]:
    """Wait until the oldest delivery has failed for this reason, and give it."""
    until = time.monotonic() + WAIT_S
    while True:
        row = deliveries(shops, webhook_id)[0]
        if said in str(row["last_error"]):
            return row
        assert time.monotonic() < until, row
        time.sleep(0.01)


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again almost at once."""
    monkeypatch.setattr("alerts.sender.FIRST_WAIT_S", 0.02)
    monkeypatch.setattr("alerts.sender.POLL_S", 0.05)


@pytest.fixture
def taker() -> Iterator[Receiver]:
    with receiver() as taker:
        yield taker


def test_sender_posts_signed_cloud_events_in_order(shops: Shops, taker: Receiver) -> None:
    hook(shops, taker.url + "?a=b")
    with sending(shops):
        flap(shops, 3)
        rows = wait_for(shops, ["delivered"] * 3)
    assert {(row["attempts"], row["last_status"], row["last_error"]) for row in rows} == {
        (1, 204, None)
    }
    types = []
    for received in taker.received:
        headers, event = received.headers, json.loads(received.body)
        jsonschema.validate(event, json_schema())
        expected = signed_headers(
            [secret_of(SECRET)], event["id"], int(headers["webhook-timestamp"]), received.body
        )
        assert expected.items() <= headers.items()
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
        assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
        assert headers["host"] == taker.url.split("/")[2]
        assert (received.path, event["source"]) == ("/hook?a=b", "/stocktide/alerts")
        types.append(event["type"])
    assert types == ["stocktide.alert.opened", "stocktide.alert.closed", "stocktide.alert.opened"]


@pytest.mark.usefixtures("_soon")
def test_sender_tries_again_with_the_same_id_and_body_until_it_is_taken(shops: Shops) -> None:
    with receiver(
        (500, {}), (302, {"location": "http://127.0.0.1:9/"}), (404, {}), (204, {})
    ) as taker:
        hook(shops, taker.url)
        with sending(shops):
            flap(shops, 2)
            rows = wait_for(shops, ["delivered"] * 2)
    assert [row["attempts"] for row in rows] == [4, 1]
    # what the alert did later waited for what it did first
    ids = [received.headers["webhook-id"] for received in taker.received]
    assert ids == [ids[0]] * 4 + [ids[-1]]
    assert len({received.body for received in taker.received}) == 2


@pytest.mark.usefixtures("_soon")
def test_sender_waits_as_long_as_the_receiver_asks(shops: Shops) -> None:
    with receiver((503, {"retry-after": "1"}), (204, {})) as taker:
        hook(shops, taker.url)
        with sending(shops):
            flap(shops, 1)
            until = time.monotonic() + WAIT_S
            while not taker.received or deliveries(shops)[0]["last_status"] != 503:
                assert time.monotonic() < until
                time.sleep(0.01)
            (row,) = deliveries(shops)
            assert row["last_error"] == "it answered 503"
            wait_s = (row["next_at"] - datetime.now(UTC)).total_seconds()
            assert 0.5 < wait_s <= 1
            wait_for(shops, ["delivered"])


@pytest.mark.usefixtures("_soon")
def test_sender_gives_up_what_is_too_old_and_shows_why(shops: Shops) -> None:
    with receiver((500, {})) as taker:
        hook(shops, taker.url)
        with sending(shops, webhook_age_h_max=1e-4):
            flap(shops, 2)
            rows = wait_for(shops, ["dead"] * 2)
    assert rows[0]["attempts"] >= 2
    assert {row["last_error"] for row in rows} == {"it answered 500"}
    assert rows[0]["ended_at"] is not None


@pytest.mark.usefixtures("_soon")
def test_sender_sends_the_same_body_again_whatever_is_called_otherwise_since(shops: Shops) -> None:
    with receiver((500, {}), (204, {})) as taker:
        hook(shops, taker.url)
        with sending(shops):
            flap(shops, 1)
            until = time.monotonic() + WAIT_S
            while not taker.received:
                assert time.monotonic() < until
                time.sleep(0.001)
        with shops.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE products SET name = 'Pears', unit = 'crate'")
            connection.exec_driver_sql("UPDATE deliveries SET state = 'waiting', next_at = now()")
        with sending(shops, alert_source="/elsewhere"):
            wait_for(shops, ["delivered"])
    first, *others = [received.body for received in taker.received]
    assert b"Apples" in first
    assert set(others) == {first}
    # what was taken is not kept
    assert shops.scalar("SELECT count(body) FROM deliveries") == 0


@pytest.mark.usefixtures("_soon")
def test_sender_takes_no_harm_from_an_answer_that_makes_no_sense(shops: Shops) -> None:
    far = {"retry-after": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}
    with receiver((503, far), (204, {})) as taker:
        hook(shops, taker.url)
        with sending(shops):
            flap(shops, 1)
            wait_for(shops, ["delivered"])
    assert len(taker.received) == 2


@pytest.mark.usefixtures("_soon")
def test_sender_writes_down_what_nobody_foresaw(
    shops: Shops, taker: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise its lease ends, and it is taken again, forever, and holds up its line."""

    def fail(*_: Any) -> None:
        raise RuntimeError("nobody knows \ud800\x00")

    hook(shops, taker.url)
    with monkeypatch.context() as patch:
        patch.setattr("alerts.posting.check_url", fail)
        with sending(shops):
            flap(shops, 1)
            failed_with(shops, "nobody knows")
    with sending(shops):
        wait_for(shops, ["delivered"])


def test_sender_ends_with_the_error_when_the_database_is_not_what_it_knows(shops: Shops) -> None:
    with shops.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE deliveries RENAME COLUMN attempts TO tries")
    failing = Sender(shops.engine, load_settings())
    # bounds the test where it goes on forever
    timer = threading.Timer(WAIT_S, failing.stop)
    timer.start()
    with pytest.raises(ExceptionGroup) as raised:
        failing.run()
    timer.cancel()
    assert "attempts" in str(raised.value.exceptions[0])
    # its frames hold a connection that was being made, and PostgreSQL waits a minute for who does not go on
    del raised
    gc.collect()


def test_sender_switches_off_a_webhook_that_is_gone(shops: Shops) -> None:
    with receiver((410, {})) as taker:
        hook(shops, taker.url)
        with sending(shops):
            flap(shops, 1)
            wait_for(shops, ["dead"])
            flap(shops, 1)
    assert shops.scalar("SELECT note FROM webhooks WHERE NOT active") == "it answered 410 Gone"
    assert len(taker.received) == 1


def test_one_failing_webhook_and_one_failing_alert_hold_up_no_other(
    shops: Shops, taker: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.sender.FIRST_WAIT_S", 60.0)
    with receiver((500, {}), (204, {})) as failing_once:
        hook(shops, failing_once.url)
        hook(shops, taker.url, "other")
        with sending(shops):
            flap(shops, 1)
            wait_for(shops, ["delivered"], webhook_id=2)
            flap(shops, 2, location=2)
            wait_for(shops, ["delivered"] * 3, webhook_id=2)
            rows = wait_for(shops, ["waiting", "delivered", "delivered"])
    assert rows[0]["last_error"] == "it answered 500"


def wait_long(answered: threading.Event) -> None:
    answered.wait(60)


def test_webhook_whose_name_is_slow_to_find_holds_up_no_other(
    shops: Shops, taker: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    resolving(monkeypatch, {"slow.test": ["127.0.0.1"]}, slow=lambda _: wait_long(answered))
    hook(shops, "http://slow.test/")
    hook(shops, taker.url, "other")
    # more at once than the loop's own threads are
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    try:
        with sending(shops, webhook_timeout_s=2):
            # an alert for an empty shelf, and one for its book below zero
            for on_hand in (0, -1):
                for product in (1, 2):
                    for location in (1, 2):
                        shops.stock(product, location, on_hand)
                shops.evaluate()
            wait_for(shops, ["delivered"] * 8, webhook_id=2)
            until = time.monotonic() + WAIT_S
            while {row["last_error"] for row in deliveries(shops)} != {"no answer within 2 s"}:
                assert time.monotonic() < until, deliveries(shops)
                time.sleep(0.02)
    finally:
        answered.set()


def test_sender_goes_to_the_next_address_when_one_takes_no_connection(
    shops: Shops, taker: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, {"many.test": ["::1", "127.0.0.2", "127.0.0.1"]})
    hook(shops, taker.url.replace("127.0.0.1", "many.test"))
    with sending(shops):
        flap(shops, 1)
        (row,) = wait_for(shops, ["delivered"])
    assert row["attempts"] == 1
    assert len(taker.received) == 1
    assert taker.received[0].headers["host"].startswith("many.test:")


def test_sender_bounds_the_time_that_a_receiver_takes(shops: Shops) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        hook(shops, f"http://127.0.0.1:{mute.getsockname()[1]}/")
        with sending(shops, webhook_timeout_s=0.2):
            flap(shops, 1)
            failed_with(shops, "no answer within 0.2 s")


def test_sender_checks_the_address_again_at_every_try(shops: Shops, taker: Receiver) -> None:
    hook(shops, taker.url.replace("127.0.0.1", "localhost"))
    with sending(shops, webhook_allow_private=False):
        flap(shops, 1)
        failed_with(shops, "no public address")
    assert taker.received == []


def test_sender_signs_with_the_old_secret_too_after_a_rotation(
    shops: Shops, taker: Receiver
) -> None:
    hook(shops, taker.url)
    with shops.engine.begin() as connection:
        new = rotate_secret(connection, 1)
    with sending(shops):
        flap(shops, 1)
        wait_for(shops, ["delivered"])
    received = taker.received[0]
    expected = signed_headers(
        [new, secret_of(SECRET)],
        received.headers["webhook-id"],
        int(received.headers["webhook-timestamp"]),
        received.body,
    )
    assert received.headers["webhook-signature"] == expected["webhook-signature"]


def test_what_a_killed_sender_had_taken_is_sent_when_its_lease_ends(
    shops: Shops, taker: Receiver
) -> None:
    hook(shops, taker.url)
    flap(shops, 1)
    killed = Sender(shops.engine, load_settings())
    assert len(killed._claim()) == 1
    with sending(shops):
        time.sleep(0.2)
        assert taker.received == []
        with shops.engine.begin() as connection:
            connection.execute(sa.text("UPDATE deliveries SET next_at = now()"))
        (row,) = wait_for(shops, ["delivered"])
    assert row["attempts"] == 2


def test_old_deliveries_are_cleared_and_waiting_ones_are_not(shops: Shops, taker: Receiver) -> None:
    hook(shops, taker.url)
    flap(shops, 3)
    with shops.engine.begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE deliveries SET state = (ARRAY['dead', 'delivered', 'waiting'])[delivery_id],"
                " next_at = now() + INTERVAL '1 h',"
                " ended_at = now() - make_interval(days => CASE delivery_id WHEN 1 THEN 29 ELSE 31 END)"
            )
        )
    Sender(shops.engine, load_settings())._claim()
    assert [row["state"] for row in deliveries(shops)] == ["dead", "waiting"]


def test_backoff_doubles_to_an_hour_with_jitter() -> None:
    rng = random.Random(1)
    for attempt in range(1, 60):
        longest = min(3_600.0, 5.0 * 2.0 ** (attempt - 1))
        waits = {backoff_s(attempt, rng) for _ in range(50)}
        assert longest / 2 <= min(waits) < max(waits) <= longest

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

import stocktide.client.client
from stocktide.client import Client, Undelivered
from stocktide.client.events import encode_event
from stocktide.client.sending import AFTER_S_MAX, TryAgain, _retry_after_s, send_batch
from tests.http import NO_TLS
from tests.stocktide.answers import PROBLEM, Said, accepted, answering

WAIT_S_MAX = 20.0
SALE = {"product": "A", "location": "S1", "quantity": 1}
OURS = json.dumps(
    {"type": "urn:stocktide:error:body_too_large", "code": "body_too_large", "detail": "It is long"}
).encode()


def make_client(url: str, **more: Any) -> Client:
    given = {"source": "/till", "retry_first_s": 0.05, "retry_max_s": 0.1, "batch_age_s": 0.0}
    return Client(url, "k", **{**given, **more})


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    "said",
    [
        Said(400, b"<h1>Bad Request</h1>"),
        Said(413, b"<h1>Request Entity Too Large</h1>"),
        Said(422, b'{"detail": "no"}', "application/json"),
        Said(400, b'{"type": "about:blank", "title": "no"}', PROBLEM),
        Said(422, OURS, "text/plain"),
        Said(200, b'{"outcomes": [{"outcome": "welcome"}]}', "application/json"),
    ],
)
def test_client_keeps_its_events_when_something_on_the_way_refuses_them(
    said: Said, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "stocktide.client")
    told: list[str | None] = []
    with (
        answering(lambda _body: said) as between,
        make_client(
            between.url, spool=tmp_path / "spool", on_outcome=lambda it: told.append(it.event_id)
        ) as client,
    ):
        sent = [client.send("sale", SALE) for _ in range(3)]
        wait_until(lambda: client.trouble() is not None)
        with pytest.raises(Undelivered, match="3 events are not delivered"):
            client.flush(0.3)
        assert told == []
        between.answer = accepted
        assert client.flush(WAIT_S_MAX) == []
        assert client.trouble() is None
    assert client.counts == {"accepted": 3}
    assert told == sent
    assert "events wait: " in caplog.text
    assert not (tmp_path / "spool" / "refused.ndjson").exists()


def test_client_halves_a_batch_that_is_too_large_for_a_proxy() -> None:
    def answer(body: bytes) -> Said:
        return Said(413) if len(json.loads(body)) > 5 else accepted(body)

    with answering(answer) as between, make_client(between.url, batch_age_s=60) as client:
        for _ in range(40):
            client.send("sale", SALE)
        assert client.flush(WAIT_S_MAX) == []
    assert client.counts == {"accepted": 40}


def test_client_writes_down_what_stocktide_will_never_take(tmp_path: Path) -> None:
    def answer(body: bytes) -> Said:
        return Said(413, OURS, f"{PROBLEM}; charset=utf-8") if b"huge" in body else accepted(body)

    with (
        answering(answer) as between,
        make_client(between.url, spool=tmp_path, batch_age_s=60) as client,
    ):
        for name in ("a", "huge", "b"):
            client.send("sale", SALE, id=name)
        (refused,) = client.flush(WAIT_S_MAX)
    assert (refused.event_id, refused.outcome, refused.reason) == (
        "huge",
        "rejected",
        "body_too_large",
    )
    assert client.counts == {"accepted": 2, "rejected": 1}
    (given_up,) = map(json.loads, (tmp_path / "refused.ndjson").read_text("utf-8").splitlines())
    assert given_up["event"]["id"] == "huge"
    assert given_up["event"]["data"] == SALE
    assert (given_up["reason"], given_up["message"]) == ("body_too_large", "It is long")


def test_client_keeps_what_it_cannot_write_down(tmp_path: Path) -> None:
    (tmp_path / "refused.ndjson").write_bytes(b"{}\n" * 200)
    with (
        answering(lambda _body: Said(400, OURS, PROBLEM)) as between,
        make_client(between.url, spool=tmp_path, spool_bytes_max=600) as client,
    ):
        client.send("sale", SALE)
        wait_until(lambda: client.trouble() is not None)
        assert "refused.ndjson is full" in (client.trouble() or "")
        assert client.waiting() == 1
        (tmp_path / "refused.ndjson").unlink()
        assert len(client.flush(WAIT_S_MAX)) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("", None),
        ("soon", None),
        ("-3", 0.0),
        ("in ten minutes", 600.0),
        ("inf", None),
        ("nan", None),
        ("1e10", AFTER_S_MAX),
        ("Fri, 31 Dec 9999 23:59:59 GMT", AFTER_S_MAX),
        ("Fri, 31 Dec 99999999999 23:59:59 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_date_within_an_hour(
    text: str, seconds: float | None
) -> None:
    if text == "in ten minutes":
        text = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    found = _retry_after_s(httpx.Response(503, headers={"Retry-After": text}))
    assert found == (None if seconds is None else pytest.approx(seconds, abs=5))


DEEP = b"[" * 200_000


@pytest.mark.parametrize(
    "said",
    [
        Said(200, b'{"outcomes": ' + DEEP, "application/json"),
        Said(503, b'{"detail": ' + DEEP, PROBLEM),
        Said(503, headers={"Retry-After": "Fri, 31 Dec 99999999999 23:59:59 GMT"}),
        Said(503, headers={"Retry-After": "inf"}),
    ],
)
def test_client_goes_on_after_an_answer_that_nobody_can_read(said: Said) -> None:
    with answering(lambda _body: said) as between, make_client(between.url) as client:
        client.send("sale", SALE)
        wait_until(lambda: client.trouble() is not None)
        between.answer = accepted
        client.flush(WAIT_S_MAX)
    assert client.counts == {"accepted": 1}


def test_client_waits_an_hour_at_most_where_the_server_asks_for_centuries() -> None:
    said = Said(503, headers={"Retry-After": "1e10"})
    with (
        answering(lambda _body: said) as between,
        httpx.Client(base_url=between.url, verify=NO_TLS) as http,
    ):
        answer = send_batch(http, [b"{}"])
    assert isinstance(answer, TryAgain)
    assert answer.after_s == AFTER_S_MAX


def test_client_goes_on_when_sending_itself_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = iter([RecursionError("too deep"), KeyError("odd")])

    def failing(http: httpx.Client, lines: list[bytes]) -> Any:
        for failure in failures:
            raise failure
        return send_batch(http, lines)

    monkeypatch.setattr(stocktide.client.client, "send_batch", failing)
    with answering(accepted) as between, make_client(between.url) as client:
        client.send("sale", SALE)
        client.flush(WAIT_S_MAX)
    assert client.counts == {"accepted": 1}
    assert "Traceback" in caplog.text
    assert "RecursionError: too deep" in caplog.text


@pytest.mark.parametrize("spooled", [True, False])
def test_client_takes_no_event_any_more_while_it_is_being_closed(
    spooled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = encode_event
    with answering(accepted) as between:
        client = make_client(between.url, spool=tmp_path / "spool" if spooled else None)
        other = tmp_path / "other"

        def closing_first(*given: Any) -> bytes:
            client.close()
            # takes the descriptor that the spool has just let go
            files.append(other.open("wb"))
            return encode(*given)

        files: list[Any] = []
        monkeypatch.setattr(stocktide.client.client, "encode_event", closing_first)
        with pytest.raises(ValueError, match="The client is closed"):
            client.send("sale", SALE)
        client.close()
        files[0].close()
    assert other.read_bytes() == b""


def test_client_waits_longer_than_threads_can() -> None:
    with answering(accepted) as between:
        client = make_client(between.url, batch_age_s=1e12)
        client.send("sale", SALE)
        time.sleep(0.1)
        assert client.waiting() == 1
        client.flush(1e12)
        assert client.counts == {"accepted": 1}
        client.close()

"""One try, over https above all: whose certificates are believed, and for which name."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from alerts.posting import retry_after_s
from tests.alerts.certificates import Authority
from tests.alerts.resolvers import resolving
from tests.alerts.shops import Shops, receiver
from tests.alerts.test_sender import failed_with, flap, hook, sending, wait_for

HOSTS = {"a.test": ["127.0.0.1"], "b.test": ["127.0.0.1"]}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def _believed(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine believes what the authority signs."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem))


@pytest.fixture(autouse=True)
def _hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, HOSTS)


@pytest.mark.usefixtures("_believed")
def test_https_is_delivered_to_the_name_that_the_certificate_is_for(
    shops: Shops, authority: Authority
) -> None:
    with receiver(tls=authority.context_of("a.test")) as taker:
        hook(shops, taker.url.replace("127.0.0.1", "a.test"))
        with sending(shops, webhook_allow_http=False):
            flap(shops, 1)
            wait_for(shops, ["delivered"])
    assert taker.received[0].headers["host"].startswith("a.test:")


@pytest.mark.usefixtures("_believed")
def test_https_is_refused_and_tried_again_when_the_certificate_is_for_another_name(
    shops: Shops, authority: Authority
) -> None:
    with receiver(tls=authority.context_of("a.test")) as taker:
        hook(shops, taker.url.replace("127.0.0.1", "b.test"))
        with sending(shops):
            flap(shops, 1)
            row = failed_with(shops, "its certificate is not accepted: Hostname mismatch")
    assert "b.test" in row["last_error"]
    assert (row["state"], row["last_status"]) == ("waiting", None)
    assert taker.received == []


def test_https_is_refused_and_tried_again_when_nobody_knows_the_authority(
    shops: Shops, authority: Authority
) -> None:
    with receiver(tls=authority.context_of("a.test")) as taker:
        hook(shops, taker.url.replace("127.0.0.1", "a.test"))
        with sending(shops):
            flap(shops, 1)
            row = failed_with(shops, "its certificate is not accepted: ")
    assert "certificate" in row["last_error"].partition(": ")[2]
    assert row["state"] == "waiting"
    assert taker.received == []


@pytest.mark.usefixtures("_believed")
def test_connection_that_was_checked_for_one_name_serves_no_other(
    shops: Shops, authority: Authority
) -> None:
    """Two names of one address: the second is checked though the first one's connection was good."""
    with receiver((200, {}), tls=authority.context_of("a.test")) as taker:
        hook(shops, taker.url.replace("127.0.0.1", "a.test"))
        with sending(shops):
            flap(shops, 2)
            wait_for(shops, ["delivered"] * 2)
            hook(shops, taker.url.replace("127.0.0.1", "b.test"), "other")
            flap(shops, 1)
            failed_with(shops, "Hostname mismatch", webhook_id=2)
            wait_for(shops, ["delivered"] * 3)
    assert {received.headers["host"].partition(":")[0] for received in taker.received} == {"a.test"}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("-1", None),
        ("soon", None),
        ("\u0661", None),
        ("9" * 30, None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999999999", None),
        (None, None),
    ],
)
def test_retry_after_is_read_or_left(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, datetime.now(UTC)) == seconds


def test_retry_after_is_read_as_a_date() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    later = format_datetime(now + timedelta(seconds=90), usegmt=True)
    assert retry_after_s(later, now) == 90
    assert retry_after_s(format_datetime(now - timedelta(1), usegmt=True), now) == 0

"""The digest of a morning, and the notice of a night that failed, by real mail and webhook."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
import sqlalchemy as sa

from alerts.signature import new_secret, secret_text, signed_headers
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from purchasing.desk.proposals import Proposal, put_proposals, see
from stocktide.entrypoints.notices import channels_of, notice_due, send_due
from stocktide.foundation.errors import Invalid, Transient
from stocktide.foundation.mail import send_mail
from stocktide.foundation.settings import Settings
from tests.alerts.shops import receiver
from tests.conftest import AsPart
from tests.ingest.mqtt.subscribers import make_certificate
from tests.stocktide.entrypoints.mail_server import mail_server

NOW = datetime(2026, 3, 2, 5, 20, tzinfo=UTC)
DUE = datetime(2026, 3, 2, 5, 15, tzinfo=UTC)


def ran(engine: sa.Engine, status: str, error: str | None = None) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO runs (job, status, started_at, finished_at, error)"
                " VALUES ('orders', :status, :at, :at, :error)"
            ),
            {"status": status, "at": DUE + timedelta(minutes=1), "error": error},
        )


@pytest.fixture
def morning(database: sa.Engine) -> sa.Engine:
    """A desk of two lines."""
    with database.begin() as connection:
        put_products(connection, [ProductIn("A", name="Jabłka"), ProductIn("B")])
        put_locations(connection, [LocationIn("S1")])
        needs = [
            Proposal("mill", sku, "S1", 1_000 * units, {"sentence": f"need {units}", "sells_in": "EUR"},
                     at_risk_micros=10**6 * units, price_micros=1_500_000, currency="EUR")
            for sku, units in (("A", 12), ("B", 5))
        ]  # fmt: skip
        detail = {"waiting": {"WH": "WH has too little of 8 products"}, "without_forecast": 1}
        put_proposals(connection, replace(see(connection), detail=detail), needs, by="run")
    return database


def test_digest_goes_once_by_each_channel_and_again_where_it_was_not_taken(
    morning: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    ran(morning, "succeeded")
    secret = new_secret()
    with mail_server() as mail, receiver() as hook:
        told = Settings(
            smtp_url=f"smtp://buyer:5ecret@127.0.0.1:{mail.port}", smtp_from="stocktide@example.org",
            digest_to="anna@example.org, ben@example.org", digest_webhook_url=hook.url,
            digest_webhook_secret=secret_text(secret), webhook_allow_http=True, webhook_allow_private=True,
        )  # fmt: skip
        mail.refuses = 1
        with pytest.raises(Transient, match="did not take the mail: SMTPSenderRefused 451") as no:
            send_due(morning, told, NOW)
        assert send_due(morning, told, NOW + timedelta(minutes=5))["sent"] == ["mail"]
        assert send_due(morning, told, NOW + timedelta(minutes=10))["sent"] == []
    (message,), (posted,) = mail.mails, hook.received
    assert mail.logins[-1] == "\0buyer\x005ecret"
    assert message["To"] == "anna@example.org, ben@example.org"
    assert message["Subject"] == "Orders: 2 lines to decide, 17.00 EUR at risk"
    text = message.get_content()
    assert "cost 25.50 EUR" in text
    assert "- Jabłka at S1 from mill: need 12" in text
    assert "WH has too little of 8 products; some lines wait." in text.splitlines()
    assert "1 shelf has no forecast, and nothing is proposed for it." in text.splitlines()
    assert "http://127.0.0.1:8501/orders" in text
    event = json.loads(posted.body)
    assert (event["type"], event["data"]["lines"]) == ("stocktide.orders.digest", 2)
    expected = signed_headers(
        [secret], event["id"], int(posted.headers["webhook-timestamp"]), posted.body
    )
    assert posted.headers["webhook-signature"] == expected["webhook-signature"]
    assert "5ecret" not in f"{no.value} {caplog.text}"


def test_failed_night_is_told_once_with_what_to_do_and_the_digest_after_it(
    morning: sa.Engine, as_part: AsPart
) -> None:
    worker = as_part("worker")
    ran(morning, "failed", "No forecast is published; run `stocktide forecast` first.")
    with mail_server() as mail:
        told = Settings(
            smtp_url=f"smtp://127.0.0.1:{mail.port}", smtp_from="a@example.org", digest_to="b@example.org"
        )  # fmt: skip
        assert [send_due(worker, told, NOW)["sent"] for _ in range(2)] == [["mail"], []]
        ran(morning, "succeeded")
        assert send_due(worker, told, NOW)["sent"] == ["mail"]
    failed, digest = mail.mails
    assert failed["Subject"] == "Orders: nothing was proposed on 2026-03-02"
    assert "run `stocktide forecast` first" in failed.get_content()
    assert "2 lines" in digest["Subject"]
    assert mail.logins == []


def test_password_goes_over_no_line_that_anybody_can_read() -> None:
    sent: dict[str, Any] = {"sender": "a@b", "to": ["c@d"], "subject": "s", "text": "t"}
    with mail_server("127.0.0.2") as mail, pytest.raises(Transient, match="no encryption"):
        send_mail(f"smtp://buyer:5ecret@127.0.0.2:{mail.port}", **sent)
    assert mail.logins == []


@pytest.mark.parametrize(("tls", "scheme"), [("starttls", "smtp"), ("implicit", "smtps")])
def test_mail_goes_encrypted_and_nothing_is_lost_by_a_wrong_password_or_certificate(
    morning: sa.Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tls: Literal["starttls", "implicit"],
    scheme: str,
) -> None:
    """At an address that is not this host's own, so that a password needs encryption."""
    ran(morning, "succeeded")
    host = "127.0.0.2"
    make_certificate(tmp_path, "mail", host)
    with mail_server(host, tls=tls, certificate=tmp_path / "mail.pem") as mail:
        mail.password = "5ecret"
        told = Settings(
            smtp_url=f"{scheme}://buyer:wr0ng@{host}:{mail.port}", smtp_from="a@example.org", digest_to="b@example.org"
        )  # fmt: skip
        with pytest.raises(Transient, match=r"certificate is not trusted.*SSL_CERT_FILE"):
            send_due(morning, told, NOW)
        assert mail.logins == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "mail.pem"))
        with pytest.raises(Transient, match=r"by this user name and password \(535\)") as no:
            send_due(morning, told, NOW)
        with morning.connect() as connection:
            (kept,) = connection.execute(
                sa.text("SELECT error FROM runs WHERE job = 'notices' ORDER BY run_id DESC LIMIT 1")
            ).scalars()
        assert "user name and password" in kept
        right = told.model_copy(update={"smtp_url": f"{scheme}://buyer:5ecret@{host}:{mail.port}"})
        sent = [send_due(morning, right, NOW + timedelta(minutes=n))["sent"] for n in (5, 10)]
    assert sent == [["mail"], []]
    assert (len(mail.mails), mail.secret) == (1, 1)
    assert not re.search("5ecret|wr0ng", f"{no.value} {kept} {caplog.text}")


def test_what_is_half_set_is_refused(database: sa.Engine) -> None:
    with pytest.raises(Invalid, match="STOCKTIDE_SMTP_FROM"):
        channels_of(Settings(digest_to="anna@example.org"))
    assert channels_of(Settings()) == {}
    assert notice_due(database, Settings(), NOW) is None

"""Tell buyers of the morning's desk, and of a night that failed: by mail and webhook, each once."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from alerts.addresses import allowed_by
from alerts.posting import OK, Poster, Tried
from alerts.sender import CONTENT_TYPE
from alerts.signature import secret_of, signed_headers
from purchasing.telling.night import Night, failed_words, read_night
from stocktide.domain.own_sources import ORDERS
from stocktide.foundation.errors import Invalid, StocktideError, Transient
from stocktide.foundation.mail import send_mail
from stocktide.foundation.runs import recorded_run, single_flight
from stocktide.foundation.settings import Settings

JOB = "notices"


@dataclass(frozen=True)
class Notice:
    """What is told. due: of the run that it is about; with `kind` it tells which notice it is."""

    kind: str
    due: datetime
    subject: str
    text: str
    data: Mapping[str, Any]

    @property
    def notice_id(self) -> str:
        """Return the same id for the same notice, however often it is sent."""
        return f"{self.kind}-{self.due:%Y%m%dT%H%M}"


Channel = Callable[[Notice], None]


def channels_of(settings: Settings) -> dict[str, Channel]:
    """Return the ways by which people are told. Raises Invalid for one that is half set."""
    found: dict[str, Channel] = {}
    mail = (settings.smtp_url, settings.smtp_from, settings.digest_to)
    if any(mail) and not all(mail):
        raise Invalid(
            "mail_settings",
            "Mail needs all of STOCKTIDE_SMTP_URL, STOCKTIDE_SMTP_FROM and STOCKTIDE_DIGEST_TO.",
        )
    if settings.smtp_url and settings.smtp_from and settings.digest_to:
        url, sender = settings.smtp_url, settings.smtp_from
        to = [one.strip() for one in settings.digest_to.split(",") if one.strip()]
        found["mail"] = lambda notice: send_mail(
            url, sender=sender, to=to, subject=notice.subject, text=notice.text
        )
    if bool(settings.digest_webhook_url) != bool(settings.digest_webhook_secret):
        raise Invalid(
            "digest_webhook",
            "A webhook of the digest needs STOCKTIDE_DIGEST_WEBHOOK_URL and STOCKTIDE_DIGEST_WEBHOOK_SECRET.",
        )
    if settings.digest_webhook_url and settings.digest_webhook_secret:
        address, secret = settings.digest_webhook_url, secret_of(settings.digest_webhook_secret)
        found["webhook"] = lambda notice: _post(settings, address, secret, notice)
    return found


def night_to_tell(
    engine: sa.Engine, settings: Settings, now: datetime
) -> tuple[Night, datetime] | None:
    """Return what is to be told of the last run that was due, and when that was; None if nothing is, or no more."""
    from croniter import croniter

    due: datetime = croniter(settings.orders_cron, now).get_prev(datetime)
    with engine.connect() as connection:
        night = read_night(connection, due=due, now=now)
        if night is None or _told(connection, night.kind, due) >= set(channels_of(settings)):
            return None
    return night, due


def notice_due(engine: sa.Engine, settings: Settings, now: datetime) -> Notice | None:
    """Return the notice that is due, None if there is none."""
    found = night_to_tell(engine, settings, now)
    if found is None:
        return None
    # what reads the desk loads libraries that whoever merely looks can do without
    from purchasing.telling.digest import digest_words, read_digest
    from stocktide.entrypoints.ordering import defaults_of

    night, due = found
    link = f"{settings.dashboard_address}/orders"
    if night.kind == "failed":
        subject, text = failed_words(str(night.why), due=due, link=link)
        return Notice("failed", due, subject, text, {"why": night.why, "link": link})
    with engine.connect() as connection:
        digest = read_digest(connection, defaults_of(settings), link=link)
    return Notice("digest", due, *digest_words(digest), digest)


def send_due(engine: sa.Engine, settings: Settings, now: datetime) -> dict[str, Any]:
    """Tell what there is to tell by the channels that have not told it; returns what was sent.

    Raises Transient where one did not take it, after the others were tried: the next look tries that one again.
    """
    with single_flight(engine, JOB) as free:
        notice = notice_due(engine, settings, now) if free else None
        if notice is None:
            return {"sent": []}
        with engine.connect() as connection:
            told = _told(connection, notice.kind, notice.due)
        with recorded_run(engine, JOB) as run:
            run.detail.update(kind=notice.kind, due=notice.due.isoformat(), sent=[])
            faults: list[str] = []
            for name, send in channels_of(settings).items():
                if name in told:
                    continue
                try:
                    send(notice)
                    run.detail["sent"].append(name)
                except StocktideError as error:
                    faults.append(error.message)
            if faults:
                raise Transient("notice_not_sent", " ".join(faults))
    return dict(run.detail)


def _told(connection: sa.Connection, kind: str, due: datetime) -> set[str]:
    """Return the channels that a notice went by."""
    rows = connection.execute(
        sa.text(
            "SELECT DISTINCT jsonb_array_elements_text(detail -> 'sent') FROM runs"
            " WHERE job = :job AND detail ->> 'kind' = :kind AND detail ->> 'due' = :due"
        ),
        {"job": JOB, "kind": kind, "due": due.isoformat()},
    )
    return set(rows.scalars())


def _post(settings: Settings, url: str, secret: bytes, notice: Notice) -> None:
    """Post a notice as a signed CloudEvent. Raises Transient where it is not taken."""
    event = {
        "specversion": "1.0",
        "id": notice.notice_id,
        "source": ORDERS,
        "type": f"stocktide.orders.{notice.kind}",
        "time": datetime.now(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": {"subject": notice.subject, "text": notice.text, **notice.data},
    }
    body = json.dumps(event, default=str).encode()
    signed = signed_headers([secret], notice.notice_id, int(time.time()), body)

    async def post() -> Tried:
        async with Poster(allowed_by(settings), settings.webhook_timeout_s) as poster:
            return await poster.post(url, {"content-type": CONTENT_TYPE, **signed}, body)

    tried = asyncio.run(post())
    if tried.error is not None or tried.status not in OK:
        raise Transient(
            "notice_not_sent", f"The digest's webhook: {tried.error or f'answered {tried.status}'}."
        )

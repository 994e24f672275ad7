"""Silences: for whom they hold, how they end, and what is told after them."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from alerts.addresses import Allowed
from alerts.evaluation import announce_after_silence
from alerts.listing import read_alert
from alerts.triage import silence
from alerts.webhooks import Filters, create_webhook
from stocktide.foundation.errors import NotFound
from tests.alerts.shops import Shops

NOW = datetime.now(UTC)
FAR, PAST = NOW + timedelta(days=1), NOW - timedelta(seconds=1)


def hook(shops: Shops, name: str = "pager", filters: Filters | None = None) -> None:
    url = "https://example.org/hook"
    with shops.engine.begin() as connection:
        create_webhook(
            connection, name, url, filters or Filters(), by="test", allowed=Allowed(private=True)
        )


def on_hand(shops: Shops, *units: float) -> None:
    for one in units:
        shops.stock(1, 1, one)
        shops.evaluate()


def silenced(shops: Shops, alert_id: int, until: datetime) -> None:
    with shops.engine.begin() as connection:
        silence(connection, alert_id, until=until, by="ann", reason="rebuilt")


def announced(shops: Shops) -> int:
    with shops.engine.begin() as connection:
        return announce_after_silence(connection)


def sent(shops: Shops, webhook_id: int = 1) -> list[tuple[int, str]]:
    """Alert and change of what stands in a webhook's outbox, in order."""
    with shops.engine.connect() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT d.alert_id, e.change FROM deliveries d JOIN alert_events e USING (event_id)"
                " WHERE webhook_id = :webhook_id ORDER BY delivery_id"
            ),
            {"webhook_id": webhook_id},
        )
        return [(row.alert_id, row.change) for row in rows]


def until_of(shops: Shops, alert_id: int) -> datetime | None:
    with shops.engine.connect() as connection:
        until: datetime | None = read_alert(connection, alert_id)["silenced_until"]
    return until


@pytest.mark.parametrize("ended_at", [1, 2])
def test_silence_ends_whichever_alert_of_the_subject_is_named(shops: Shops, ended_at: int) -> None:
    hook(shops)
    on_hand(shops, 0)
    silenced(shops, 1, FAR)
    on_hand(shops, 5, 0)
    assert sent(shops) == [(1, "opened"), (1, "closed")]
    silenced(shops, ended_at, PAST)
    assert (until_of(shops, 1), until_of(shops, 2)) == (PAST, PAST)
    on_hand(shops, 5, 0)
    assert sent(shops)[2:] == [(3, "opened")]


def test_silence_given_to_a_closed_alert_holds_for_the_open_one_and_the_next(shops: Shops) -> None:
    hook(shops)
    on_hand(shops, 0, 5, 0)
    silenced(shops, 1, FAR)
    assert until_of(shops, 2) == FAR
    assert shops.scalar("SELECT silenced_until FROM alerts WHERE alert_id = 2") == FAR
    assert shops.history()[-2:] == [("silenced", "out_of_stock", "1/1")] * 2
    on_hand(shops, 5, 0)
    assert sent(shops)[-1] == (2, "closed")


def test_silence_is_for_one_subject_and_one_rule(shops: Shops) -> None:
    hook(shops)
    on_hand(shops, 0)
    silenced(shops, 1, FAR)
    on_hand(shops, 5, -1)
    shops.stock(1, 2, 0)
    shops.evaluate()
    rules = shops.scalar(
        "SELECT array_agg(rule || ' ' || subject ORDER BY alert_id) FROM alerts WHERE announced"
    )
    assert rules == ["out_of_stock 1/1", "negative_balance 1/1", "out_of_stock 1/2"]


def test_silence_of_an_unknown_alert_writes_nothing(shops: Shops) -> None:
    with pytest.raises(NotFound, match="no alert 9"):
        silenced(shops, 9, FAR)
    assert shops.scalar("SELECT count(*) FROM alert_silences") == 0


def test_what_opened_under_a_silence_is_announced_once_when_it_has_passed(shops: Shops) -> None:
    hook(shops)
    hook(shops, "elsewhere", Filters(locations=["S2"]))
    on_hand(shops, 0)
    silenced(shops, 1, datetime.now(UTC) + timedelta(seconds=0.5))
    on_hand(shops, 5, 0)
    assert announced(shops) == 0
    time.sleep(0.5)
    assert announced(shops) == 1
    assert announced(shops) == 0
    on_hand(shops, 5)
    assert sent(shops) == [(1, "opened"), (1, "closed"), (2, "opened"), (2, "closed")]
    assert sent(shops, 2) == []


def test_what_opened_and_closed_under_a_silence_is_never_announced(shops: Shops) -> None:
    hook(shops)
    on_hand(shops, 0)
    silenced(shops, 1, FAR)
    on_hand(shops, 5, 0, 5)
    silenced(shops, 1, PAST)
    assert announced(shops) == 0
    assert sent(shops) == [(1, "opened"), (1, "closed")]

"""From changes to alerts: claims changed pairs, judges them and the feeds, applies the verdicts. The caller commits.

Everything is set-based: a batch costs the same four statements for one pair and for thousands. Stock is read
without locks, so ingest never waits for this. Whoever writes alerts holds one advisory lock till its commit: so
several evaluators take turns, and events get their numbers in the order in which they become visible.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from alerts.faults import Subject, judge_each
from alerts.rules import RuleLimits
from stocktide.foundation.database import statement
from stocktide.foundation.database_names import (
    ALERT_WRITERS_LOCK,
    ALERTS_CHANGED,
    DELIVERIES_DUE,
    RHYTHM_LEARNERS_LOCK,
)

# One transaction's share of the waiting changes; the rest comes at once after it.
PAIRS_MAX = 10_000
ROWS_MAX = 5_000
FEED = "feed "
VERDICT_COLUMNS = (
    "rule", "product_id", "location_id", "feed", "order_id", "opens", "closes", "value_milli", "limit_milli", "details",
)  # fmt: skip


@dataclass(frozen=True)
class Evaluated:
    """Counts of an evaluation: changes eaten, pairs judged, alerts opened and closed; `more`: changes wait still."""

    changes: int = 0
    pairs: int = 0
    opened: int = 0
    closed: int = 0
    more: bool = False


def lock_writers(connection: sa.Connection) -> None:
    """Wait for the turn to write alerts, until the end of the transaction."""
    _lock(connection, ALERT_WRITERS_LOCK)


def announce_alerts(connection: sa.Connection) -> None:
    """Tell streams and sender, at commit, that there is something new."""
    connection.execute(
        sa.text("SELECT pg_notify(:alerts, ''), pg_notify(:deliveries, '')"),
        {"alerts": ALERTS_CHANGED, "deliveries": DELIVERIES_DUE},
    )


def evaluate_changes(
    connection: sa.Connection, limits: RuleLimits, *, each: bool = False
) -> Evaluated:
    """Judge the pairs of the oldest waiting changes, and take these off the queue: both or, on a crash, neither.

    each: leave out the pairs that fail and note them, after all of them together have failed.
    """
    lock_writers(connection)
    claimed = connection.execute(
        statement("alerts/claim_changes"), {"pairs_max": PAIRS_MAX, "rows_max": ROWS_MAX}
    ).one()
    if claimed.changes == 0:
        return Evaluated()
    pairs = [
        Subject(f"{product}/{location}", product, location)
        for product, location in zip(claimed.product_ids, claimed.location_ids, strict=True)
    ]

    def judge(some: Sequence[Subject]) -> tuple[int, int]:
        asked = {
            "product_ids": [pair.product_id for pair in some],
            "location_ids": [pair.location_id for pair in some],
        }
        judged = connection.execute(statement("alerts/judge_pairs"), {**asked, **limits.of_pairs()})
        return _apply(connection, judged.mappings().all())

    opened, closed = judge_each(connection, pairs, judge) if each else judge(pairs)
    return Evaluated(claimed.changes, len(pairs), opened, closed, claimed.more)


def evaluate_feeds(
    connection: sa.Connection, limits: RuleLimits, *, each: bool = False
) -> Evaluated:
    """Judge all feeds as of now: silent too long, refused too much.

    each: leave out the feeds that fail and note them, after all of them together have failed.
    """
    lock_writers(connection)

    def judge(some: Sequence[Subject] | None) -> tuple[int, int]:
        feeds = None if some is None else [feed.name.removeprefix(FEED) for feed in some]
        judged = connection.execute(statement("alerts/judge_feeds"), limits.of_feeds(feeds))
        return _apply(connection, judged.mappings().all())

    if each:
        feeds = connection.execute(sa.text("SELECT feed FROM feed_silence")).scalars()
        opened, closed = judge_each(connection, [Subject(FEED + feed) for feed in feeds], judge)
    else:
        opened, closed = judge(None)
    return Evaluated(opened=opened, closed=closed)


def evaluate_late_orders(connection: sa.Connection) -> Evaluated:
    """Judge what is on order as of now: what should have come by its day, and has not in full."""
    lock_writers(connection)
    judged = connection.execute(statement("alerts/judge_late_orders"))
    opened, closed = _apply(connection, judged.mappings().all())
    return Evaluated(opened=opened, closed=closed)


def announce_after_silence(connection: sa.Connection) -> int:
    """Have webhooks told of what opened under a silence that has passed. Returns of how many alerts."""
    lock_writers(connection)
    count: int = connection.execute(statement("alerts/announce_after_silence")).scalar_one()
    if count:
        announce_alerts(connection)
    return count


def learn_rhythms(connection: sa.Connection) -> None:
    """Learn from four weeks how long each feed pauses when all is well; one evaluator at a time."""
    _lock(connection, RHYTHM_LEARNERS_LOCK)
    connection.execute(statement("alerts/learn_rhythms"))


def queue_all_if_new(connection: sa.Connection, limits: RuleLimits) -> bool:
    """Have every pair judged once if none was yet, or if the limits were others; tells whether it was so."""
    lock_writers(connection)
    now = limits.of_pairs()
    before = connection.execute(sa.text("SELECT limits FROM alert_limits")).scalar()
    if before == now:
        return False
    connection.execute(statement("alerts/queue_all_pairs"))
    connection.execute(
        sa.text(
            "INSERT INTO alert_limits (limits) VALUES (CAST(:limits AS jsonb))"
            " ON CONFLICT (only_row) DO UPDATE SET limits = excluded.limits, since = now()"
        ),
        {"limits": msgspec.json.encode(now).decode()},
    )
    return True


def _lock(connection: sa.Connection, key: int) -> None:
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def _apply(connection: sa.Connection, verdicts: Sequence[Any]) -> tuple[int, int]:
    if not verdicts:
        return 0, 0
    # a rule leaves out what its alerts are not about
    columns = {name: [verdict.get(name) for verdict in verdicts] for name in VERDICT_COLUMNS}
    opened, closed = connection.execute(statement("alerts/apply_verdicts"), columns).one()
    if opened or closed:
        announce_alerts(connection)
    return opened, closed

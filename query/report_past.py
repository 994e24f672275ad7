"""Reports of the past: over the versions of the lake that were the newest at a moment."""

from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from query.lake_files import LAKE_INPUTS, PREDICTED_INPUTS, LakeVersion
from query.lineage.lake_at import known_since, lake_at
from query.report_inputs import LIVE, Versions, behind
from stocktide.foundation.errors import Invalid, NotFound
from stocktide.foundation.lake import Lake, LakeTable

# What a report of the past takes as it is now: names and groups of things, which it is read by.
MASTERS = frozenset({"products", "locations", "kinds", LIVE})
KEEP_MORE = "STOCKTIDE_LAKE_HISTORY_DAYS keeps more from now on."


def moment_of(text: str) -> datetime | None:
    """Read the moment of a report: an instant with its time zone, or a day, which means its end (UTC); "" is now.

    Raises Invalid.
    """
    if text == "":
        return None
    try:
        if len(text) <= len("2026-11-23"):
            return datetime.combine(
                date.fromisoformat(text) + timedelta(days=1), time(), UTC
            ) - timedelta(microseconds=1)
        # a plus sign that was not escaped in an address comes as a space
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(
            "report_as_of",
            f"as_of: {text[:50]!r} is no moment. Give an instant such as 2026-11-23T12:00:00Z, or a day.",
            field="as_of",
        ) from None


def past_versions(
    connection: sa.Connection, lake: Lake, inputs: set[str], at: datetime, *, days_kept: int
) -> Versions:
    """Look up the versions that tables had at a moment. Raises Invalid, NotFound where they are not kept any more."""
    inputs = behind(inputs)
    of_now = (inputs - LAKE_INPUTS.keys() - MASTERS) | (inputs & PREDICTED_INPUTS)
    if of_now:
        raise Invalid(
            "report_of_now",
            f"{', '.join(sorted(of_now))}: only the present is kept, so what reads it can only be computed as of now.",
            field="as_of",
        )
    moment = lake_at(connection, at)
    if moment is None:
        since = known_since(connection)
        raise NotFound(
            "report_past",
            f"Nothing is known of the lake at {at:%Y-%m-%d %H:%M} UTC: "
            + ("no run has ended yet." if since is None else f"its history begins {_said(since)}."),
        )
    tables = {}
    for name in sorted(inputs & LAKE_INPUTS.keys()):
        table = LAKE_INPUTS[name]
        tables[name] = LakeVersion(
            table, _opened(lake, table, moment.versions.get(table), at, days_kept)
        )
    return Versions(tables, moment)


def _opened(
    lake: Lake, table: LakeTable, version: int | None, at: datetime, days_kept: int
) -> DeltaTable | None:
    if version is None:
        return None
    try:
        return DeltaTable(lake.path(table), version=version)
    except DeltaError as error:
        raise files_gone(at, days_kept) from error


def files_gone(at: datetime, days_kept: int) -> NotFound:
    """Return the error of a past whose files were deleted."""
    first = datetime.now(UTC) - timedelta(days=days_kept)
    return NotFound(
        "report_past_gone",
        f"The lake as it was at {at:%Y-%m-%d %H:%M} UTC is gone: files of old versions are kept for {days_kept} days, "
        f"so it can be read back to {_said(first)}. {KEEP_MORE}",
    )


def _said(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %b %Y %H:%M} UTC"

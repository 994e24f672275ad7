"""The registry: every finished run is a version; one of them is champion, and what readers see."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from forecasting.overriding.keep import adjust_published
from forecasting.publishing.promotion import Decision, PromotionRule, decide
from stocktide.foundation.database import statement
from stocktide.foundation.database_names import FORECAST_PUBLISHED
from stocktide.foundation.errors import Conflict, Invalid, NotFound
from stocktide.foundation.stored_text import is_storable

VERSIONS_MAX = 500
REASON_LENGTH_MAX = 500
OURSELVES = "stocktide"


@dataclass(frozen=True)
class Champion:
    """The version that readers see. choice: what its backtest chose; None if it is not known."""

    version: int
    forecast_run_id: int | None
    cutoff: date
    score: float | None
    choice: dict[str, Any] | None


@dataclass(frozen=True)
class VersionChange:
    """Change of a version. forecast_run_id: its run. replaced: the champion that stepped down, if one did."""

    version: int
    forecast_run_id: int
    published: bool
    replaced: int | None
    reason: str


def read_champion(connection: sa.Connection) -> Champion | None:
    """Read the champion, None before the first publication."""
    row = connection.execute(statement("forecasting/champion")).mappings().first()
    return None if row is None else Champion(**row)


def list_versions(connection: sa.Connection, *, limit: int = 50) -> list[dict[str, Any]]:
    """List versions, newest first, with status, scores, who decided and why; kept: it can still be published."""
    rows = connection.execute(
        statement("forecasting/versions"), {"version": None, "limit": min(limit, VERSIONS_MAX)}
    )
    return [dict(row) for row in rows.mappings()]


def register(
    connection: sa.Connection,
    *,
    forecast_run_id: int,
    mlflow_run_id: str | None,
    cutoff: date,
    score: float | None,
    champion_score: float | None,
    rule: PromotionRule,
) -> VersionChange:
    """Create a run's version, decide on it, and point readers at it if it is to be published; the caller commits."""
    _one_at_a_time(connection)
    champion = read_champion(connection)
    version = _insert(connection, forecast_run_id, mlflow_run_id, cutoff, score)
    decision = decide(
        champion_score,
        score,
        has_champion=champion is not None,
        age_days=0 if champion is None else (cutoff - champion.cutoff).days,
        rule=rule,
    )
    if decision.publishes:
        return _make_champion(
            connection,
            version,
            forecast_run_id,
            "promote",
            OURSELVES,
            decision.reason,
            champion_score=champion_score,
            margin=rule.margin,
        )
    _reject(connection, version, decision, champion_score=champion_score, margin=rule.margin)
    return VersionChange(version, forecast_run_id, False, None, decision.reason)


def register_refresh(
    connection: sa.Connection,
    *,
    forecast_run_id: int,
    parent: int,
    cutoff: date,
    score: float | None,
    reason: str,
) -> VersionChange:
    """Create a refreshed run's version, with the MLflow run of its parent, and publish it; the caller commits.

    Raises Conflict (`refresh_overtaken`): the parent is no longer the current version.
    """
    _one_at_a_time(connection)
    champion = read_champion(connection)
    if champion is None or champion.version != parent:
        raise Conflict(
            "refresh_overtaken",
            f"Version {parent} is no longer the current one; refresh again.",
            version=parent,
        )
    mlflow_run_id = connection.execute(
        sa.text("SELECT mlflow_run_id FROM forecast_models WHERE version = :version"),
        {"version": parent},
    ).scalar()
    version = _insert(connection, forecast_run_id, mlflow_run_id, cutoff, score)
    return _make_champion(connection, version, forecast_run_id, "promote", OURSELVES, reason)


def _insert(
    connection: sa.Connection,
    forecast_run_id: int,
    mlflow_run_id: str | None,
    cutoff: date,
    score: float | None,
) -> int:
    """Record a run's version and return its number; nothing is decided on it yet."""
    version: int = connection.execute(
        statement("forecasting/insert_model"),
        {
            "forecast_run_id": forecast_run_id,
            "mlflow_run_id": mlflow_run_id,
            "cutoff": cutoff,
            "score": score,
        },
    ).scalar_one()
    return version


def promote(connection: sa.Connection, version: int, *, by: str, reason: str) -> VersionChange:
    """Promote a version by hand, whatever its score; the caller commits.

    Raises NotFound (`version_unknown`), Conflict (`version_published`, `version_pruned`), Invalid (`reason`).
    """
    _check_reason(reason)
    _one_at_a_time(connection)
    found = _find(connection, version)
    if found["status"] == "champion":
        raise Conflict("version_published", f"Version {version} is the current version already.")
    return _make_champion(connection, version, found["forecast_run_id"], "promote", by, reason)


def rollback(
    connection: sa.Connection, *, by: str, reason: str, to: int | None = None
) -> VersionChange:
    """Point readers back at the champion before this one, or at version `to`, which was champion once.

    The caller commits. Raises Conflict (`nothing_published`, `no_earlier_champion`, `never_champion`,
    `version_published`, `version_pruned`), NotFound (`version_unknown`), Invalid (`reason`).
    """
    _check_reason(reason)
    _one_at_a_time(connection)
    champion = read_champion(connection)
    if champion is None:
        raise Conflict(
            "nothing_published", "No forecast is published yet, so there is nothing to roll back."
        )
    target = _earlier_champion(connection, champion.version) if to is None else to
    if target == champion.version:
        raise Conflict("version_published", f"Version {target} is the current version already.")
    found = _find(connection, target)
    if found["status"] != "retired":
        raise Conflict(
            "never_champion",
            f"Version {target} was never published; publish it by `stocktide forecast promote {target}`.",
        )
    return _make_champion(connection, target, found["forecast_run_id"], "rollback", by, reason)


def _earlier_champion(connection: sa.Connection, version: int) -> int:
    """Find the champion that `version` replaced when it was last promoted."""
    found: int | None = connection.execute(
        statement("forecasting/champion_before"), {"version": version}
    ).scalar()
    if found is None:
        raise Conflict(
            "no_earlier_champion",
            f"Version {version} is the first that was published: there is no earlier one to roll back to. "
            "`stocktide forecast history` lists the versions.",
        )
    return found


def _find(connection: sa.Connection, version: int) -> dict[str, Any]:
    row = (
        connection.execute(statement("forecasting/versions"), {"version": version, "limit": 1})
        .mappings()
        .first()
    )
    if row is None:
        raise NotFound(
            "version_unknown",
            f"There is no version {version}; `stocktide forecast history` lists them.",
            version=version,
        )
    if not row["kept"]:
        raise Conflict(
            "version_pruned",
            f"The days of version {version} were dropped to save room, so it cannot be published again; "
            "`stocktide forecast history` tells which versions can.",
            version=version,
        )
    return dict(row)


def _make_champion(
    connection: sa.Connection,
    version: int,
    forecast_run_id: int,
    action: str,
    by: str,
    reason: str,
    *,
    champion_score: float | None = None,
    margin: float | None = None,
) -> VersionChange:
    replaced = connection.execute(statement("forecasting/retire_champion")).scalar()
    _note(connection, version, "champion", by, reason, champion_score, margin)
    _log(connection, action, version, replaced, by, reason)
    connection.execute(statement("forecasting/point_at_run"), {"forecast_run_id": forecast_run_id})
    adjust_published(connection)
    connection.execute(sa.select(sa.func.pg_notify(FORECAST_PUBLISHED, str(forecast_run_id))))
    return VersionChange(version, forecast_run_id, True, replaced, reason)


def _reject(
    connection: sa.Connection,
    version: int,
    decision: Decision,
    *,
    champion_score: float | None,
    margin: float,
) -> None:
    _note(connection, version, "rejected", OURSELVES, decision.reason, champion_score, margin)
    _log(connection, "reject", version, None, OURSELVES, decision.reason)


def _note(
    connection: sa.Connection,
    version: int,
    status: str,
    by: str,
    reason: str,
    champion_score: float | None,
    margin: float | None,
) -> None:
    connection.execute(
        statement("forecasting/decide_model"),
        {
            "version": version,
            "status": status,
            "decided_by": by,
            "reason": reason,
            "champion_score": champion_score,
            "margin": margin,
        },
    )


def _log(
    connection: sa.Connection, action: str, version: int, replaced: int | None, by: str, reason: str
) -> None:
    connection.execute(
        statement("forecasting/insert_decision"),
        {
            "action": action,
            "version": version,
            "replaced": replaced,
            "decided_by": by,
            "reason": reason,
        },
    )


def _one_at_a_time(connection: sa.Connection) -> None:
    """Lock the registry for writers: two that decide at once would each see the other's champion."""
    connection.execute(sa.text("LOCK TABLE forecast_models IN SHARE ROW EXCLUSIVE MODE"))


def _check_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > REASON_LENGTH_MAX or not is_storable(reason):
        raise Invalid(
            "reason",
            f"Enter a reason of 1 to {REASON_LENGTH_MAX} characters: it is saved in the audit log.",
        )

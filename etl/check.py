"""Proof that every copy is the fold of what it is made from: `stocktide check`, part by part, each with its seconds."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from etl.check_lake import LakeSide
from etl.compared import Compared, Part
from etl.derived import REBUILD
from etl.sums import verify_lake
from stocktide.domain.kinds import KINDS
from stocktide.foundation.database import statement
from stocktide.foundation.lake import Lake

__all__ = ["Check", "Finding", "check_all", "ledger_faults", "verify_lake"]

HALF_LIFE_S = 24 * 3600.0
# Parts of the ledger's own house: what each proves.
FAULTS = {
    "stock": "stock, prices, readings, scores = fold",
    "commitments": "on order, in transit, promised = fold",
    "lots": "lots = fold of movements",
    "identities": "one identity a first leg",
    "costs": "moving average = its steps = what came",
    "corrections": "every reversal is claimed",
    "keys": "products, locations, sources, kinds exist",
}
SERVED = {
    "event_kinds": "kinds = those of this version",
    "location_daily": "days of locations = sums of daily_demand",
    "shelf_days": "shelf-days = fold of daily_demand",
}


@dataclass(frozen=True)
class Finding:
    """What one part of the check found, and how long that took."""

    part: str
    rule: str
    compared: Compared
    seconds: float


@dataclass(frozen=True)
class Check:
    """The findings of all parts."""

    findings: Sequence[Finding]

    @property
    def holds(self) -> bool:
        """Return True if nothing differs anywhere."""
        return all(found.compared.holds for found in self.findings)

    @property
    def repair(self) -> str | None:
        """Return what to do, None if nothing is."""
        wrong = [found for found in self.findings if not found.compared.holds]
        if not wrong:
            return None
        said = [found.compared.note for found in wrong if found.compared.note]
        names = ", ".join(found.part for found in wrong)
        default = f"Back up, then run `{REBUILD}`: it makes every copy again from the ledger."
        return " ".join([f"What differs: {names}.", *(said or [default])])

    def rows(self) -> list[list[Any]]:
        """Return rows for people."""
        return [
            [
                found.rule,
                found.compared.holds,
                f"{found.compared.rows:,} compared, {found.compared.differ:,} differ",
                f"{found.compared.waiting:,}" if found.compared.waiting else "",
                round(found.seconds, 2),
            ]
            for found in self.findings
        ]

    def as_dict(self) -> dict[str, object]:
        """Return the same for machines."""
        parts = {found.part: found for found in self.findings}
        rows = {name: found.compared.rows for name, found in parts.items()}
        return {
            "holds": self.holds,
            "repair": self.repair,
            "stock_pairs": rows.get("stock"),
            "ledger": {"rows": rows.get("keys")},
            "faults": {name: found.compared.differ for name, found in parts.items()},
            "waiting": {name: found.compared.waiting for name, found in parts.items()},
            "seconds": {name: round(found.seconds, 3) for name, found in parts.items()},
            "parts": [asdict(found) for found in self.findings],
        }


def ledger_faults(
    engine: sa.Engine | sa.Connection, *, half_life_s: float = HALF_LIFE_S
) -> dict[str, int]:
    """Count what in the ledger's own house does not agree, by the names of FAULTS."""
    if isinstance(engine, sa.Engine):
        with engine.connect() as connection:
            return ledger_faults(connection, half_life_s=half_life_s)
    return {name: _compare(engine, half_life_s, name).differ for name in FAULTS}


def check_all(
    engine: sa.Engine,
    lake: Lake,
    *,
    half_life_s: float = HALF_LIFE_S,
    begin: Callable[[str], None] = lambda _: None,
    wanted: Callable[[str], bool] = lambda _: True,
) -> Check:
    """Compare every copy with a fresh fold: those in Postgres as of one snapshot, the lake's up to its watermark.

    half_life_s: of trending scores. begin: is told each part's rule before it starts. wanted: of a part's name, whether
    it is looked at.
    """
    findings = []
    with engine.connect() as opened:
        connection = opened.execution_options(isolation_level="REPEATABLE READ")
        parts: list[Part] = [
            (name, rule, partial(_compare, connection, half_life_s, name))
            for name, rule in {**FAULTS, **SERVED}.items()
        ]
        for name, rule, compare in [*parts, *LakeSide(engine, connection, lake).parts()]:
            if not wanted(name):
                continue
            begin(rule)
            started = time.monotonic()
            findings.append(Finding(name, rule, compare(), time.monotonic() - started))
    return Check(findings)


def _compare(connection: sa.Connection, half_life_s: float, name: str) -> Compared:
    kinds = json.dumps([kind.row() for kind in KINDS.values()])
    binds = {"half_life_s": half_life_s, "kinds": kinds}
    row = connection.execute(statement(f"etl/check/{name}"), binds).one()
    return Compared(row.rows, int(row.differ))

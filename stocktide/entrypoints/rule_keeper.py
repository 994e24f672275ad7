"""Approve by rule what a run has proposed: the API's process does, since the worker may not write to the ledger."""

import asyncio
import logging
from collections.abc import Mapping

import sqlalchemy as sa
from fastapi.concurrency import run_in_threadpool

from purchasing.desk.by_rule import ApprovalRule, decisions_of
from purchasing.desk.lines import Decision
from purchasing.desk.shell import Desk
from stocktide.foundation.database_errors import DATABASE_ERRORS, first_line
from stocktide.foundation.errors import StocktideError
from stocktide.foundation.settings import Settings
from stocktide.foundation.telemetry import log

LOOK_EVERY_S = 10.0
NAME = "usual order"


def rule_of(settings: Settings) -> ApprovalRule | None:
    """Return the rule of the settings, None where people approve all."""
    if settings.order_rule_amount is None:
        return None
    return ApprovalRule(NAME, settings.order_rule_amount * 1_000_000, settings.order_rule_factor)


class RuleKeeper:
    """Looks at each run once. Several processes may: what one has approved is decided for the others."""

    def __init__(self, engine: sa.Engine, desk: Desk, rule: ApprovalRule | None) -> None:
        self._engine, self._desk, self._rule = engine, desk, rule
        self._looked_at: int | None = None

    async def run(self) -> None:
        """Look until cancelled; without a rule there is nothing to look for."""
        while self._rule is not None:
            try:
                await run_in_threadpool(self.look)
            except DATABASE_ERRORS as error:
                log("rule_lost_database", level=logging.WARNING, error=first_line(error))
            await asyncio.sleep(LOOK_EVERY_S)

    def look(self) -> int:
        """Approve what the newest run proposes and the rule lets through; returns how many lines were ordered."""
        rule = self._rule
        if rule is None:
            return 0
        with self._engine.connect() as connection:
            run = connection.execute(sa.text("SELECT max(order_run_id) FROM order_runs")).scalar()
            if run is None or run == self._looked_at:
                return 0
            found = decisions_of(connection, self._desk, rule)
        ordered = sum(self._approve(supplier, decisions) for supplier, decisions in found.items())
        self._looked_at = run
        if found:
            log("approved_by_rule", rule=rule.name, order_run_id=run, lines=ordered)
        return ordered

    def _approve(self, supplier: str, decisions: Mapping[int, Decision]) -> int:
        """Approve the lines of one supplier: what the ledger does not take of it keeps no other back."""
        try:
            with self._engine.begin() as connection:
                decided = self._desk.decide(connection, decisions)
        except StocktideError as error:
            log("rule_refused", level=logging.ERROR, supplier=supplier, error=error.message)
            return 0
        return sum(one.error is None for one in decided)

"""Approve by rule what a run has proposed: the API's process does, since the worker may not write to the ledger."""

import asyncio
import logging
from collections.abc import Mapping

import sqlalchemy as sa
from fastapi.concurrency import run_in_threadpool

from purchasing.desk.approval_rules import ApprovalRule, Rules, read_rules
from purchasing.desk.by_rule import decisions_of
from purchasing.desk.lines import Decision
from purchasing.desk.shell import Desk
from stocktide.foundation.database_errors import DATABASE_ERRORS, first_line
from stocktide.foundation.errors import StocktideError
from stocktide.foundation.settings import Settings
from stocktide.foundation.telemetry import log

LOOK_EVERY_S = 10.0
NAME = "usual order"


def rule_of(settings: Settings) -> ApprovalRule | None:
    """Return the rule of the settings, for lines that no term of approval is about; None where people approve them."""
    if settings.order_rule_amount is None:
        return None
    return ApprovalRule(
        NAME,
        settings.order_rule_amount * 1_000_000,
        settings.order_rule_factor,
        currency=settings.currency,
    )


class RuleKeeper:
    """Looks at each run, and again when rules change. Several processes may: what one has approved is decided."""

    def __init__(self, engine: sa.Engine, desk: Desk, default: ApprovalRule | None) -> None:
        self._engine, self._desk, self._default = engine, desk, default
        self._looked_at: tuple[int, Rules] | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await run_in_threadpool(self.look)
            except DATABASE_ERRORS as error:
                log("rule_lost_database", level=logging.WARNING, error=first_line(error))
            await asyncio.sleep(LOOK_EVERY_S)

    def look(self) -> int:
        """Approve what the newest run proposes and rules let through; returns how many lines were ordered."""
        with self._engine.connect() as connection:
            rules = read_rules(connection, self._default, self._desk.currency)
            run = connection.execute(sa.text("SELECT max(order_run_id) FROM order_runs")).scalar()
            if run is None or not rules.is_on or (run, rules) == self._looked_at:
                return 0
            found = decisions_of(connection, self._desk, rules)
        ordered = sum(self._approve(supplier, decisions) for supplier, decisions in found.items())
        self._looked_at = (run, rules)
        if found:
            log("approved_by_rule", order_run_id=run, lines=ordered)
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

"""The evaluator's loop: woken by the ledger's NOTIFY, with a poll behind it; feeds on a timer."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa

from alerts.evaluation import (
    Evaluated,
    announce_after_silence,
    evaluate_changes,
    evaluate_feeds,
    evaluate_late_orders,
    learn_rhythms,
    queue_all_if_new,
)
from alerts.faults import Step, Subject, is_of_content, note_faults, retry_faults
from alerts.rules import RuleLimits, limits_of
from stocktide.foundation.database_errors import DATABASE_ERRORS, first_line, is_retryable
from stocktide.foundation.database_names import ALERT_INPUTS_CHANGED, STOCK_CHANGED
from stocktide.foundation.heartbeat import beat
from stocktide.foundation.settings import Settings
from stocktide.foundation.telemetry import log

# The ledger announces its commits on the first; whoever has pairs judged for another reason on the second.
CHANNELS = (STOCK_CHANGED, ALERT_INPUTS_CHANGED)
POLL_S = 1.0
# Commits of this long are judged together: more often would cost work, and win nothing that a person sees.
TOGETHER_S = 0.05
RECONNECT_S = 1.0
LEARN_EVERY_S = 3_600.0
Evaluate = Callable[..., Evaluated]


class Evaluator:
    """Judges what changed until it is stopped. Several may run on one database: they take turns."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self._engine = engine
        self._limits: RuleLimits = limits_of(settings)
        self._timer_s = settings.alert_timer_s
        self._url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        # plain, not an Event: a signal's handler sets it, and must wait for no lock
        self._stopping = False
        self._feeds_at = self._learned_at = float("-inf")

    def run(self) -> None:
        """Run until stopped; a database that is away is waited for, any other error of it is raised."""
        while not self._stopping:
            beat()
            try:
                self._listen()
            except DATABASE_ERRORS as error:
                if not is_retryable(error):
                    raise
                log("alerts_lost_database", level=logging.WARNING, error=first_line(error))
                time.sleep(RECONNECT_S)

    def stop(self) -> None:
        """End the loop after the transaction under way."""
        self._stopping = True

    def evaluate_waiting(self) -> None:
        """Judge all changes that wait now, some at a time, each time in a transaction of its own."""
        more = True
        while more and not self._stopping:
            beat()
            done = self._evaluated(evaluate_changes)
            more = done.more
            if done.opened or done.closed:
                log("alerts_evaluated", **vars(done))

    def _listen(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            for channel in CHANNELS:
                connection.execute(f"LISTEN {channel}")
            with self._engine.begin() as first:
                if queue_all_if_new(first, self._limits):
                    log("alerts_judge_everything", limits=self._limits.of_pairs())
            while not self._stopping:
                beat()
                self.evaluate_waiting()
                self._look_at_clock()
                wait_s = min(POLL_S, self._timer_s)
                if list(connection.notifies(timeout=wait_s, stop_after=1)):
                    time.sleep(TOGETHER_S)

    def _evaluated(self, evaluate: Evaluate) -> Evaluated:
        """Judge all together, and where one of them is refused, each."""
        try:
            with self._engine.begin() as connection:
                return evaluate(connection, self._limits)
        except DATABASE_ERRORS as error:
            if not is_of_content(error):
                raise
        with self._engine.begin() as connection:
            return evaluate(connection, self._limits, each=True)

    def _look_at_clock(self) -> None:
        """Do what time alone makes due. It counts as done once it is: what a deadlock undid is done again at once."""
        now = time.monotonic()
        if now - self._learned_at >= LEARN_EVERY_S:
            with self._engine.begin() as connection:
                retry_faults(connection, older_s=2 * LEARN_EVERY_S)
            with self._noting("rhythms"), self._engine.begin() as connection:
                learn_rhythms(connection)
            self._learned_at = now
        if now - self._feeds_at >= self._timer_s:
            with self._noting("feeds"):
                self._look_at_feeds()
            with self._noting("late_orders"):
                self._look_at_orders()
            with self._noting("silences"):
                self._look_at_silences()
            self._feeds_at = now

    @contextmanager
    def _noting(self, step: Step) -> Iterator[None]:
        """Note a step that the database refuses a value of; the others are done."""
        try:
            yield
        except DATABASE_ERRORS as error:
            if not is_of_content(error):
                raise
            with self._engine.begin() as connection:
                note_faults(connection, {Subject(step): error})

    def _look_at_feeds(self) -> None:
        done = self._evaluated(evaluate_feeds)
        if done.opened or done.closed:
            log("feeds_evaluated", opened=done.opened, closed=done.closed)

    def _look_at_orders(self) -> None:
        with self._engine.begin() as connection:
            done = evaluate_late_orders(connection)
        if done.opened or done.closed:
            log("late_orders_evaluated", opened=done.opened, closed=done.closed)

    def _look_at_silences(self) -> None:
        with self._engine.begin() as connection:
            late = announce_after_silence(connection)
        if late:
            log("announced_after_silence", alerts=late)

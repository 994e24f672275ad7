"""Keeps the cache true: listens for what the ledger and the publication change, and drops those values."""

import threading
from collections.abc import Sequence

import psycopg
import sqlalchemy as sa

from catalog.cache import ALL, ProductCache
from stocktide.foundation.database_errors import is_retryable
from stocktide.foundation.database_names import FORECAST_PUBLISHED, STOCK_CHANGED
from stocktide.foundation.telemetry import log

CHANNELS = (STOCK_CHANGED, FORECAST_PUBLISHED)
# Beyond this many products the whole family is dropped: one command instead of thousands.
NAMES_MAX = 200
PRODUCT = "product"
RECONNECT_S = 1.0
WAIT_S = 0.5
# After a drop, notifications are collected for the next one: a busy ledger sends hundreds a second.
GATHER_S = 0.03


class Listener:
    """A thread on a Postgres connection of its own. After any gap in listening it drops everything."""

    def __init__(self, engine: sa.Engine, cache: ProductCache) -> None:
        self._url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._cache = cache
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cache-invalidation", daemon=True)
        self.listening = threading.Event()

    def start(self) -> None:
        """Start to listen; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._stopped.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                if not is_retryable(error):
                    raise
                self.listening.clear()
                log("invalidation_lost_database", error=str(error).strip())
                self._stopped.wait(RECONNECT_S)

    def _listen(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            for channel in CHANNELS:
                connection.execute(f"LISTEN {channel}")
            # changes while not listening are unknown
            self._cache.drop(PRODUCT, [ALL])
            self.listening.set()
            while not self._stopped.is_set():
                notices = list(connection.notifies(timeout=WAIT_S, stop_after=1))
                if notices:
                    self._drop([*notices, *connection.notifies(timeout=0)])
                    self._stopped.wait(GATHER_S)

    def _drop(self, notices: Sequence[psycopg.Notify]) -> None:
        """Drop what all of them name, in one go: a busy ledger tells more often than the cache need hear."""
        names: set[str] = set()
        for notice in notices:
            names.update(
                [ALL] if notice.channel == FORECAST_PUBLISHED else notice.payload.split(",")
            )
        names.discard("")
        if names:
            self._cache.drop(PRODUCT, [ALL] if ALL in names or len(names) > NAMES_MAX else names)

"""Keeps the cache true: listens for what the ledger and the publication change, and drops those values."""

import threading
import time

import psycopg
import sqlalchemy as sa

from catalog.cache import ALL, ProductCache
from stocktide.telemetry import log

CHANNELS = ("stock_changed", "forecast_published")
PRODUCT = "product"
RECONNECT_S = 1.0
WAIT_S = 0.5


class Listener:
    """A thread on a Postgres connection of its own. After any gap in listening it drops everything."""

    def __init__(self, engine: sa.Engine, cache: ProductCache) -> None:
        self._url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._cache = cache
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cache-invalidation", daemon=True)
        self.listening = threading.Event()

    def start(self) -> None:
        """Begin to listen; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except psycopg.OperationalError as error:
                self.listening.clear()
                log("invalidation_lost_database", error=str(error).strip())
                self._stopped.wait(RECONNECT_S)

    def _listen(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            for channel in CHANNELS:
                connection.execute(f"LISTEN {channel}")
            # what changed while nobody listened is unknown
            self._cache.drop(PRODUCT, [ALL])
            self.listening.set()
            while not self._stopped.is_set():
                started = time.monotonic()
                for notice in connection.notifies(timeout=WAIT_S):
                    self._drop(notice.channel, notice.payload)
                    if self._stopped.is_set() or time.monotonic() - started > WAIT_S:
                        break

    def _drop(self, channel: str, payload: str) -> None:
        if channel == "forecast_published" or payload == ALL:
            self._cache.drop(PRODUCT, [ALL])
        elif payload:
            self._cache.drop(PRODUCT, payload.split(","))

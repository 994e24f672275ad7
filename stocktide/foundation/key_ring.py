"""The keys that one API process knows right now, so that a request with a key asks no database.

For routes that do not depend on `stocktide.foundation.rights.Allow`, the whole of it is:

    key = key_ring.find(text) or await key_ring.fetch(text)   # Key; raises Unauthorized, Transient
    key.refuses(kind, location)            # -> str | None: why this key may not send this event
    key.limiter.take(n, time.monotonic())  # -> float: 0.0, or seconds to wait (answer 429 with Retry-After)

`find(text) -> Key | None` is a dict hit: no await, no lock, no query; None says "ask fetch". What it answers was
read at most `fresh_s` ago; once half of that has passed it has the key read again in the background, so that a
busy key is always cached. A revocation therefore holds in every process after `fresh_s`, wherever it was made.

Keys that are known have threads and connections of their own: a client that guesses keys, with or without one of
its own, does not slow other keys down.
"""

import asyncio
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

import sqlalchemy as sa

from stocktide.foundation.database import create_engine
from stocktide.foundation.database_errors import DATABASE_ERRORS, first_line
from stocktide.foundation.errors import Transient, Unauthorized
from stocktide.foundation.keys import (
    LAST_USED_EVERY_S,
    Key,
    TokenBucket,
    hash_key,
    look_up_key,
    note_use,
)
from stocktide.foundation.telemetry import log

FRESH_S = 0.5
# One row by its index: whoever waits longer for it waits for a database that hangs.
ANSWER_S = 5.0
# Texts that are cached: keys, and separately texts that are not keys, so that guesses evict no key.
KEYS_MAX = 10_000
REFUSED_MAX = 1_000
# Look-ups of unknown texts under way; a flood of guesses beyond it gets 503.
PENDING_MAX = 500
# Threads for known keys and for unknown texts, each, and one that writes the last use behind; each has its connection.
READERS = 2
CONNECTIONS = 2 * READERS + 1

Held = TypeVar("Held")


@dataclass
class _Entry:
    key: Key
    read_at: float
    noted_at: float
    refreshing: bool = False


class KeyRing:
    """Finds keys by their text. One a process; `find` and `fetch` are called from its event loop."""

    def __init__(self, engine: sa.Engine, *, fresh_s: float = FRESH_S) -> None:
        # of its own: a key is not looked up behind long transactions of the shared pool
        url = engine.url.render_as_string(hide_password=False)
        self._engine = create_engine(url, pool_size=CONNECTIONS, answer_s=ANSWER_S)
        self._fresh_s = fresh_s
        self._keys: dict[bytes, _Entry] = {}
        self._refused: dict[bytes, tuple[Unauthorized, float]] = {}
        self._pending: dict[bytes, Future[Key]] = {}
        self._guesses: dict[bytes, Future[Key]] = {}
        self._limiters: dict[int, TokenBucket] = {}
        # held by readers only; `find` takes no lock
        self._writing = threading.Lock()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="key-ring")
        self._guess_readers = ThreadPoolExecutor(READERS, thread_name_prefix="key-ring-unknown")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="key-ring-use")

    def find(self, text: str) -> Key | None:
        """Return the key with this text if it is known well enough; None: fetch it. Raises Unauthorized."""
        hashed = hash_key(text)
        entry = self._keys.get(hashed)
        now = time.monotonic()
        if entry is None:
            self._check_refused(hashed, now)
            return None
        age = now - entry.read_at
        if age > self._fresh_s:
            return None
        if age > self._fresh_s / 2 and not entry.refreshing:
            self._refresh(entry, hashed)
        return self._used(entry, now)

    async def fetch(self, text: str) -> Key:
        """Read the key with this text; requests that ask for the same one share the query.

        Raises Unauthorized with its reason, Transient when too many unknown keys are asked for at once.
        """
        hashed = hash_key(text)
        # shielded: a caller that goes away does not take the query from the others
        key = await asyncio.shield(asyncio.wrap_future(self._read_soon(hashed)))
        entry = self._keys.get(hashed)
        return self._used(entry, time.monotonic()) if entry is not None else key

    def close(self) -> None:
        """Release threads and connections."""
        for threads in (self._readers, self._guess_readers, self._writer):
            threads.shutdown(wait=True, cancel_futures=True)
        self._engine.dispose()

    def _check_refused(self, hashed: bytes, now: float) -> None:
        refused = self._refused.get(hashed)
        if refused is not None and now - refused[1] <= self._fresh_s:
            raise Unauthorized(refused[0].code, refused[0].message)

    def _used(self, entry: _Entry, now: float) -> Key:
        key = entry.key
        if key.expires_at is not None:
            key.check_valid(datetime.now(UTC))
        if now - entry.noted_at > LAST_USED_EVERY_S:
            entry.noted_at = now
            self._writer.submit(self._note, key.key_id)
        return key

    def _refresh(self, entry: _Entry, hashed: bytes) -> None:
        """Read a key again; if that is refused, the key is trusted for as long as it may be."""
        entry.refreshing = True
        try:
            self._read_soon(hashed)
        except (Transient, RuntimeError):  # RuntimeError: the ring is closed
            entry.refreshing = False

    def _read_soon(self, hashed: bytes) -> "Future[Key]":
        """Look up a text, with the known keys or among the guesses. Raises Transient for too many guesses."""
        known = hashed in self._keys
        pending = self._pending if known else self._guesses
        under_way = self._pending.get(hashed) or self._guesses.get(hashed)
        if under_way is not None:
            return under_way
        if not known and len(self._guesses) >= PENDING_MAX:
            raise Transient("keys_busy", "Too many unknown keys at once; send it again.")
        future = (self._readers if known else self._guess_readers).submit(self._read, hashed)
        pending[hashed] = future
        future.add_done_callback(lambda _done: pending.pop(hashed, None))
        return future

    def _read(self, hashed: bytes) -> Key:
        # the age counts from before the query: what is committed later is not in it
        began = time.monotonic()
        try:
            with self._engine.connect() as connection:
                key = look_up_key(connection, hashed)
        except Unauthorized as refusal:
            with self._writing:
                self._keys.pop(hashed, None)
                _put(self._refused, hashed, (refusal, began), REFUSED_MAX)
            raise
        except BaseException:
            self._wait_again(hashed)
            raise
        with self._writing:
            known = self._keys.get(hashed)
            noted_at = known.noted_at if known else float("-inf")
            key = replace(key, limiter=self._limiter_of(key))
            _put(self._keys, hashed, _Entry(key, began, noted_at), KEYS_MAX)
            self._refused.pop(hashed, None)
        return key

    def _wait_again(self, hashed: bytes) -> None:
        """Allow the next request to ask the database again after it was down, until the key is too old to trust."""
        entry = self._keys.get(hashed)
        if entry is not None:
            entry.refreshing = False

    def _limiter_of(self, key: Key) -> TokenBucket:
        """Return the key's bucket: it outlives readings of the key, and a new rate starts a new one."""
        limiter = self._limiters.get(key.key_id)
        if limiter is None or limiter.rate != key.rate:
            limiter = self._limiters[key.key_id] = TokenBucket(key.rate)
        return limiter

    def _note(self, key_id: int) -> None:
        try:
            with self._engine.begin() as connection:
                note_use(connection, key_id)
        except DATABASE_ERRORS as error:
            log("key_use_not_written", key_id=key_id, error=first_line(error))


def _put(held: dict[bytes, Held], hashed: bytes, value: Held, most: int) -> None:
    """Store a value, and drop the oldest ones beyond `most`."""
    held.pop(hashed, None)
    held[hashed] = value
    while len(held) > most:
        held.pop(next(iter(held)), None)

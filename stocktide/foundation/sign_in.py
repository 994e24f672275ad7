"""Signing in: passwords checked a few at a time, guesses counted before they are checked, all of it noted."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import sqlalchemy as sa
from argon2.exceptions import VerificationError

from stocktide.foundation.database import statement
from stocktide.foundation.database_names import sign_in_lock
from stocktide.foundation.errors import TooManyRequests, Unauthorized
from stocktide.foundation.sessions import Sessions
from stocktide.foundation.telemetry import log
from stocktide.foundation.users import USERNAME, User, password_hasher, stand_in_hash

FAILURES_MAX = 5
FAILURE_WINDOW_S = 300.0
# From one address, whatever the names; of each API process.
ADDRESS_FAILURES_MAX = 30
ADDRESSES_MAX = 10_000
# Checking one password takes 64 MiB and a twentieth of a second of all cores, for it has four threads: with two at once
# a flood of guesses made reads wait five times as long. So many at once, and so many more may wait.
AT_ONCE = 1
WAITING_MAX = 8
WRONG = "User name or password is wrong."

Result = TypeVar("Result")


class SignIn:
    """Checks passwords. One a process; `sign_in` from any thread, best by way of a `Gate`."""

    def __init__(self, engine: sa.Engine, sessions: Sessions) -> None:
        self._engine = engine
        self._sessions = sessions
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def check_address(self, address: str | None) -> None:
        """Raise TooManyRequests where an address has guessed too often; costs nothing."""
        failures = self._failures.get(address or "")
        if failures is None:
            return
        now = time.monotonic()
        while failures and now - failures[0] > FAILURE_WINDOW_S:
            failures.popleft()
        if len(failures) >= ADDRESS_FAILURES_MAX:
            raise _too_many("from this address", int(FAILURE_WINDOW_S - (now - failures[0])) + 1)

    def sign_in(self, username: str, password: str, address: str | None = None) -> tuple[User, str]:
        """Return the user and the cookie's text.

        Raises Unauthorized (the same for any cause), TooManyRequests, and what the database raises.
        """
        if not USERNAME.fullmatch(username):
            self._note_failure(address)
            raise Unauthorized("sign_in", WRONG)
        attempt = self._reserve(username, address)
        with self._engine.connect() as connection:
            row = connection.execute(
                sa.text(
                    "SELECT role, password_hash FROM users WHERE username = :username AND disabled_at IS NULL"
                ),
                {"username": username},
            ).first()
        is_right = (
            _verifies(row.password_hash if row else stand_in_hash(), password) and row is not None
        )
        with self._engine.begin() as connection:
            outcome = {"attempt_id": attempt, "outcome": "right" if is_right else "wrong"}
            connection.execute(statement("stocktide/note_attempt"), outcome)
            cookie = self._sessions.begin(connection, username, address) if is_right else None
        log("sign_in", username=username, address=address, outcome="right" if cookie else "wrong")
        if cookie is None or row is None:
            self._note_failure(address)
            raise Unauthorized("sign_in", WRONG)
        return User(username, row.role), cookie

    def _reserve(self, username: str, address: str | None) -> int:
        """Count an attempt before its password is looked at. Raises TooManyRequests."""
        with self._engine.begin() as connection:
            # one after the other for each name: of many guesses at once no more are checked than one by one
            connection.execute(
                sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
                {"name": sign_in_lock(username)},
            )
            row = connection.execute(
                statement("stocktide/reserve_attempt"),
                {
                    "username": username,
                    "address": address,
                    "window_s": FAILURE_WINDOW_S,
                    "wrong_max": FAILURES_MAX,
                },
            ).one()
        if row.attempt_id is None:
            log("sign_in", username=username, address=address, outcome="locked")
            self._note_failure(address)
            raise _too_many("for this user", max(1, row.wait_s))
        return int(row.attempt_id)

    def _note_failure(self, address: str | None) -> None:
        failures = self._failures.setdefault(address or "", deque(maxlen=ADDRESS_FAILURES_MAX))
        failures.append(time.monotonic())
        self._failures.move_to_end(address or "")
        while len(self._failures) > ADDRESSES_MAX:
            self._failures.popitem(last=False)


class Gate:
    """Lets few in at once, and few wait; used from one event loop. Others' threads are not taken."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sign-in")
        self._inside = 0

    async def run(self, do: Callable[[], Result]) -> Result:
        """Do something in a thread of the gate. Raises TooManyRequests where too many wait."""
        if self._inside >= AT_ONCE + WAITING_MAX:
            raise TooManyRequests(
                "sign_in_busy",
                "Too many people sign in at this moment; try again in 2 s.",
                retry_after_s=2,
            )
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, do)
        finally:
            self._inside -= 1

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _too_many(whose: str, wait_s: int) -> TooManyRequests:
    return TooManyRequests(
        "sign_in_rate",
        f"Too many wrong passwords {whose}; try again in {wait_s} s.",
        retry_after_s=wait_s,
    )


def _verifies(password_hash: str, password: str) -> bool:
    try:
        return bool(password_hasher.verify(password_hash, password))
    except VerificationError:
        return False

"""Sessions of people: a random text in their cookie, whose hash stands in a table; whatever ends one holds soon."""

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa
from itsdangerous import BadSignature, URLSafeSerializer

from stocktide.foundation.database import statement
from stocktide.foundation.database_errors import DATABASE_ERRORS, is_retryable
from stocktide.foundation.errors import Transient, Unauthorized
from stocktide.foundation.users import Role, User

# Header of a request: the text of the session of the person in whose name a page asks.
SESSION = "Stocktide-Session"
# What was read is believed for so long: an ended session ends everywhere within it.
FRESH_S = 20.0
# While the database is away nothing can be read, of figures neither; pages that stand go on saying so.
STALE_S_MAX = 600.0
CACHED_MAX = 10_000


def hash_of(token: str) -> bytes:
    """Return what the table keeps of a session's text."""
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True)
class _Known:
    user: User
    read_at: float


class Sessions:
    """Begins, finds and ends sessions. One a process; safe to use from many threads.

    The text is signed too, so that made-up ones are refused without asking the database.
    """

    def __init__(self, engine: sa.Engine, signing_key: str, *, session_hours: int) -> None:
        self._engine = engine
        self._signer = URLSafeSerializer(signing_key, salt="stocktide.session")
        self.session_s = session_hours * 3600
        self._known: dict[bytes, _Known] = {}
        self._lock = threading.Lock()

    def begin(self, connection: sa.Connection, username: str, address: str | None) -> str | None:
        """Begin a session; return the cookie's text, None if the user is disabled. The caller commits."""
        token = secrets.token_urlsafe(32)
        made = connection.execute(
            statement("stocktide/begin_session"),
            {
                "session_hash": hash_of(token),
                "username": username,
                "address": address,
                "session_s": self.session_s,
            },
        ).first()
        return None if made is None else self._signed(token)

    def user_of(self, cookie: str) -> User:
        """Return who is signed in. Raises Unauthorized: not signed by us, expired or ended; Transient."""
        known = self.recent(cookie)
        if known is not None:
            return known
        hashed = self._hash(cookie)
        try:
            return self.user_now(cookie)
        except DATABASE_ERRORS as error:
            if not is_retryable(error):
                raise
            return self._stale(hashed)

    def user_now(self, cookie: str) -> User:
        """Return who is signed in as the database says at this moment. Raises Unauthorized, and what it raises."""
        hashed = self._hash(cookie)
        with self._engine.connect() as connection:
            row = connection.execute(
                statement("stocktide/open_session"), {"session_hash": hashed}
            ).first()
        return self._remember(hashed, row)

    def recent(self, cookie: str) -> User | None:
        """Return who is signed in as read a moment ago, asking nobody. Raises Unauthorized if not signed by us."""
        known = self._known.get(self._hash(cookie))
        return known.user if known and time.monotonic() - known.read_at < FRESH_S else None

    def end(self, connection: sa.Connection, cookie: str) -> None:
        """End a session; one that is no session is left alone. The caller commits."""
        try:
            hashed = self._hash(cookie)
        except Unauthorized:
            return
        self._known.pop(hashed, None)
        end_sessions(connection, session_hash=hashed)

    def _signed(self, token: str) -> str:
        signed = self._signer.dumps(token)
        return signed if isinstance(signed, str) else signed.decode()

    def _hash(self, cookie: str) -> bytes:
        try:
            return hash_of(str(self._signer.loads(cookie)))
        except (BadSignature, UnicodeError):
            raise Unauthorized("session_invalid", "The sign-in is not valid.") from None

    def _remember(self, hashed: bytes, row: Any) -> User:
        with self._lock:
            self._known.pop(hashed, None)
            if row is None:
                raise Unauthorized("session_ended", "The sign-in has expired or was ended.")
            user = User(row.username, cast(Role, row.role), row.personal)
            while len(self._known) >= CACHED_MAX:
                self._known.pop(next(iter(self._known)))
            self._known[hashed] = _Known(user, time.monotonic())
        return user

    def _stale(self, hashed: bytes) -> User:
        known = self._known.get(hashed)
        if known is None or time.monotonic() - known.read_at > STALE_S_MAX:
            raise Transient("database_away", "The database does not answer; try again.")
        return known.user


def end_sessions(
    connection: sa.Connection, *, username: str | None = None, session_hash: bytes | None = None
) -> int:
    """End the open sessions of a user, or one session; returns how many. The caller commits."""
    done = connection.execute(
        statement("stocktide/end_sessions"), {"username": username, "session_hash": session_hash}
    )
    return int(done.rowcount)

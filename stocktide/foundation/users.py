"""People who sign in: local users with argon2id passwords, and the signed token of a sign-in."""

import difflib
import re
import secrets
import time
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from stocktide.foundation.errors import Conflict, Invalid, NotFound, TooManyRequests, Unauthorized

Role = Literal["viewer", "planner", "operator"]
ROLES: tuple[Role, ...] = get_args(Role)
PASSWORD_LENGTH_MIN = 10
# As the table's own check says; an invalid name is not looked up, and not remembered either.
USERNAME = re.compile(r"[a-z0-9._@-]{1,64}")
FAILURES_MAX = 5
FAILURE_WINDOW_S = 300.0

_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """Return a hash to check for users that do not exist, so that the answer takes as long as for those that do."""
    return _hasher.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True)
class User:
    """Somebody signed in."""

    username: str
    role: Role


def set_user(connection: sa.Connection, username: str, password: str, role: str) -> None:
    """Create a user. Raises Invalid, Conflict."""
    _check_role(role)
    _check_password(password)
    if not USERNAME.fullmatch(username):
        raise Invalid(
            "username",
            f"User name {username!r}: use 1 to 64 of a-z, 0-9 and . _ @ -, in lower case.",
        )
    done = connection.execute(
        sa.text(
            "INSERT INTO users (username, role, password_hash) VALUES (:username, :role, :hash)"
            " ON CONFLICT (username) DO NOTHING"
        ),
        {"username": username, "role": role, "hash": _hasher.hash(password)},
    )
    if done.rowcount == 0:
        raise Conflict(
            "user_exists",
            f"User {username!r} exists. Change it with `stocktide users password {username}`, `users role` or "
            "`users enable`.",
        )


def set_password(connection: sa.Connection, username: str, password: str) -> bool:
    """Give a user another password and change nothing else; return True if the user is enabled.

    Raises Invalid, NotFound.
    """
    _check_password(password)
    return _change(connection, username, "password_hash = :hash", hash=_hasher.hash(password))


def set_role(connection: sa.Connection, username: str, role: str) -> bool:
    """Give a user another role; return True if the user is enabled. Raises Invalid, NotFound."""
    _check_role(role)
    return _change(connection, username, "role = :role", role=role)


def disable_user(connection: sa.Connection, username: str) -> None:
    """Disable a user from now on. Raises NotFound."""
    _change(connection, username, "disabled_at = now()")


def enable_user(connection: sa.Connection, username: str) -> None:
    """Let a disabled user sign in again, with the role and the password of before. Raises NotFound."""
    _change(connection, username, "disabled_at = NULL")


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise Invalid("unknown_role", f"Role {role!r} is unknown; there are {', '.join(ROLES)}.")


def _check_password(password: str) -> None:
    if len(password) < PASSWORD_LENGTH_MIN:
        raise Invalid(
            "password_short", f"A password has at least {PASSWORD_LENGTH_MIN} characters."
        )


def _change(connection: sa.Connection, username: str, change: str, **binds: str) -> bool:
    """Change one thing of a user, by an assignment of ours; return True if the user is enabled. Raises NotFound."""
    is_enabled: bool | None = None
    if USERNAME.fullmatch(username):
        is_enabled = connection.execute(
            sa.text(
                f"UPDATE users SET {change} WHERE username = :username RETURNING disabled_at IS NULL"  # noqa: S608 - a constant of this module
            ),
            {"username": username, **binds},
        ).scalar()
    if is_enabled is None:
        raise _unknown_user(connection, username)
    return is_enabled


def _unknown_user(connection: sa.Connection, username: str) -> NotFound:
    names = connection.execute(sa.text("SELECT username FROM users ORDER BY 1")).scalars().all()
    close = difflib.get_close_matches(username, names)
    hint = (
        f"Did you mean {' or '.join(close)}?"
        if close
        else "Create it: `stocktide users create NAME`."
    )
    return NotFound("user_unknown", f"There is no user {username!r}. {hint}")


class SignIn:
    """Checks passwords, slows guessing down, and signs the token that a browser keeps."""

    def __init__(self, signing_key: str, *, session_hours: int) -> None:
        self._serializer = URLSafeTimedSerializer(signing_key, salt="stocktide.session")
        self.session_s = session_hours * 3600
        self._failures: dict[str, list[float]] = {}

    def sign_in(self, connection: sa.Connection, username: str, password: str) -> tuple[User, str]:
        """Return the user and a token. Raises Unauthorized (the same for any cause) or TooManyRequests."""
        if not USERNAME.fullmatch(username):
            raise Unauthorized("sign_in", "User name or password is wrong.")
        self._refuse_guessing(username)
        row = connection.execute(
            sa.text(
                "SELECT role, password_hash FROM users WHERE username = :username AND disabled_at IS NULL"
            ),
            {"username": username},
        ).first()
        try:
            _hasher.verify(row.password_hash if row else _nobody(), password)
        except VerificationError:
            row = None
        if row is None:
            self._failures.setdefault(username, []).append(time.monotonic())
            raise Unauthorized("sign_in", "User name or password is wrong.")
        self._failures.pop(username, None)
        user = User(username, row.role)
        return user, self._serializer.dumps({"u": user.username, "r": user.role})

    def user_of(self, token: str) -> User:
        """Read a token. Raises Unauthorized if it was not signed by us or has expired."""
        try:
            claims = self._serializer.loads(token, max_age=self.session_s)
        except SignatureExpired:
            raise Unauthorized("session_expired", "The sign-in has expired.") from None
        except BadSignature:
            raise Unauthorized("session_invalid", "The sign-in is not valid.") from None
        return User(claims["u"], claims["r"])

    def _refuse_guessing(self, username: str) -> None:
        now = time.monotonic()
        recent = [at for at in self._failures.get(username, []) if now - at < FAILURE_WINDOW_S]
        if (
            len(self._failures) > 10_000
        ):  # names are the caller's choice: never let them fill the memory
            self._failures.clear()
        if recent:
            self._failures[username] = recent
        if len(recent) >= FAILURES_MAX:
            wait_s = int(FAILURE_WINDOW_S - (now - recent[0])) + 1
            raise TooManyRequests(
                "sign_in_rate",
                f"Too many wrong passwords for this user; try again in {wait_s} s.",
                retry_after_s=wait_s,
            )

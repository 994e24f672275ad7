"""People who sign in: local users with argon2id passwords."""

import difflib
import re
import secrets
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

import sqlalchemy as sa
from argon2 import PasswordHasher

from stocktide.foundation.customers import checked_reason
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict, Invalid, NotFound

Role = Literal["viewer", "buyer", "planner", "operator"]
ROLES: tuple[Role, ...] = get_args(Role)
PASSWORD_LENGTH_MIN = 10
# As the table's own check says; an invalid name is not looked up, and not remembered either.
USERNAME = re.compile(r"[a-z0-9._@-]{1,64}")

password_hasher = PasswordHasher()


@cache
def stand_in_hash() -> str:
    """Return a hash to check for users that do not exist, so that the answer takes as long as for those that do."""
    return password_hasher.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True)
class User:
    """Somebody signed in. personal: whether they may see who a customer is, whatever their role."""

    username: str
    role: Role
    personal: bool = False

    @property
    def plans(self) -> bool:
        """Return True for who decides on plans, forecasts and refused input."""
        return self.role in ("planner", "operator")

    @property
    def buys(self) -> bool:
        """Return True for who decides on orders."""
        return self.role in ("buyer", "planner", "operator")


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
        {"username": username, "role": role, "hash": password_hasher.hash(password)},
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
    return _change(
        connection, username, "password_hash = :hash", hash=password_hasher.hash(password)
    )


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


def set_personal(
    connection: sa.Connection, username: str, *, given: bool, by: str, reason: str
) -> None:
    """Give a user the right to see who customers are, or take it away, and note who did and why.

    Raises Invalid, NotFound.
    """
    reason = checked_reason(reason)
    done = None
    if USERNAME.fullmatch(username):
        binds = {"username": username, "given": given, "by": by, "reason": reason}
        done = connection.execute(statement("stocktide/change_personal_right"), binds).first()
    if done is None:
        raise _unknown_user(connection, username)


def list_personal(connection: sa.Connection) -> list[dict[str, Any]]:
    """List every change of who may see who customers are, the newest first."""
    rows = connection.execute(statement("stocktide/personal_rights"))
    return [dict(row) for row in rows.mappings()]


def list_people(connection: sa.Connection) -> list[dict[str, Any]]:
    """List who may sign in, by name: role, rights, whether disabled, and the last sign-in that is kept; no secrets."""
    return [dict(row) for row in connection.execute(statement("stocktide/people")).mappings()]


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

"""People who sign in: local users with argon2id passwords."""

import re
import secrets
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import sqlalchemy as sa
from argon2 import PasswordHasher

from stocktide.foundation.errors import Conflict, Invalid, NotFound

Role = Literal["viewer", "planner", "operator"]
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
    """Somebody signed in."""

    username: str
    role: Role


def set_user(
    connection: sa.Connection, username: str, password: str, role: str, *, replace: bool = False
) -> None:
    """Create a user, or with `replace` give an existing one a new password and role. Raises Invalid, Conflict."""
    if role not in ROLES:
        raise Invalid("unknown_role", f"Role {role!r} is unknown; there are {', '.join(ROLES)}.")
    if len(password) < PASSWORD_LENGTH_MIN:
        raise Invalid(
            "password_short", f"A password has at least {PASSWORD_LENGTH_MIN} characters."
        )
    if not USERNAME.fullmatch(username):
        raise Invalid(
            "username",
            f"User name {username!r}: use 1 to 64 of a-z, 0-9 and . _ @ -, in lower case.",
        )
    done = connection.execute(
        sa.text(
            "INSERT INTO users AS u (username, role, password_hash) VALUES (:username, :role, :hash)"
            " ON CONFLICT (username) DO UPDATE SET password_hash = excluded.password_hash,"
            " role = excluded.role, disabled_at = NULL WHERE :replace"
        ),
        {
            "username": username,
            "role": role,
            "hash": password_hasher.hash(password),
            "replace": replace,
        },
    )
    if done.rowcount == 0:
        raise Conflict(
            "user_exists", f"User {username!r} exists; use `stocktide users password {username}`."
        )


def disable_user(connection: sa.Connection, username: str) -> None:
    """Disable a user from now on. Raises NotFound."""
    done = connection.execute(
        sa.text("UPDATE users SET disabled_at = now() WHERE username = :username"),
        {"username": username},
    )
    if done.rowcount == 0:
        raise NotFound("user_unknown", f"There is no user {username!r}.")

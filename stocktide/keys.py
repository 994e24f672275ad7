"""Keys of feeds, readers and services: random, shown once, stored as a hash."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import sqlalchemy as sa

from stocktide.errors import Conflict, Invalid, NotFound, Unauthorized

Scope = Literal["ingest", "read", "operate"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
KEY_PREFIX = "stk_"
# last_used_at is for people: written at most this often, so that a busy feed does not rewrite its key's row.
LAST_USED_EVERY_S = 60


@dataclass(frozen=True)
class Key:
    """A key as it may be shown: never its text."""

    key_id: int
    name: str
    scope: Scope
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def hash_key(text: str) -> bytes:
    """SHA-256: enough for 256 random bits, which cannot be guessed, and fast on every request."""
    return hashlib.sha256(text.encode()).digest()


def create_key(connection: sa.Connection, name: str, scope: str) -> str:
    """Create a key and return its text, the only time that it is known. Raises Invalid, Conflict."""
    if scope not in SCOPES:
        raise Invalid(
            "unknown_scope", f"Scope {scope!r} is unknown; there are {', '.join(SCOPES)}."
        )
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise Invalid("key_name", "A key's name has 1 to 100 printable characters.")
    text = KEY_PREFIX + secrets.token_urlsafe(32)
    created = connection.execute(
        sa.text(
            "INSERT INTO access_keys (name, scope, key_hash) VALUES (:name, :scope, :hash)"
            " ON CONFLICT (name) DO NOTHING RETURNING key_id"
        ),
        {"name": name, "scope": scope, "hash": hash_key(text)},
    ).scalar()
    if created is None:
        raise Conflict(
            "key_exists", f"A key named {name!r} exists; revoked names are not given again."
        )
    return text


def replace_key(connection: sa.Connection, name: str, scope: Scope) -> str:
    """Give the service `name` a fresh key; the one it had ends. For keys that the supervisor hands to its parts."""
    text = KEY_PREFIX + secrets.token_urlsafe(32)
    connection.execute(
        sa.text(
            "INSERT INTO access_keys (name, scope, key_hash) VALUES (:name, :scope, :hash)"
            " ON CONFLICT (name) DO UPDATE SET key_hash = excluded.key_hash, scope = excluded.scope, revoked_at = NULL"
        ),
        {"name": name, "scope": scope, "hash": hash_key(text)},
    )
    return text


def list_keys(connection: sa.Connection) -> list[Key]:
    """List all keys, the newest last."""
    rows = connection.execute(
        sa.text(
            "SELECT key_id, name, scope, created_at, last_used_at, revoked_at FROM access_keys ORDER BY key_id"
        )
    )
    return [Key(**row) for row in rows.mappings()]


def revoke_key(connection: sa.Connection, name: str) -> None:
    """End a key at once. Raises NotFound."""
    done = connection.execute(
        sa.text(
            "UPDATE access_keys SET revoked_at = now() WHERE name = :name AND revoked_at IS NULL"
        ),
        {"name": name},
    )
    if done.rowcount == 0:
        raise NotFound("key_unknown", f"No valid key is named {name!r}; see `stocktide keys list`.")


def find_key(connection: sa.Connection, text: str) -> Key:
    """Find the valid key with this text. Raises Unauthorized."""
    row = (
        connection.execute(
            sa.text(
                "SELECT key_id, name, scope, created_at, last_used_at, revoked_at FROM access_keys"
                " WHERE key_hash = :hash AND revoked_at IS NULL"
            ),
            {"hash": hash_key(text)},
        )
        .mappings()
        .first()
    )
    if row is None:
        raise Unauthorized(
            "key_invalid", "The key is unknown or revoked. Make one: `stocktide keys create NAME`."
        )
    connection.execute(
        sa.text(
            "UPDATE access_keys SET last_used_at = now() WHERE key_id = :key_id"
            " AND (last_used_at IS NULL OR last_used_at < now() - make_interval(secs => :every))"
        ),
        {"key_id": row["key_id"], "every": LAST_USED_EVERY_S},
    )
    return Key(**row)

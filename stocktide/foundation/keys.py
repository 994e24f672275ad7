"""Keys of feeds, readers and services: random, shown once, stored as a hash."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from stocktide.foundation.errors import Conflict, Invalid, NotFound, Unauthorized

Scope = Literal["ingest", "read", "operate", "personal"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
KEY_PREFIX = "stk_"
# last_used_at is for people: written at most this often, so that a busy feed does not rewrite its key's row.
LAST_USED_EVERY_S = 60
# Feeds without a key: what comes by MQTT and what is taken from watched folders is counted under these names.
RESERVED = frozenset({"mqtt", "watch"})
RATE_MAX = 1e9
EXPECT_EVERY_S_MAX = 366 * 86_400
# What a key's row says, for SELECT and RETURNING.
COLUMNS = (
    "key_id, name, scope, created_at, last_used_at, revoked_at,"
    " kinds, locations, sources, rate, expires_at, expect_every_s"
)
# What a key may be limited to: the names of columns, of fields of Limits and of Key, and of a route's declaration.
Limit = Literal["kinds", "locations", "sources"]
LIMITS: tuple[Limit, ...] = get_args(Limit)
# Code of an error: the key is for other sources.
KEY_SOURCE = "key_source"
# At the end of a source that a key is bound to: all that begin with what stands before it.
PREFIX_MARK = "*"
# A key may send this many seconds' worth of its rate at once, after it was quiet.
BURST_S = 2.0


class TokenBucket:
    """A rate limit in events. Called from one thread (the event loop): it takes no lock.

    A batch larger than the burst passes whole when anything is left, and is paid back by waiting: so every batch
    passes some time, and over any longer time the rate holds.
    """

    __slots__ = ("_at", "_tokens", "rate")

    def __init__(self, rate: float | None) -> None:
        self.rate = rate
        self._tokens = (rate or 0.0) * BURST_S
        self._at: float | None = None

    def take(self, n: int, now: float) -> float:
        """Take n events at monotonic time `now`, seconds. Returns 0, or the seconds to wait; then nothing was taken."""
        rate = self.rate
        if rate is None:
            return 0.0
        if self._at is not None:
            self._tokens = min(rate * BURST_S, self._tokens + max(0.0, now - self._at) * rate)
        self._at = now
        if self._tokens <= 0:
            # half an event, so that a sender that waits this long is let in
            return (0.5 - self._tokens) / rate
        self._tokens -= n
        return 0.0


@dataclass(frozen=True)
class Limits:
    """Limits of a key: what it may send, how fast, until when, and how often it should; None: no limit.

    kinds, locations: event kinds and location codes. sources: of events, each exact or a prefix that ends with `*`.
    rate: events a second of each API process.
    """

    kinds: Collection[str] | None = None
    locations: Collection[str] | None = None
    sources: Collection[str] | None = None
    rate: float | None = None
    expires_at: datetime | None = None
    expect_every_s: int | None = None

    def check(self, scope: str) -> None:
        """Raise Invalid for limits that no key of a scope can have."""
        sending = (self.kinds, self.sources, self.rate, self.expect_every_s)
        if scope in ("read", "personal") and any(limit is not None for limit in sending):
            raise Invalid(
                "key_limits",
                f"A {scope} key sends nothing: kinds, sources, rate and interval do not apply.",
            )
        for name in LIMITS:
            values = getattr(self, name)
            if values is not None and (not values or not all(_shown(value) for value in values)):
                raise Invalid("key_limits", f"{name}: name at least one, in printable characters.")
        if any(not value.removesuffix(PREFIX_MARK) for value in self.sources or ()):
            raise Invalid("key_limits", "sources: '*' alone is every source; leave the limit out.")
        if self.rate is not None and not 0 < self.rate <= RATE_MAX:
            raise Invalid("key_limits", f"A rate is above 0 events/s, not {self.rate}.")
        if self.expires_at is not None and self.expires_at <= datetime.now(UTC):
            raise Invalid("key_limits", f"{self.expires_at} has passed: the key could not be used.")
        if self.expect_every_s is not None and not 0 < self.expect_every_s <= EXPECT_EVERY_S_MAX:
            raise Invalid("key_limits", "The expected interval is 1 s to 366 days.")


NO_LIMITS = Limits()


@dataclass(frozen=True)
class Key:
    """A key as it may be shown: never its text. `limiter` is shared by all requests of the key in this process."""

    key_id: int
    name: str
    scope: Scope
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    kinds: frozenset[str] | None = None
    locations: frozenset[str] | None = None
    sources: frozenset[str] | None = None
    rate: float | None = None
    expires_at: datetime | None = None
    expect_every_s: int | None = None
    limiter: TokenBucket = field(
        default_factory=lambda: TokenBucket(None), compare=False, repr=False
    )

    def refuses(self, kind: str, location: str | None) -> str | None:
        """Return why this key may not send an event of `kind` at `location`; None if it may.

        Ask once for each location that an event names. An operator's key has limits, too, if it was given any.
        """
        if self.kinds is not None and kind not in self.kinds:
            return f"The key {self.name!r} may send {_listed(self.kinds)}, not {kind!r}."
        if self.locations is not None and location is not None and location not in self.locations:
            return f"The key {self.name!r} is for {_listed(self.locations)}, not {location!r}."
        return None

    def refuses_source(self, source: str) -> str | None:
        """Return why this key may not speak for a source; None if it may."""
        if self.sources is None or any(_covers(bound, source) for bound in self.sources):
            return None
        return f"The key {self.name!r} speaks for {_listed(self.sources)}, not for {source!r}."

    def limited_by(self) -> list[Limit]:
        """Return the limits that it has, of those that a route must apply."""
        return [name for name in LIMITS if getattr(self, name) is not None]

    def check_valid(self, now: datetime) -> None:
        """Raise Unauthorized, with its reason, unless the key may be used at `now`."""
        if self.revoked_at is not None:
            raise Unauthorized("key_revoked", f"The key {self.name!r} was revoked.")
        if self.expires_at is not None and self.expires_at <= now:
            raise Unauthorized(
                "key_expired", f"The key {self.name!r} expired at {self.expires_at.isoformat()}."
            )

    def shown(self) -> dict[str, Any]:
        """Return all that people may see of it."""
        return {
            "name": self.name,
            "scope": self.scope,
            **_lists(self),
            "rate": self.rate,
            "expect_every_s": self.expect_every_s,
            "created_at": self.created_at,
            "last_used_at": self.last_used_at,
            "expires_at": self.expires_at,
            "revoked_at": self.revoked_at,
        }


def key_of(row: Any) -> Key:
    """Build a Key from a row's mapping with COLUMNS."""
    sets = {name: None if row[name] is None else frozenset(row[name]) for name in LIMITS}
    return Key(**{**row, **sets})


def hash_key(text: str) -> bytes:
    """Return SHA-256: enough for 256 random bits, which cannot be guessed, and fast on every request."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def create_key(connection: sa.Connection, name: str, scope: str, limits: Limits = NO_LIMITS) -> str:
    """Create a key and return its text, the only time that it is known. Raises Invalid, Conflict."""
    if scope not in SCOPES:
        raise Invalid(
            "unknown_scope", f"Scope {scope!r} is unknown; there are {', '.join(SCOPES)}."
        )
    if not _shown(name):
        raise Invalid("key_name", "A key's name has 1 to 100 printable characters.")
    if name in RESERVED:
        raise Invalid(
            "key_name", f"{name!r} is the feed of events without a key; take another name."
        )
    limits.check(scope)
    text = KEY_PREFIX + secrets.token_urlsafe(32)
    created = connection.execute(
        sa.text(
            "INSERT INTO access_keys"
            " (name, scope, key_hash, kinds, locations, sources, rate, expires_at, expect_every_s) VALUES"
            " (:name, :scope, :hash, :kinds, :locations, :sources, :rate, :expires_at, :expect_every_s)"
            " ON CONFLICT (name) DO NOTHING RETURNING key_id"
        ),
        {"name": name, "scope": scope, "hash": hash_key(text), **_columns(limits)},
    ).scalar()
    if created is None:
        raise Conflict(
            "key_exists", f"A key named {name!r} exists; revoked names cannot be used again."
        )
    return text


def replace_key(connection: sa.Connection, name: str, scope: Scope) -> str:
    """Create a new key for the service `name` and revoke its old one. For keys that the supervisor gives its parts."""
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
    rows = connection.execute(sa.text(f"SELECT {COLUMNS} FROM access_keys ORDER BY key_id"))  # noqa: S608 - a constant
    return [key_of(row) for row in rows.mappings()]


def keys_named(connection: sa.Connection, names: Collection[str]) -> dict[str, Key]:
    """Return the keys of some feeds, by name: what is recorded for a feed later, or not by HTTP, keeps its limits."""
    query = sa.text(f"SELECT {COLUMNS} FROM access_keys WHERE name = ANY(:names)")  # noqa: S608 - a constant
    rows = connection.execute(query, {"names": sorted(names)}).mappings()
    return {row["name"]: key_of(row) for row in rows}


def revoke_key(connection: sa.Connection, name: str) -> None:
    """Revoke a key: within a second no process accepts it any more. Raises NotFound."""
    done = connection.execute(
        sa.text(
            "UPDATE access_keys SET revoked_at = now() WHERE name = :name AND revoked_at IS NULL"
        ),
        {"name": name},
    )
    if done.rowcount == 0:
        raise NotFound("key_unknown", f"No valid key is named {name!r}; see `stocktide keys list`.")


def look_up_key(connection: sa.Connection, key_hash: bytes) -> Key:
    """Read the valid key with this hash. Raises Unauthorized: unknown, revoked or expired."""
    row = (
        connection.execute(
            sa.text(f"SELECT {COLUMNS}, now() AS read_at FROM access_keys WHERE key_hash = :hash"),  # noqa: S608 - a constant
            {"hash": key_hash},
        )
        .mappings()
        .first()
    )
    if row is None:
        raise Unauthorized(
            "key_invalid", "The key is unknown. Create one: `stocktide keys create NAME`."
        )
    key = key_of({name: value for name, value in row.items() if name != "read_at"})
    key.check_valid(row["read_at"])
    return key


def note_use(connection: sa.Connection, key_id: int) -> None:
    """Write that a key was used now, unless that was written less than a minute ago."""
    connection.execute(
        sa.text(
            "UPDATE access_keys SET last_used_at = now() WHERE key_id = :key_id"
            " AND (last_used_at IS NULL OR last_used_at < now() - make_interval(secs => :every))"
        ),
        {"key_id": key_id, "every": LAST_USED_EVERY_S},
    )


def find_key(connection: sa.Connection, text: str) -> Key:
    """Find the valid key with this text, and note its use. Raises Unauthorized. Services use a KeyRing."""
    key = look_up_key(connection, hash_key(text))
    note_use(connection, key.key_id)
    return key


def _shown(name: str) -> bool:
    return 1 <= len(name) <= 100 and name.isprintable()


def _covers(bound: str, source: str) -> bool:
    """Return True if a source that a key is bound to, perhaps a prefix, covers another one."""
    if bound.endswith(PREFIX_MARK):
        return source.startswith(bound.removesuffix(PREFIX_MARK))
    return source == bound


def _lists(limits: Limits | Key) -> dict[str, list[str] | None]:
    values = {name: getattr(limits, name) for name in LIMITS}
    return {name: None if held is None else sorted(held) for name, held in values.items()}


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


def _columns(limits: Limits) -> dict[str, Any]:
    return {
        **_lists(limits),
        "rate": limits.rate,
        "expires_at": limits.expires_at,
        "expect_every_s": limits.expect_every_s,
    }

"""The Redis cache: what was read is cached until it changes; without Redis, everything is read from the database."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import redis

from stocktide.foundation.telemetry import log

PREFIX = "stocktide:"
# After a failure we leave Redis alone this long, so that its absence costs a request nothing.
PAUSE_S = 1.0
ALL = "*"

# A value is stored only if nothing was dropped while it was read: a slow reader must not put back what was old.
STORE = """
if redis.call('GET', KEYS[2]) ~= false and redis.call('GET', KEYS[2]) ~= ARGV[3] then return 0 end
if redis.call('GET', KEYS[2]) == false and ARGV[3] ~= '0' then return 0 end
if redis.call('GET', KEYS[3]) ~= false and redis.call('GET', KEYS[3]) ~= ARGV[4] then return 0 end
if redis.call('GET', KEYS[3]) == false and ARGV[4] ~= '0' then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""

# A generation must only live longer than the slowest reader that may have begun before the drop.
FORGET = """
for index = 1, #KEYS, 2 do
    redis.call('INCR', KEYS[index + 1])
    redis.call('EXPIRE', KEYS[index + 1], ARGV[1])
    redis.call('DEL', KEYS[index])
end
return 1
"""


class ProductCache:
    """Cache-aside reads with generations. A family's generation, when raised, drops all of its values at once."""

    def __init__(self, client: "redis.Redis", *, ttl_s: int) -> None:
        self._client = client
        self._ttl_s = ttl_s
        self._store = client.register_script(STORE)
        self._forget = client.register_script(FORGET)
        self._paused_until = 0.0
        # families with a drop that did not reach Redis: not used until the whole family there is dropped
        self._missed_drops: set[str] = set()
        self._lock = threading.Lock()

    def read(
        self,
        family: str,
        name: str,
        load: Callable[[], Any],
        *,
        ttl_s: int | None = None,
        counted: bool = True,
    ) -> Any:
        """Return the JSON value `family:name` from the cache, or from `load()`, which is then cached.

        counted: False for a step of a read that is counted as a whole.
        """
        keys = self._keys(family, name)
        if family in self._missed_drops:
            self.drop(family, [ALL])
        missed = family in self._missed_drops
        found = None if missed else self._try(lambda client: client.mget(keys))
        if found is None:
            return json.loads(_as_json(load()))
        value, own, every = found
        if value is not None and json.loads(value)["every"] == int(every or 0):
            if counted:
                self._count("hits")
            return json.loads(value)["value"]
        body = _as_json({"every": int(every or 0), "value": load()})
        if counted:
            self._count("misses")
        arguments = [body, ttl_s or self._ttl_s, own or "0", every or "0"]
        self._try(lambda _client: self._store(keys=keys, args=arguments))
        return json.loads(body)["value"]

    def drop(self, family: str, names: Iterable[str]) -> None:
        """Drop some values; `*` drops the whole family."""
        names = list(names)
        everything = ALL in names

        def forget(client: "redis.Redis") -> bool:
            if everything:
                client.incr(PREFIX + f"{family}:every")
            else:
                keys = [key for name in names for key in self._keys(family, name)[:2]]
                self._forget(keys=keys, args=[2 * self._ttl_s])
            return True

        if self._try(forget) is None:
            self._missed_drops.add(family)
        elif everything:
            self._missed_drops.discard(family)

    def statistics(self) -> dict[str, int] | None:
        """Return hits and misses since the cache started, None while it is away."""
        found = self._try(lambda client: client.mget([PREFIX + "hits", PREFIX + "misses"]))
        return None if found is None else {"hits": int(found[0] or 0), "misses": int(found[1] or 0)}

    def _count(self, what: str) -> None:
        self._try(lambda client: client.incr(PREFIX + what))

    def _keys(self, family: str, name: str) -> list[str]:
        base = f"{PREFIX}{family}"
        return [f"{base}:value:{name}", f"{base}:own:{name}", f"{base}:every"]

    def _try(self, action: Callable[["redis.Redis"], Any]) -> Any:
        """Ask Redis; None when it is away, which is logged once a pause."""
        if time.monotonic() < self._paused_until:
            return None
        try:
            return action(self._client)
        except redis.exceptions.RedisError as error:
            with self._lock:
                first = time.monotonic() >= self._paused_until
                self._paused_until = time.monotonic() + PAUSE_S
            if first:
                log("cache_away", error=str(error))
            return None


def _as_json(value: Any) -> str:
    """Write a value down as it is kept: instants and days in ISO form, whether it goes through Redis or not."""
    return json.dumps(value, default=lambda one: one.isoformat())

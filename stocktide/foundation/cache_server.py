"""The client of Redis or Valkey: short time-outs, so that a dead cache never holds a request up."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stocktide.foundation.errors import Invalid
from stocktide.foundation.server_address import NOT_SHOWN, check_address

TIMEOUT_S = 0.25


def connect_cache(url: str) -> "redis.Redis":
    """Create a client for a redis://, rediss:// or unix:// address. Nothing connects yet. Raises Invalid."""
    check_address("redis_url", url)
    try:
        return redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
            decode_responses=True,
        )
    except ValueError:
        raise Invalid("redis_url", f"STOCKTIDE_REDIS_URL cannot be read. {NOT_SHOWN}") from None

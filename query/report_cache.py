"""Answers of reports in Redis, by what they were computed from: a newer lake has other keys."""

import base64
import hashlib
import json
import time
import zlib
from collections.abc import Mapping
from typing import Any

import redis

from stocktide.foundation.telemetry import log

PREFIX = "stocktide:report:"
# What is larger is computed each time: Redis has room for a few hundred of the largest.
ANSWER_BYTES_MAX = 2**20
PAUSE_S = 1.0


class ReportCache:
    """Keeps answers for a while; without Redis, and for what is too large, it keeps nothing."""

    def __init__(self, client: "redis.Redis | None", *, ttl_s: int) -> None:
        self._client = client
        self._ttl_s = ttl_s
        self._paused_until = 0.0

    def find(self, key: str) -> tuple[dict[str, Any], bytes] | None:
        """Return what is said of an answer, and its rows as a stream of Arrow; None if it is not here."""
        text = self._ask("get", PREFIX + key)
        if text is None:
            return None
        kept = json.loads(text)
        return kept["said"], zlib.decompress(base64.b64decode(kept["rows"]))

    def keep(self, key: str, said: Mapping[str, Any], rows: bytes) -> None:
        """Keep an answer, unless it is too large."""
        if len(rows) > 8 * ANSWER_BYTES_MAX:
            return
        packed = base64.b64encode(zlib.compress(rows, 1)).decode()
        if len(packed) <= ANSWER_BYTES_MAX:
            text = json.dumps({"said": said, "rows": packed})
            self._ask("set", PREFIX + key, text, ex=self._ttl_s)

    def _ask(self, command: str, *arguments: Any, **more: Any) -> Any:
        if self._client is None or time.monotonic() < self._paused_until:
            return None
        try:
            return getattr(self._client, command)(*arguments, **more)
        except redis.exceptions.RedisError as error:
            self._paused_until = time.monotonic() + PAUSE_S
            log("report_cache_away", error=str(error))
            return None


def key_of(*parts: Any) -> str:
    """Return a key for what an answer depends on."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()

"""Which reports people wait for: noted in Redis, so that a run of the ETL computes them again before they are asked."""

import json
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import redis

from stocktide.foundation.telemetry import log

KEY = "stocktide:report_asked"
# What is computed sooner is computed when it is asked for.
SLOW_S = 0.5
# Of pages that somebody has open, or came back to.
WITHIN_S = 3_600
REPORTS_MAX = 40


class AskedReport(NamedTuple):
    """A report with its parameters as texts."""

    name: str
    given: Mapping[str, str]


class AskedReports:
    """Notes the slow reports that were asked for of late; without Redis, none."""

    def __init__(self, client: "redis.Redis | None") -> None:
        self._client = client

    def note(self, asked: AskedReport, *, seconds: float, cached: bool) -> None:
        """Note that a report was asked for. seconds: that its answer took; cached: it was there already."""
        if self._client is None or not (cached or seconds >= SLOW_S):
            return
        member = json.dumps(asked, sort_keys=True)
        try:
            # one that was cached is noted only if it was slow before
            self._client.zadd(KEY, {member: time.time()}, xx=cached)
            self._client.zremrangebyscore(KEY, 0, time.time() - WITHIN_S)
            self._client.zremrangebyrank(KEY, 0, -REPORTS_MAX - 1)
        except redis.exceptions.RedisError as error:
            log("report_not_noted", error=str(error))

    def of_late(self) -> list[AskedReport]:
        """List them, the last one first."""
        if self._client is None:
            return []
        try:
            members: list[Any] = self._client.zrevrangebyscore(KEY, "+inf", time.time() - WITHIN_S)
        except redis.exceptions.RedisError as error:
            log("reports_not_renewed", error=str(error))
            return []
        return [AskedReport(*json.loads(member)) for member in members]

"""Group commit: what many callers hand in at once is committed in one transaction, and each gets its own outcomes.

Whatever waits when a commit is done is the next group: an idle service commits at once, a busy one in large groups,
and no timer decides. Small requests of plain sales take the fast lane; all others, and whatever the lane refuses, go
to the writer.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from ingest.ledger.ledger import Statement, accepted_sales
from ingest.ledger.outcomes import Outcome
from ingest.parsing.events import Event, Fault
from ingest.parsing.sales import Parsed, PlainSales
from ingest.recording.fast_lane import EVENTS_MAX, FastLane
from ingest.recording.group_writer import GroupWriter, Waiting, answer_all
from ingest.recording.recording import FeedRequest, Recorder, feed_counts
from stocktide.foundation.database_errors import DATABASE_ERRORS
from stocktide.foundation.errors import Transient
from stocktide.foundation.telemetry import log

LOOK_AT_PARTITIONS_EVERY_S = 3_600


def nothing_to_check() -> None:
    """Let everything be tried."""


class Intake:
    """Takes requests from coroutines of one event loop. `start` before, `stop` after use."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        events_waiting_max: int,
        check: Callable[[], None] = nothing_to_check,
    ) -> None:
        """check: raises Transient while the database is known to hang; asked before a group is recorded."""
        self._recorder = recorder
        self._writer = GroupWriter(recorder, check)
        self._lane = FastLane(recorder.engine)
        self._for_lane: deque[Waiting] = deque()
        self._events_waiting = 0
        self._events_waiting_max = events_waiting_max

    async def start(self) -> None:
        """Start the writer, and open the lane."""
        self._writer.start()
        self._partitions = asyncio.create_task(self._keep_partitions())
        await self._lane.open()

    async def stop(self) -> None:
        """Record what waits, then end."""
        self._partitions.cancel()
        self._lane.close()
        self._next_of_lane()
        await asyncio.get_running_loop().run_in_executor(None, self._writer.stop)

    async def _keep_partitions(self) -> None:
        """Make partitions as whoever records the general way does: a process may use the lane alone for months."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                await loop.run_in_executor(None, self._recorder.ensure_partitions)
            except DATABASE_ERRORS as error:
                log("partitions_not_looked_at", error=str(error).strip())
            await asyncio.sleep(LOOK_AT_PARTITIONS_EVERY_S)

    async def submit(
        self, feed: str, content_type: str, raws: Sequence[bytes], parsed: Sequence[Event | Fault]
    ) -> list[Outcome]:
        """Record inputs; when this returns, everything accepted is committed and every reject kept.

        Raises Transient when the queue is full (nothing was recorded: send it again), or the database is away.
        """
        count = len(parsed)
        if self._events_waiting and self._events_waiting + count > self._events_waiting_max:
            raise Transient(
                "too_busy",
                f"The queue is full: {self._events_waiting} events wait to be recorded. Retry shortly.",
                retry_after_s=1,
            )
        parsed = Parsed.of(parsed)
        ledger = self._recorder.ledger
        is_for_lane = self._lane.is_open and count <= EVENTS_MAX and ledger.is_plain(parsed)
        if not is_for_lane:
            parsed = ledger.prepared(parsed)
        future = asyncio.get_running_loop().create_future()
        waiting = FeedRequest(feed, content_type, raws, parsed), future
        self._events_waiting += count
        if is_for_lane:
            self._for_lane.append(waiting)
            self._next_of_lane()
        else:
            self._writer.put(waiting)
        try:
            outcomes: list[Outcome] = await future
            return outcomes
        finally:
            self._events_waiting -= count

    def _next_of_lane(self) -> None:
        """Give the lane its next group, unless it has one; what cannot go there goes to the writer."""
        while self._for_lane and not self._lane.busy:
            group = self._group()
            statements = self._statements(group) if self._lane.is_open else None
            if statements is None:
                self._hand_over(group)
            else:
                self._lane.record(statements, partial(self._after_lane, group))

    def _group(self) -> list[Waiting]:
        group: list[Waiting] = []
        size = 0
        while self._for_lane and size + len(self._for_lane[0][0].parsed) <= EVENTS_MAX:
            group.append(self._for_lane.popleft())
            size += len(group[-1][0].parsed)
        return group

    def _statements(self, group: Sequence[Waiting]) -> list[Statement] | None:
        """Return what records a group of plain sales; None where the lane cannot."""
        parts = [_sales(request) for request, _ in group]
        statements = self._recorder.ledger.plain_statements(PlainSales.concat(parts))
        if statements is None:
            return None
        counts = feed_counts([request for request, _ in group], map(accepted_sales, parts))
        return [*statements, ("ingest/count_feeds", (counts,))]

    def _after_lane(self, group: Sequence[Waiting], committed: bool) -> None:
        if committed:
            answer_all([(future, accepted_sales(_sales(request))) for request, future in group])
        else:
            self._hand_over(group)
        self._next_of_lane()

    def _hand_over(self, group: Sequence[Waiting]) -> None:
        for waiting in group:
            self._writer.put(waiting)


def _sales(request: FeedRequest) -> PlainSales:
    assert isinstance(request.parsed, Parsed)  # noqa: S101 - nothing else is for the lane
    return request.parsed.sales[0]

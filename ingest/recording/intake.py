"""Group commit: what many callers hand in at once is committed in one transaction, and each gets its own outcomes.

Whatever waits when a commit is done is the next group: an idle service commits at once, a busy one in large groups,
and no timer decides. Small requests of plain sales take the fast lane; all others, and whatever the lane refuses, go
to the writer.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from ingest.ledger.outcomes import Outcome, accepted
from ingest.ledger.rows import Row
from ingest.parsing.events import Event, Fault
from ingest.parsing.parsed import Parsed
from ingest.recording.fast_lane import EVENTS_MAX, FastLane
from ingest.recording.group_writer import GroupWriter, Waiting, answer_all
from ingest.recording.recording import Recorder
from ingest.recording.requests import FeedRequest
from stocktide.foundation.database_errors import DATABASE_ERRORS
from stocktide.foundation.errors import Transient
from stocktide.foundation.telemetry import log

LOOK_AT_PARTITIONS_EVERY_S = 3_600


class Intake:
    """Takes requests from coroutines of one event loop. `start` before, `stop` after use."""

    def __init__(self, recorder: Recorder, *, events_waiting_max: int) -> None:
        self._recorder = recorder
        self._writer = GroupWriter(recorder)
        self._lane = FastLane(recorder.engine, recorder.ledger)
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
        """Partitions are made by whoever records the general way; a process may use the lane alone for months."""
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

        Raises Transient when more waits than may (nothing was recorded: send it again), or the database is away.
        """
        count = len(parsed)
        if self._events_waiting and self._events_waiting + count > self._events_waiting_max:
            raise Transient(
                "too_busy",
                f"The queue is full: {self._events_waiting} events wait to be recorded. Retry shortly.",
                retry_after_s=1,
            )
        loop = asyncio.get_running_loop()
        parsed = self._recorder.ledger.prepared(parsed) if isinstance(parsed, Parsed) else parsed
        rows = self._lane.plain_rows(parsed)
        request = FeedRequest(feed, content_type, raws, parsed)
        waiting = Waiting(request, loop.create_future(), loop, rows)
        self._events_waiting += count
        if rows is not None:
            self._for_lane.append(waiting)
            self._next_of_lane()
        else:
            self._writer.put(waiting)
        try:
            return await waiting.future
        finally:
            self._events_waiting -= count

    def _next_of_lane(self) -> None:
        """Give the lane its next group, unless it has one; what cannot go there goes to the writer."""
        while self._for_lane and not self._lane.busy:
            group = self._group()
            rows = _ordered([row for waiting in group for row in waiting.rows or ()])
            if rows and self._lane.is_open:
                requests = [waiting.request for waiting in group]
                self._lane.record(requests, rows, partial(self._after_lane, group))
            else:
                self._hand_over(group)

    def _group(self) -> list[Waiting]:
        group: list[Waiting] = []
        size = 0
        while self._for_lane and size + len(self._for_lane[0].request.parsed) <= EVENTS_MAX:
            group.append(self._for_lane.popleft())
            size += len(group[-1].request.parsed)
        return group

    def _after_lane(self, group: Sequence[Waiting], committed: bool) -> None:
        if committed:
            answer_all([(w, [_accepted(item) for item in w.request.parsed]) for w in group])
        else:
            self._hand_over(group)
        self._next_of_lane()

    def _hand_over(self, group: Sequence[Waiting]) -> None:
        for waiting in group:
            self._writer.put(waiting)


def _accepted(item: Event | Fault) -> Outcome:
    assert not isinstance(item, Fault)  # noqa: S101 - no fault is plain
    return accepted(item)


def _ordered(rows: list[Row]) -> list[Row] | None:
    """Return rows by identity, with their places in the group; None where two have the same identity.

    What has the same identity is compared the general way.
    """
    for place, row in enumerate(rows):
        row.place = place
    rows.sort(key=lambda row: (row.source_id, row.event.event_id))
    for one, next_one in pairwise(rows):
        if one.event.event_id == next_one.event.event_id and one.source_id == next_one.source_id:
            return None
    return rows

"""Group commit: what many callers hand in at once is committed in one transaction, and each gets its own outcomes.

Whatever waits when a commit is done is the next group: an idle service commits at once, a busy one in large groups,
and no timer decides. Small requests of plain sales take the fast lane; all others, and whatever the lane refuses, go
to the writer.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial

from ingest.ledger.outcomes import Outcome, accepted
from ingest.parsing.events import Event, Fault
from ingest.recording.fast_lane import EVENTS_MAX, FastLane
from ingest.recording.group_writer import GroupWriter, Waiting, answer_all
from ingest.recording.recording import Recorder
from ingest.recording.requests import FeedRequest
from stocktide.errors import Transient


class Intake:
    """Takes requests from coroutines of one event loop. `start` before, `stop` after use."""

    def __init__(self, recorder: Recorder, *, events_waiting_max: int) -> None:
        self._writer = GroupWriter(recorder)
        self._lane = FastLane(recorder.engine, recorder.ledger)
        self._for_lane: deque[Waiting] = deque()
        self._events_waiting = 0
        self._events_waiting_max = events_waiting_max

    async def start(self) -> None:
        """Start the writer, and open the lane."""
        self._writer.start()
        await self._lane.open()

    async def stop(self) -> None:
        """Record what waits, then end."""
        self._lane.close()
        self._next_of_lane()
        await asyncio.get_running_loop().run_in_executor(None, self._writer.stop)

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
                f"{self._events_waiting} events wait to be recorded, which is all that may. Send it again soon.",
                retry_after_s=1,
            )
        loop = asyncio.get_running_loop()
        waiting = Waiting(FeedRequest(feed, content_type, raws, parsed), loop.create_future(), loop)
        self._events_waiting += count
        if count <= EVENTS_MAX:
            self._for_lane.append(waiting)
            self._next_of_lane()
        else:
            self._writer.put(waiting)
        try:
            return await waiting.future
        finally:
            self._events_waiting -= count

    def _next_of_lane(self) -> None:
        """Give the lane its next group, unless it has one; without a lane everything goes to the writer."""
        while self._for_lane and not self._lane.busy:
            group = self._group()
            rows = self._lane.plain_rows([waiting.request for waiting in group])
            if rows is None:
                group = self._plain_ones(group)
                rows = self._lane.plain_rows([waiting.request for waiting in group])
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

    def _plain_ones(self, group: Sequence[Waiting]) -> list[Waiting]:
        """Hand over what is not plain for the writer; give the rest."""
        plain = []
        for waiting in group:
            if self._lane.plain_rows([waiting.request]) is None:
                self._writer.put(waiting)
            else:
                plain.append(waiting)
        return plain

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

"""The desk orders by events: what stands between buying and the ledger, which do not know each other."""

from collections.abc import Sequence

import sqlalchemy as sa

from ingest.recording.recording import FeedRequest, Recorder, record_requests
from purchasing.desk.shell import Desk, Record

FEED = "order desk"


def recording(recorder: Recorder) -> Record:
    """Return what records events in the caller's transaction, so that a line and its order are one."""

    def record(connection: sa.Connection, events: Sequence[bytes]) -> list[str]:
        request = FeedRequest(
            FEED, "application/cloudevents+json", events, recorder.parser.parse_all(events)
        )
        (outcomes,) = record_requests(connection, recorder.ledger, [request])
        return [outcome.name for outcome in outcomes]

    return record


def desk_of(recorder: Recorder) -> Desk:
    """Return the desk of a process that records events."""
    limit = recorder.settings.order_second_approval
    micros = None if limit is None else limit * 1_000_000
    return Desk(recording(recorder), second_from_micros=micros, currency=recorder.settings.currency)

"""A capture in a process of its own, for a test that kills it: python -m tests.ingest.epcis.capture.killed_capture URL.

It captures the document on its standard input, and waits for ever once the events are committed and the ledger is
about to be told.
"""

import sys
import time
from collections.abc import Collection, Sequence

from ingest.epcis.capture.capture import capture
from ingest.epcis.model.document import read_document
from ingest.ledger.ledger import Outcome
from ingest.ledger.outcomes import OUTCOMES
from ingest.parsing.events import Event, Fault
from ingest.recording.recording import Recorder
from stocktide.foundation.database import create_engine
from stocktide.foundation.settings import load_settings


class StoppedRecorder(Recorder):
    """A recorder that tells when it is asked, and never records."""

    def record_parsed(
        self,
        feed: str,
        content_type: str,
        raws: Sequence[bytes],
        parsed: Sequence[Event | Fault],  # noqa: ARG002 - what the recorder takes
        *,
        counted: Collection[str] = OUTCOMES,  # noqa: ARG002 - as above
    ) -> list[Outcome]:
        sys.stdout.write(f"asked for {len(raws)} of {feed} as {content_type}\n")
        sys.stdout.flush()
        while True:
            time.sleep(0.01)


def main(database_url: str) -> None:
    recorder = StoppedRecorder(create_engine(database_url), load_settings())
    document = read_document(sys.stdin.buffer.read())
    capture(recorder, "till", "application/json", document, "rollback")


if __name__ == "__main__":
    main(*sys.argv[1:])

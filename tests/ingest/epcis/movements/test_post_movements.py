import signal
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa

from ingest.epcis.capture.capture import capture
from ingest.epcis.model.document import read_document
from ingest.epcis.movements.post_movements import Recovery, post_movements
from ingest.ledger.ledger import Outcome
from ingest.ledger.outcomes import OUTCOMES
from ingest.parsing.events import Event, Fault
from ingest.recording.recording import Recorder
from stocktide.foundation.errors import Transient
from stocktide.foundation.keys import Limits, create_key
from tests.ingest.epcis.documents import SHOP, document, event, raw, sgtin
from tests.ingest.epcis.ledger_views import on_hand, states

ROOT = Path(__file__).parents[4]
RECEIVED = raw(
    document(
        *(
            event(bizStep="receiving", epcList=[sgtin(n)], bizLocation={"id": SHOP})
            for n in range(3)
        )
    )
)


def test_a_capture_that_is_killed_before_the_ledger_knows_is_finished_once(
    recorder: Recorder, database: sa.Engine, database_url: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ingest.epcis.capture.killed_capture", database_url],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdin.write(RECEIVED)
        process.stdin.close()
        assert b"asked for 3 of till" in process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert (states(database), on_hand(database)) == (["pending"] * 3, 0)
    assert post_movements(recorder) == 0  # it may still be at work
    assert post_movements(recorder, stale_s=0) == 3
    assert (states(database), on_hand(database)) == (["recorded"] * 3, 3000)


def test_what_was_recorded_but_not_noted_is_not_recorded_again(
    recorder: Recorder, database: sa.Engine
) -> None:
    capture(recorder, "till", "application/json", read_document(RECEIVED), "rollback")
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE epcis_events SET movement_state = 'pending'"))
    assert post_movements(recorder, stale_s=0) == 3
    assert (states(database), on_hand(database)) == (["recorded"] * 3, 3000)


def test_many_at_once_record_pending_events_once(recorder: Recorder, database: sa.Engine) -> None:
    capture(recorder, "till", "application/json", read_document(RECEIVED), "rollback")
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE epcis_events SET movement_state = 'pending'"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: post_movements(recorder, stale_s=0), range(8)))
    assert (states(database), on_hand(database)) == (["recorded"] * 3, 3000)


class AwayRecorder(Recorder):
    """A recorder whose ledger does not answer."""

    def record_parsed(
        self,
        feed: str,
        content_type: str,
        raws: Sequence[bytes],
        parsed: Sequence[Event | Fault],  # noqa: ARG002 - what the recorder takes
        *,
        counted: Collection[str] = OUTCOMES,  # noqa: ARG002 - as above
    ) -> list[Outcome]:
        raise Transient("database_away", f"No answer for {len(raws)} of {feed} ({content_type}).")


def test_a_capture_stands_when_the_ledger_is_away_and_is_finished_beside_the_service(
    recorder: Recorder, database: sa.Engine
) -> None:
    away = AwayRecorder(database, recorder.settings)
    done = capture(away, "till", "application/json", read_document(RECEIVED), "rollback")
    assert (done.success, states(database)) == (True, ["pending"] * 3)
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE epcis_events SET claimed_at = now() - interval '2 min'"))
    with Recovery(recorder, every_s=0.05) as recovery:
        while recovery.settled < 3:
            time.sleep(0.01)
    assert on_hand(database) == 3000


def test_two_captures_of_the_same_events_at_once_store_them_once(
    recorder: Recorder, database: sa.Engine
) -> None:
    def one(number: int) -> int:
        events = [
            event(bizStep="receiving", epcList=[sgtin(n)], bizLocation={"id": SHOP})
            for n in (range(20) if number % 2 else reversed(range(20)))
        ]
        read = read_document(raw(document(*events)))
        return sum(
            outcome == "captured"
            for outcome, _ in capture(
                recorder, "till", "application/json", read, "rollback"
            ).outcomes
        )

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(one, range(8))) == 20
    assert on_hand(database) == 20_000


def test_a_key_with_limits_moves_no_more_through_epcis(
    recorder: Recorder, database: sa.Engine
) -> None:
    with database.begin() as connection:
        create_key(connection, "counter", "ingest", Limits(kinds=["stocktake"]))
    capture(recorder, "counter", "application/json", read_document(RECEIVED), "rollback")
    assert (states(database), on_hand(database)) == (["rejected"] * 3, 0)
    with database.connect() as connection:
        assert connection.execute(
            sa.text("SELECT DISTINCT reason FROM rejects")
        ).scalars().all() == ["key_kind"]

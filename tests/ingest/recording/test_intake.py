"""Group commit: callers at once, each with its own outcomes."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from unittest.mock import Mock

import psycopg
import pytest
import sqlalchemy as sa

from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.ledger.outcomes import Outcome
from ingest.parsing.events import Event, Fault
from ingest.recording.intake import Intake
from ingest.recording.recording import Recorder
from stocktide.foundation.database import create_engine
from stocktide.foundation.errors import Transient
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw

WAITING_MAX = 500


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A")])
        put_locations(connection, [LocationIn("S1"), LocationIn("S2")])
    return Recorder(database, Settings())


def with_intake(
    recorder: Recorder, work: Callable[[Intake], Awaitable[Any]], waiting_max: int = WAITING_MAX
) -> Any:
    async def run() -> Any:
        intake = Intake(recorder, events_waiting_max=waiting_max)
        await intake.start()
        try:
            return await work(intake)
        finally:
            await intake.stop()

    return asyncio.run(run())


async def submit(
    intake: Intake, recorder: Recorder, *raws: bytes, feed: str = "till"
) -> list[Outcome]:
    parsed: Sequence[Event | Fault] = recorder.parser.parse_each(raws)
    return await intake.submit(feed, "application/cloudevents+json", raws, parsed)


def rows(recorder: Recorder, query: str) -> list[tuple[Any, ...]]:
    with recorder.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_each_caller_gets_its_own_outcomes_when_all_come_at_once(recorder: Recorder) -> None:
    """40 callers, of which some repeat, contradict or are no event; their transactions are far fewer."""

    async def work(intake: Intake) -> list[list[Outcome]]:
        await submit(intake, recorder, raw(kind="sale", event_id="first"))
        sent: list[tuple[bytes, ...]] = []
        for number in range(10):
            sent += [
                (
                    raw(kind="sale", event_id=f"n{number}"),
                    raw(kind="return", event_id=f"r{number}"),
                ),
                (raw(kind="sale", event_id="first"),),
                (raw(kind="sale", event_id="first", quantity=7),),
                (b"{", raw(kind="receipt", event_id=f"in{number}", quantity=2)),
            ]
        return await asyncio.gather(*(submit(intake, recorder, *raws) for raws in sent))

    outcomes = with_intake(recorder, work)
    expected = [["accepted", "accepted"], ["duplicate"], ["conflict"], ["rejected", "accepted"]]
    assert [[outcome.name for outcome in answer] for answer in outcomes] == expected * 10
    assert rows(recorder, "SELECT on_hand_milli FROM stock") == [(19_000,)]
    assert len(rows(recorder, "SELECT DISTINCT xid FROM ledger")) < 20
    counted = rows(
        recorder,
        "SELECT sum(accepted), sum(duplicate), sum(conflict), sum(rejected) FROM feed_minutes",
    )
    assert counted == [(31, 10, 10, 10)]


def test_the_fast_lane_numbers_entries_in_the_order_in_which_events_came(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(intake: Intake) -> None:
        for _ in range(2):  # a new source is remembered when it is looked up again
            await submit(intake, recorder, raw(kind="sale", event_id="first"))
        put = Mock(side_effect=intake._writer.put)
        monkeypatch.setattr(intake._writer, "put", put)
        await submit(
            intake, recorder, raw(kind="sale", event_id="c"), raw(kind="sale", event_id="b")
        )
        await asyncio.gather(
            *(submit(intake, recorder, raw(kind="sale", event_id=name)) for name in "zyx")
        )
        assert not put.called

    with_intake(recorder, work)
    found = rows(recorder, "SELECT event_id FROM ledger ORDER BY entry_id")
    assert [event_id for (event_id,) in found] == ["first", "c", "b", "z", "y", "x"]


def test_a_poison_event_takes_no_neighbour_with_it(recorder: Recorder) -> None:
    """What only the database refuses: here a check that the parser does not know of."""
    with recorder.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE ledger ADD CHECK (channel <> 'poison')"))
    good = [raw(kind="sale", event_id=f"g{number}") for number in range(20)]
    poison = raw(kind="sale", event_id="p", channel="poison")

    async def work(intake: Intake) -> list[list[Outcome]]:
        return await asyncio.gather(
            submit(intake, recorder, good[0], good[1], poison, good[2]),
            submit(intake, recorder, poison, feed="other"),
            *(submit(intake, recorder, event) for event in good[3:]),
        )

    outcomes = with_intake(recorder, work)
    assert [outcome.name for outcome in outcomes[0]] == ["accepted"] * 2 + ["rejected", "accepted"]
    assert outcomes[0][2].fault.reason == outcomes[1][0].fault.reason == "not_storable"
    assert all(answer[0].name == "accepted" for answer in outcomes[2:])
    assert rows(recorder, "SELECT on_hand_milli FROM stock") == [(-20_000,)]
    kept = rows(recorder, "SELECT feed, raw FROM rejects ORDER BY feed")
    assert [(feed, bytes(content)) for feed, content in kept] == [
        ("other", poison),
        ("till", poison),
    ]


def test_a_lock_on_one_pair_holds_up_that_pair_alone(recorder: Recorder) -> None:
    """Somebody's row lock of minutes: who moves that pair is told to come back soon, all others are recorded."""
    engine = create_engine(recorder.engine.url.render_as_string(hide_password=False), answer_s=2)
    waiting = Recorder(engine, recorder.settings)
    for number, place in enumerate(("S1", "S2")):
        recorder.record("till", "", [raw(kind="receipt", event_id=f"r{number}", location=place)])
    lock = recorder.engine.connect()

    async def work(intake: Intake) -> list[Any]:
        await asyncio.to_thread(
            lock.execute,
            sa.text(
                "SELECT FROM stock JOIN locations USING (location_id) WHERE code = 'S1' FOR UPDATE OF stock"
            ),
        )
        began = time.monotonic()
        sent = [
            raw(kind=kind, event_id=f"{kind}{number}", location="S1" if number == 1 else "S2")
            for kind in ("receipt", "sale")
            for number in range(6)
        ]
        answers = await asyncio.gather(
            *(submit(intake, waiting, one) for one in sent), return_exceptions=True
        )
        assert time.monotonic() - began < 10
        lock.rollback()
        again = await asyncio.gather(*(submit(intake, waiting, one) for one in sent))
        return [answers, again]

    answers, again = with_intake(waiting, work)
    held = [number for number, answer in enumerate(answers) if isinstance(answer, Exception)]
    assert held == [1, 7]
    assert all(isinstance(answers[number], Transient) for number in held)
    names = [answer[0].name for answer in again]
    assert [names[number] for number in held] == ["accepted", "accepted"]
    assert names.count("duplicate") == len(names) - len(held)
    lock.close()
    engine.dispose()


def test_more_than_may_wait_is_told_to_come_back(recorder: Recorder) -> None:
    """A lock on the table keeps the first ones waiting; nothing of what was refused is recorded."""
    lock = recorder.engine.connect()

    async def work(intake: Intake) -> list[Any]:
        await asyncio.to_thread(lock.execute, sa.text("LOCK TABLE ledger IN EXCLUSIVE MODE"))
        batches = [
            [raw(kind="sale", event_id=f"{batch}-{n}") for n in range(100)] for batch in range(9)
        ]
        waiting = [asyncio.create_task(submit(intake, recorder, *raws)) for raws in batches]
        await asyncio.sleep(0.3)
        refused = [task for task in waiting if task.done()]
        lock.rollback()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert len(refused) == 4
        return answers

    answers = with_intake(recorder, work)
    lock.close()
    errors = [answer for answer in answers if isinstance(answer, Transient)]
    assert [(error.code, error.context) for error in errors] == [
        ("too_busy", {"retry_after_s": 1})
    ] * 4
    assert rows(recorder, "SELECT count(*) FROM ledger") == [(500,)]
    assert [answer for answer in answers if not isinstance(answer, Transient)] == answers[:5]


def test_one_request_larger_than_what_may_wait_is_taken_when_nothing_waits(
    recorder: Recorder,
) -> None:
    raws = [raw(kind="sale", event_id=str(n)) for n in range(30)]
    answer = with_intake(recorder, lambda intake: submit(intake, recorder, *raws), waiting_max=10)
    assert {outcome.name for outcome in answer} == {"accepted"}


def test_stop_records_what_waits(recorder: Recorder) -> None:
    async def run() -> list[Any]:
        intake = Intake(recorder, events_waiting_max=WAITING_MAX)
        await intake.start()
        tasks = [
            asyncio.create_task(submit(intake, recorder, raw(kind="receipt", event_id=str(n))))
            for n in range(200)
        ]
        await asyncio.sleep(0)
        await intake.stop()
        return await asyncio.gather(*tasks)

    answers = asyncio.run(run())
    assert [answer[0].name for answer in answers] == ["accepted"] * 200
    assert rows(recorder, "SELECT on_hand_milli FROM stock") == [(200_000,)]


def test_a_caller_that_goes_away_changes_nothing_for_others(recorder: Recorder) -> None:
    async def work(intake: Intake) -> list[Outcome]:
        leaving = asyncio.create_task(submit(intake, recorder, raw(kind="sale", event_id="left")))
        staying = asyncio.create_task(submit(intake, recorder, raw(kind="sale", event_id="stayed")))
        await asyncio.sleep(0)
        leaving.cancel()
        outcome = await staying
        await asyncio.gather(leaving, return_exceptions=True)
        return outcome

    assert with_intake(recorder, work)[0].name == "accepted"


def test_a_connection_that_breaks_is_made_anew(recorder: Recorder) -> None:
    """The database ends all connections: a caller is told to send it again at most, and then it works."""

    async def work(intake: Intake) -> list[str]:
        seen: list[str] = []
        for number in range(30):
            if number % 10 == 5:
                await asyncio.to_thread(_end_connections, recorder)
            for _ in range(50):
                try:
                    answer = await submit(intake, recorder, raw(kind="sale", event_id=str(number)))
                except Transient:
                    await asyncio.sleep(0.02)
                else:
                    seen.append(answer[0].name)
                    break
        return seen

    names = with_intake(recorder, work)
    assert len(names) == 30
    assert set(names) <= {"accepted", "duplicate"}
    assert rows(recorder, "SELECT on_hand_milli FROM stock") == [(-30_000,)]


@pytest.mark.parametrize("kind", ["sale", "receipt"])
def test_a_connection_that_ended_while_nobody_used_it_costs_no_caller_an_error(
    recorder: Recorder, kind: str
) -> None:
    """The database was started again: the first request after it is recorded as any other, and once."""

    async def work(intake: Intake) -> list[str]:
        seen: list[str] = []
        for number in range(4):
            event = raw(kind=kind, event_id=str(number))
            seen += [one.name for one in await submit(intake, recorder, event)]
            await asyncio.to_thread(_end_connections, recorder)
        return seen

    assert with_intake(recorder, work) == ["accepted"] * 4
    assert rows(recorder, "SELECT count(*) FROM ledger") == [(4,)]


def _end_connections(recorder: Recorder) -> None:
    url = recorder.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_callers_and_other_writers_never_block_each_other_for_good(recorder: Recorder) -> None:
    """The same identities in opposite orders from the lane, the writer and a second recorder."""
    raws = [raw(kind="sale", event_id=f"e{n}", location=f"S{1 + n % 2}") for n in range(60)]
    others: list[Outcome] = []

    def other() -> None:
        for start in range(0, 60, 20):
            others.extend(recorder.record("import", "x", raws[::-1][start : start + 20]))

    async def work(intake: Intake) -> list[Outcome]:
        thread = threading.Thread(target=other)
        thread.start()
        answers = await asyncio.gather(
            *(submit(intake, recorder, one) for one in raws), submit(intake, recorder, *raws)
        )
        await asyncio.to_thread(thread.join)
        return [outcome for answer in answers for outcome in answer]

    names = [outcome.name for outcome in [*with_intake(recorder, work), *others]]
    assert (names.count("accepted"), names.count("duplicate")) == (60, 120)
    assert rows(recorder, "SELECT sum(on_hand_milli)::bigint FROM stock") == [(-60_000,)]

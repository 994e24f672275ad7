"""What an error declaration reverses, whatever was noted of its event; and the rejects desk beside it."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from ingest.epcis.movements.post_movements import post_movements, retry_rejected
from ingest.epcis.movements.rules import Rule, put_rules
from ingest.ledger.dimensions import ProductIn, put_products
from ingest.ledger.ledger import Outcome
from ingest.ledger.outcomes import OUTCOMES
from ingest.parsing.events import Correction, Event, Fault
from ingest.recording.recording import Recorder
from ingest.rejects.attempts import Audit
from ingest.rejects.rejects import Wanted
from ingest.rejects.replay import Replayer
from stocktide.foundation.keys import Limits, create_key
from tests.ingest.epcis.documents import SHOP, event, sgtin
from tests.ingest.epcis.ledger_views import (
    DECLARED,
    change,
    on_hand,
    open_rejects,
    rows,
    state_of,
    states,
    take,
)

HERE: dict[str, Any] = {"bizStep": "receiving", "bizLocation": {"id": SHOP}}
RECEIVED = event(eventID="urn:e:1", **HERE)
WRONG = {**RECEIVED, "errorDeclaration": DECLARED}
# One product that is known and one that is not.
NEW_GTIN = "04012345999990"
TWO = event(
    eventID="urn:e:1",
    quantityList=[{"epcClass": "urn:epc:class:lgtin:4012345.099999.A", "quantity": 7}],
    **HERE,
)
TWO_WRONG = {**TWO, "errorDeclaration": DECLARED}


def again(recorder: Recorder, database: sa.Engine) -> None:
    """Make refused movements once more, as the finisher does."""
    retry_rejected(database)
    post_movements(recorder, stale_s=0)


def know_new_product(database: sa.Engine) -> None:
    with database.begin() as connection:
        put_products(connection, [ProductIn(NEW_GTIN)])


def replay(recorder: Recorder) -> dict[str, Any]:
    """Replay all rejects at the desk."""
    return Replayer(recorder).replay(Wanted(), None, None, Audit("replay", "eve", "known now"))


def test_what_moved_but_was_not_noted_before_the_declaration_is_reversed(
    recorder: Recorder, database: sa.Engine
) -> None:
    take(recorder, RECEIVED)
    # killed between the ledger and the note
    change(database, "UPDATE epcis_events SET movement_state = 'pending', movements = '[]'")
    take(recorder, WRONG)
    post_movements(recorder, stale_s=0)
    post_movements(recorder, stale_s=0)
    assert (states(database), on_hand(database)) == (["recorded", "withdrawn"], 0)


def test_a_retry_and_a_declaration_at_once_reverse_what_moved_before(
    recorder: Recorder, database: sa.Engine
) -> None:
    take(recorder, TWO)
    assert (states(database), on_hand(database)) == (["partial"], 1_000)
    # put back, and not taken up yet
    change(database, "UPDATE epcis_events SET movement_state = 'pending', claimed_at = NULL")
    take(recorder, TWO_WRONG)
    post_movements(recorder, stale_s=0)
    assert (states(database), on_hand(database)) == (["recorded", "withdrawn"], 0)


def test_a_table_without_a_rule_keeps_what_moved(recorder: Recorder, database: sa.Engine) -> None:
    take(recorder, TWO)
    with database.begin() as connection:
        put_rules(connection, [Rule("none", biz_step="receiving")])
    again(recorder, database)
    assert (states(database), on_hand(database), open_rejects(database)) == (
        ["recorded"],
        1_000,
        [],
    )
    take(recorder, TWO_WRONG)
    assert (states(database), on_hand(database)) == (["recorded", "withdrawn"], 0)


def test_goods_that_were_counted_are_not_received_once_more_when_the_table_changes(
    recorder: Recorder, database: sa.Engine
) -> None:
    lots = [
        {"epcClass": f"urn:epc:class:lgtin:0614141.107346.{lot}", "quantity": 2} for lot in "AB"
    ]
    unknown = {"epcClass": "urn:epc:class:lgtin:4012345.099999.A", "quantity": 7}
    with database.begin() as connection:
        put_rules(connection, [Rule("stocktake", biz_step="receiving")])
    take(recorder, event(quantityList=[*lots, unknown], **HERE))
    assert (states(database), on_hand(database)) == (["partial"], 5_000)
    know_new_product(database)
    with database.begin() as connection:
        put_rules(connection, [Rule("receipt", biz_step="receiving")])
    again(recorder, database)
    assert (states(database), on_hand(database)) == (["recorded"], 12_000)
    with database.begin() as connection:
        put_rules(connection, [Rule("stocktake", biz_step="receiving")])
    change(database, "UPDATE epcis_events SET movement_state = 'pending'")
    post_movements(recorder, stale_s=0)
    assert rows(database, "SELECT count(*) FROM ledger") == [(2,)]


def test_what_was_mended_at_the_desk_is_reversed_and_never_made_again(
    recorder: Recorder, database: sa.Engine
) -> None:
    take(recorder, TWO)
    know_new_product(database)
    assert replay(recorder)["accepted"] == 1
    assert (states(database), on_hand(database)) == (["partial"], 8_000)
    take(recorder, TWO_WRONG)
    assert (states(database), on_hand(database)) == (["recorded", "withdrawn"], 0)


def test_what_was_mended_into_another_id_is_known_too(
    recorder: Recorder, database: sa.Engine
) -> None:
    take(recorder, TWO)
    ((reject_id, raw),) = rows(database, "SELECT reject_id, raw FROM rejects")
    know_new_product(database)
    event_id = rows(database, "SELECT event_id FROM rejects")[0][0]
    mended = bytes(raw).replace(event_id.encode(), b"mine")
    change(
        database,
        "UPDATE rejects SET mended = :mended WHERE reject_id = :id",
        mended=mended,
        id=reject_id,
    )
    assert replay(recorder)["accepted"] == 1
    again(recorder, database)
    assert (states(database), on_hand(database)) == (["recorded"], 8_000)
    take(recorder, TWO_WRONG)
    assert (states(database), on_hand(database)) == (["recorded", "withdrawn"], 0)


class OvertakenRecorder(Recorder):
    """A recorder beside which somebody replays all rejects whenever it is about to correct something."""

    def record_parsed(
        self,
        feed: str,
        content_type: str,
        raws: Sequence[bytes],
        parsed: Sequence[Event | Fault],
        *,
        counted: Collection[str] = OUTCOMES,
    ) -> list[Outcome]:
        if any(isinstance(item, Correction) for item in parsed):
            replay(Recorder(self.engine, self.settings))
        return super().record_parsed(feed, content_type, raws, parsed, counted=counted)


def test_what_is_mended_while_its_event_is_withdrawn_is_reversed_too(
    recorder: Recorder, database: sa.Engine
) -> None:
    take(recorder, TWO)
    know_new_product(database)
    take(OvertakenRecorder(database, recorder.settings), TWO_WRONG)
    assert (states(database), on_hand(database)) == (["partial", "pending"], 7_000)
    post_movements(recorder, stale_s=0)
    assert (states(database), on_hand(database)) == (["recorded", "withdrawn"], 0)


def test_a_withdrawn_event_leaves_nothing_to_replay(
    recorder: Recorder, database: sa.Engine
) -> None:
    take(recorder, TWO)
    assert open_rejects(database) == ["unknown_product"]
    take(recorder, TWO_WRONG)
    know_new_product(database)
    assert (replay(recorder)["accepted"], on_hand(database)) == (0, 0)
    assert rows(database, "SELECT state, settled_by FROM rejects") == [("dropped", "epcis")]
    assert rows(database, "SELECT action, by FROM reject_actions") == [("drop", "epcis")]


def test_a_movement_that_is_made_after_all_leaves_nothing_to_mend(
    recorder: Recorder, database: sa.Engine
) -> None:
    take(recorder, TWO)
    know_new_product(database)
    again(recorder, database)
    assert (states(database), on_hand(database)) == (["recorded"], 8_000)
    assert rows(database, "SELECT state, settled_by, outcome FROM rejects") == [
        ("replayed", "epcis", "accepted")
    ]
    assert rows(database, "SELECT action, by, outcome FROM reject_actions") == [
        ("replay", "epcis", "accepted")
    ]


def test_what_somebody_corrected_by_hand_is_not_reversed_again(
    recorder: Recorder, database: sa.Engine
) -> None:
    take(recorder, RECEIVED)
    ((movement,),) = rows(database, "SELECT event_id FROM ledger")
    correction = (
        '{"specversion": "1.0", "id": "by hand", "source": "eve", "type": "stocktide.correction",'
        ' "time": "2026-03-02T10:00:00Z", "data": {"corrects_source": "urn:stocktide:epcis", "reason": "no",'
        f' "corrects_id": "{movement}"}}}}'
    )
    assert recorder.record("eve", "application/json", [correction.encode()])[0].name == "accepted"
    take(recorder, WRONG)
    assert (states(database), on_hand(database)) == (["none", "withdrawn"], 0)


def limited(database: sa.Engine, **limits: Any) -> None:
    with database.begin() as connection:
        create_key(connection, "partner", "ingest", Limits(**limits))


def test_a_key_that_may_not_correct_withdraws_no_event(
    recorder: Recorder, database: sa.Engine
) -> None:
    limited(database, kinds=["receipt"])
    take(recorder, RECEIVED)
    take(recorder, WRONG, feed="partner")
    assert (state_of(database, "urn:e:1"), on_hand(database)) == ("recorded", 1_000)
    assert state_of(database, "urn:e:1", declares_error=True) == "rejected"
    assert open_rejects(database) == ["key_kind"]


def test_a_key_of_another_place_withdraws_no_event_that_was_refused(
    recorder: Recorder, database: sa.Engine
) -> None:
    limited(database, locations=["elsewhere"])
    unknown = {name: value for name, value in TWO.items() if name != "epcList"}
    take(recorder, unknown)
    take(recorder, {**unknown, "errorDeclaration": DECLARED}, feed="partner")
    assert (state_of(database, "urn:e:1"), open_rejects(database)) == (
        "rejected",
        ["unknown_product"],
    )


def test_a_key_that_may_not_correct_holds_back_no_event(
    recorder: Recorder, database: sa.Engine
) -> None:
    limited(database, locations=["elsewhere"])
    take(recorder, WRONG, feed="partner")
    take(recorder, RECEIVED)
    assert (state_of(database, "urn:e:1"), on_hand(database)) == ("recorded", 1_000)
    assert state_of(database, "urn:e:1", declares_error=True) == "none"


def test_a_key_of_the_place_may_declare_what_moved_there(
    recorder: Recorder, database: sa.Engine
) -> None:
    limited(database, locations=[SHOP], kinds=["receipt", "correction"])
    take(recorder, RECEIVED, feed="partner")
    take(recorder, WRONG, feed="partner")
    assert (states(database), on_hand(database)) == (["recorded", "withdrawn"], 0)


def test_a_dispatch_goes_only_where_the_key_may_send(
    recorder: Recorder, database: sa.Engine
) -> None:
    limited(database, locations=[SHOP])
    change(database, "INSERT INTO locations (code) VALUES ('urn:epc:id:sgln:0614141.00888.0')")
    with database.begin() as connection:
        put_rules(connection, [Rule("dispatch", biz_step="shipping")])
    take(
        recorder,
        event(
            bizStep="shipping",
            readPoint={"id": SHOP},
            epcList=[sgtin(1)],
            bizTransactionList=[{"type": "desadv", "bizTransaction": "urn:example:desadv:1"}],
            destinationList=[
                {"type": "location", "destination": "urn:epc:id:sgln:0614141.00888.0"}
            ],
        ),
        feed="partner",
    )
    assert (states(database), open_rejects(database)) == (["rejected"], ["key_location"])

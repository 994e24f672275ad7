"""Which numbers are the order desk's, and what nobody else opens under them."""

import json
from typing import Any

import sqlalchemy as sa

from ingest.ledger.own_numbers import read_own_numbers
from ingest.recording.recording import Recorder
from purchasing.desk.proposals import put_proposals, see
from stocktide.foundation.settings import Settings
from tests.ingest.samples import event


def test_orders_lines_of_transfers_and_moves_of_the_desk_are_its_own(database: sa.Engine) -> None:
    recorder = Recorder(database, Settings(create_on_first_sight=True))
    count = json.dumps(event("stocktake", "c", product="A", location="WH", counted=9)).encode()
    assert recorder.record("dock", "", [count])[0].name == "accepted"
    with database.begin() as connection:
        run = put_proposals(connection, see(connection), [], by="run").order_run_id
        orders = """INSERT INTO purchase_orders (order_id, supplier, ordered_by, source)
            VALUES ('PO-9', 'mill', 'anna', NULL), ('TR-5', 'WH', 'anna', 'WH')"""
        connection.execute(sa.text(orders))
        ours = {"PO-9", "TR-5-1", f"MV-{run}-2"}
        others = {
            "PO-8",
            "po-9",
            "PO-9-1",
            "TR-6-1",
            f"MV-{run + 1}-2",
            "MV-99999999999999999999-1",
            "7",
        }
        assert read_own_numbers(connection, ours | others) == ours
    sent: dict[str, Any] = {"product": "A", "location": "WH", "to_location": "S1", "quantity": 1}
    wanted = {"TR-5-1": "rejected", f"MV-{run}-2": "rejected", "TR-6-1": "accepted"}
    raws = [
        json.dumps(event("dispatch", name, transfer_id=name, **sent)).encode() for name in wanted
    ]
    outcomes = recorder.record("dock", "", raws)
    assert {one.event_id: one.name for one in outcomes} == wanted
    assert {one.fault.reason for one in outcomes if one.fault} == {"desk_number"}

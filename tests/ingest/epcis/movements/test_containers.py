"""Goods that are named by their container alone."""

from typing import Any

import pytest
import sqlalchemy as sa

from ingest.epcis.movements.post_movements import post_movements, retry_rejected
from ingest.recording.recording import Recorder
from tests.ingest.epcis.documents import CLASS, GTIN, LOT_CLASS, LOT_GTIN, SHOP, event, sgtin
from tests.ingest.epcis.ledger_views import DECLARED, open_rejects, reasons, rows, states, take

PALLET = "urn:epc:id:sscc:0614141.1234567890"
CARTON = "urn:epc:id:sscc:0614141.1234567891"
CRATE = "urn:epc:id:grai:4012345.66666.87"


def packed(hour: int, parent: str = PALLET, **fields: Any) -> dict[str, Any]:
    """Something put into a container, or taken out of it with action DELETE."""
    fields = {"childEPCs": None, **fields}
    time = f"2026-02-01T{hour:02}:00:00Z"
    return event("AggregationEvent", parentID=parent, eventTime=time, bizStep="packing", **fields)


def received(*epcs: str, **fields: Any) -> dict[str, Any]:
    return event(bizStep="receiving", bizLocation={"id": SHOP}, epcList=list(epcs), **fields)


def stock(database: sa.Engine) -> dict[str, int]:
    query = "SELECT sku, on_hand_milli FROM stock JOIN products USING (product_id) WHERE on_hand_milli <> 0"
    return {sku: milli // 1000 for sku, milli in rows(database, query)}


def test_a_pallet_is_what_was_packed_into_it(recorder: Recorder, database: sa.Engine) -> None:
    kilos = {"epcClass": LOT_CLASS, "quantity": 2, "uom": "MGM"}
    take(
        recorder,
        packed(1, childEPCs=[sgtin(1), sgtin(2), CARTON]),
        packed(2, CARTON, childQuantityList=[kilos, {"epcClass": CLASS, "quantity": 5}]),
        packed(3, action="DELETE", childEPCs=["https://x.example/01/10614141073464/21/2"]),
        packed(4, CARTON, action="DELETE", childQuantityList=[{"epcClass": CLASS, "quantity": 1}]),
    )
    take(recorder, received(PALLET))
    assert stock(database) == {GTIN: 1 + 4, LOT_GTIN: 2}
    take(recorder, event(bizStep="shipping", readPoint={"id": SHOP}, epcList=[PALLET]))
    assert stock(database) == {}
    assert rows(database, "SELECT DISTINCT lot FROM ledger ORDER BY 1") == [("998877",), (None,)]


def test_a_container_holds_what_it_held_at_the_time_of_the_event(
    recorder: Recorder, database: sa.Engine
) -> None:
    take(
        recorder,
        packed(1, childEPCs=[sgtin(1)]),
        packed(5, action="DELETE"),
        packed(6, childEPCs=[sgtin(2), sgtin(3)]),
    )
    take(recorder, received(PALLET, eventTime="2026-02-01T03:00:00Z"))
    assert stock(database) == {GTIN: 1}
    take(recorder, received(PALLET, eventTime="2026-02-01T05:30:00Z"))
    assert (stock(database), states(database)[:4]) == ({GTIN: 1}, ["none"] * 4)
    take(recorder, received(PALLET, eventTime="2026-02-01T07:00:00Z"))
    assert stock(database) == {GTIN: 3}


def test_an_unknown_container_is_seen_and_received_once_its_content_is_told(
    recorder: Recorder, database: sa.Engine
) -> None:
    take(recorder, received(PALLET))
    assert (states(database), reasons(database)) == (["rejected"], ["container_unknown"])
    assert open_rejects(database) == ["container_unknown"]
    take(recorder, packed(1, childEPCs=[sgtin(1)]))
    assert retry_rejected(database) == 1
    post_movements(recorder)
    assert (stock(database), open_rejects(database)) == ({GTIN: 1}, [])
    assert states(database) == ["none", "recorded"]


def test_an_aggregation_that_was_declared_wrong_was_none(
    recorder: Recorder, database: sa.Engine
) -> None:
    wrong = packed(1, childEPCs=[sgtin(1)])
    take(recorder, wrong, packed(2, childEPCs=[sgtin(2)]))
    take(recorder, {**wrong, "errorDeclaration": DECLARED})
    take(recorder, received(PALLET))
    assert stock(database) == {GTIN: 1}


def test_a_declaration_reverses_what_came_in_a_container(
    recorder: Recorder, database: sa.Engine
) -> None:
    take(recorder, packed(1, childEPCs=[sgtin(1), sgtin(2)]))
    arrived = received(PALLET, eventID="urn:e:in")
    take(recorder, arrived)
    assert stock(database) == {GTIN: 2}
    take(recorder, {**arrived, "errorDeclaration": DECLARED})
    assert stock(database) == {}


BESIDE: list[tuple[dict[str, Any], int]] = [
    # a thing that is named beside its container is there once
    ({"epcs": [PALLET, sgtin(1), sgtin(9)]}, 4),
    # of a class that the event tells an amount of, that amount counts
    ({"epcs": [PALLET], "quantityList": [{"epcClass": CLASS, "quantity": 7}]}, 7),
    # a container that nobody told of, beside goods that are named
    ({"epcs": [CARTON, sgtin(9)]}, 1),
    # a crate that nobody told of is empty
    ({"epcs": [CRATE, PALLET]}, 3),
]


@pytest.mark.parametrize(("named", "wanted"), BESIDE)
def test_goods_beside_a_container_are_counted_once(
    recorder: Recorder, database: sa.Engine, named: dict[str, Any], wanted: int
) -> None:
    take(recorder, packed(1, childEPCs=[sgtin(1), sgtin(2), sgtin(3)]))
    take(recorder, received(*named.pop("epcs"), **named))
    assert (stock(database), states(database)) == ({GTIN: wanted}, ["none", "recorded"])


def test_a_crate_is_opened_where_its_content_was_told(
    recorder: Recorder, database: sa.Engine
) -> None:
    take(recorder, packed(1, CRATE, childEPCs=[sgtin(1)]))
    take(recorder, received(CRATE))
    assert stock(database) == {GTIN: 1}


def test_containers_in_a_ring_are_refused_and_take_nothing_along(
    recorder: Recorder, database: sa.Engine
) -> None:
    take(recorder, packed(1, childEPCs=[CARTON]), packed(1, CARTON, childEPCs=[PALLET]))
    take(recorder, received(PALLET), received(sgtin(1)))
    assert (stock(database), reasons(database)) == ({GTIN: 1}, ["container_size"])


def test_a_count_adds_up_what_stands_in_and_beside_containers(
    recorder: Recorder, database: sa.Engine
) -> None:
    take(recorder, packed(1, childEPCs=[sgtin(1), sgtin(2)]))
    counted = event(bizStep="stock_taking", bizLocation={"id": SHOP}, epcList=[PALLET, sgtin(5)])
    take(recorder, counted)
    assert stock(database) == {GTIN: 3}

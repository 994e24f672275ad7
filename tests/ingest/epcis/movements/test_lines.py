"""Events to movements of the ledger, over HTTP."""

import json
import time
from decimal import Decimal
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingest.epcis.model.document import read_bare_event
from ingest.epcis.model.goods import Goods, goods_of
from ingest.epcis.movements.directory import Product
from ingest.epcis.movements.event_facts import SOURCE, EventFacts
from ingest.epcis.movements.held_movements import Held
from ingest.epcis.movements.lines import correction
from ingest.epcis.movements.validation import counted
from tests.conftest import Api
from tests.ingest.epcis.documents import (
    CLASS,
    GTIN,
    LOT_CLASS,
    LOT_GTIN,
    SHOP,
    SHOP_GLN,
    bare,
    document,
    event,
    raw,
    sgtin,
)  # fmt: skip


@pytest.fixture
def shop(api: Api) -> Api:
    """Two products by GTIN, two shops: one by an attribute, one by its SGLN as code."""
    products = [
        {"sku": "CAN", "attributes": {"gtin": GTIN}},
        {"sku": LOT_GTIN, "unit": "kg"},
    ]
    locations = [
        {"code": "S1", "attributes": {"gln": SHOP_GLN}},
        {"code": "urn:epc:id:sgln:0614141.00888.0"},
    ]
    api.ingest.put("/v1/products", json={"products": products}).raise_for_status()
    api.ingest.put("/v1/locations", json={"locations": locations}).raise_for_status()
    return api


def capture(api: Api, *events: Any) -> dict[str, Any]:
    """Capture events; gives the finished job."""
    answer = api.ingest.post("/v1/epcis/capture", json=document(*events))
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = api.ingest.get(answer.headers["location"]).json()
    return job


def post(api: Api, **fields: Any) -> httpx.Response:
    return api.ingest.post("/v1/epcis/events", json=bare(**fields))


def moved(answer: httpx.Response) -> list[tuple[str, str | None]]:
    """Outcome and reason of each movement of a single event."""
    assert answer.status_code in (200, 201), answer.text
    return [
        (line["outcome"], line.get("reason"))
        for shown in answer.json()["movements"]
        for line in shown["movements"]
    ]


def stock(database: sa.Engine) -> dict[tuple[str, str], float]:
    query = (
        "SELECT sku, code, on_hand_milli FROM stock JOIN products USING (product_id) "
        "JOIN locations USING (location_id)"
    )
    with database.connect() as connection:
        return {(row[0], row[1]): row[2] / 1000 for row in connection.execute(sa.text(query))}


def retry(api: Api, database: sa.Engine) -> int:
    """Make refused movements once more, and wait for that; gives how many events were."""
    answer = api.operate.post("/v1/epcis/movements/retry")
    assert answer.status_code == 202, answer.text
    waiting = sa.text("SELECT count(*) FROM epcis_events WHERE movement_state = 'pending'")
    while True:
        with database.connect() as connection:
            if connection.execute(waiting).scalar_one() == 0:
                return int(answer.json()["events"])
        time.sleep(0.01)


def kinds(database: sa.Engine) -> list[tuple[str, int]]:
    with database.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT kind, quantity_milli FROM ledger ORDER BY event_id, kind")
        )
        return [(row[0], row[1]) for row in rows]


HERE: dict[str, Any] = {"bizLocation": {"id": SHOP}}


STEPS: list[tuple[dict[str, Any], tuple[str, int] | None]] = [
    ({"bizStep": "receiving"}, ("receipt", 1000)),
    ({"bizStep": "urn:epcglobal:cbv:bizstep:receiving"}, ("receipt", 1000)),
    ({"bizStep": "https://ref.gs1.org/cbv/BizStep-receiving"}, ("receipt", 1000)),
    ({"bizStep": "receiving", "disposition": "returned"}, ("return", 1000)),
    ({"bizStep": "shipping", "disposition": "in_transit"}, ("adjustment", -1000)),
    ({"bizStep": "void_shipping"}, ("adjustment", 1000)),
    ({"bizStep": "retail_selling", "disposition": "retail_sold"}, ("sale", -1000)),
    ({"bizStep": "commissioning", "action": "ADD"}, ("adjustment", 1000)),
    ({"bizStep": "commissioning", "action": "OBSERVE"}, None),
    ({"bizStep": "decommissioning", "action": "DELETE"}, ("adjustment", -1000)),
    ({"bizStep": "destroying", "action": "DELETE"}, ("adjustment", -1000)),
    ({"bizStep": "stock_taking"}, ("stocktake", 0)),
    ({"bizStep": "cycle_counting"}, ("reading", 0)),
    ({"bizStep": "storing"}, None),
    ({"bizStep": "https://example.com/steps/polishing"}, None),
    ({}, None),
]


def test_steps_are_movements_by_the_table(shop: Api, database: sa.Engine) -> None:
    for number, (fields, wanted) in enumerate(STEPS):
        identity = f"urn:example:{number}"
        answer = post(shop, eventID=identity, **HERE, **fields)
        assert moved(answer) == ([] if wanted is None else [("accepted", None)]), fields
        with database.connect() as connection:
            rows = connection.execute(
                sa.text("SELECT kind, quantity_milli FROM ledger WHERE event_id LIKE :id"),
                {"id": f"{identity}#%"},
            ).all()
        assert [tuple(row) for row in rows] == ([] if wanted is None else [wanted]), fields


def test_five_event_types_move_what_they_should(shop: Api, database: sa.Engine) -> None:
    job = capture(
        shop,
        event(bizStep="receiving", quantityList=[{"epcClass": LOT_CLASS, "quantity": 3, "uom": "KGM"}], **HERE),
        event("AggregationEvent", bizStep="packing", **HERE),
        event("AssociationEvent", bizStep="assembling", **HERE),
        event("TransactionEvent", bizStep="retail_selling", **HERE),
        event(
            "TransformationEvent",
            inputQuantityList=[{"epcClass": LOT_CLASS, "quantity": 2500, "uom": "GRM"}],
            outputQuantityList=[{"epcClass": CLASS, "quantity": 5}],
            outputEPCList=[sgtin(9)],
            **HERE,
        ),
    )  # fmt: skip
    assert job["movements"]["states"] == {"recorded": 2, "none": 3}
    assert stock(database) == {("CAN", "S1"): 1 + 5 + 1, (LOT_GTIN, "S1"): 3 - 2.5}


def test_digital_links_of_any_host_are_the_same_goods_and_places(
    shop: Api, database: sa.Engine
) -> None:
    link = {
        "bizStep": "receiving",
        "epcList": ["https://brand.example/shoes/01/10614141073464/10/LOT/21/1?17=271231"],
        "quantityList": [
            {
                "epcClass": "https://id.gs1.org/01/04012345123456/10/998877",
                "quantity": 1,
                "uom": "KGM",
            }
        ],
        "bizLocation": {"id": "https://id.gs1.org/414/0614141008889"},
    }
    assert moved(post(shop, **link)) == [("accepted", None)] * 2
    here = "urn:epc:id:sgln:0614141.00888.0"
    assert stock(database) == {("CAN", here): 1, (LOT_GTIN, here): 1}


def test_a_place_within_a_location_is_that_location(shop: Api, database: sa.Engine) -> None:
    door = {"id": "urn:epc:id:sgln:0614141.00777.door-3"}
    assert moved(post(shop, bizStep="receiving", readPoint=door)) == [("accepted", None)]
    assert stock(database) == {("CAN", "S1"): 1}


def test_what_goes_out_was_at_the_read_point(shop: Api, database: sa.Engine) -> None:
    places = {"readPoint": {"id": SHOP}, "bizLocation": {"id": "urn:epc:id:sgln:0614141.00888.0"}}
    moved(post(shop, bizStep="shipping", **places))
    assert stock(database) == {("CAN", "S1"): -1}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"epcList": ["urn:epc:id:sgtin:4012345.099999.1"], **HERE}, "unknown_product"),
    ({"bizLocation": {"id": "urn:epc:id:sgln:9999999.00001.0"}}, "unknown_location"),
    ({}, "no_location"),
    ({"epcList": ["urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8"], **HERE}, "no_class"),
    ({"epcList": ["https://example.com/01/10614141073465/21/1"], **HERE}, "check_digit"),
    ({"epcList": None, "quantityList": [{"epcClass": CLASS}], **HERE}, "quantity_missing"),
    (
        {
            "epcList": None,
            "quantityList": [{"epcClass": CLASS, "quantity": 1, "uom": "KGM"}],
            **HERE,
        },
        "unit",
    ),
    (
        {"epcList": None, "quantityList": [{"epcClass": CLASS, "quantity": 0.0001}], **HERE},
        "too_precise",
    ),
    (
        {"epcList": None, "quantityList": [{"epcClass": CLASS, "quantity": 10**40}], **HERE},
        "quantity",
    ),
    (
        {"epcList": None, "quantityList": [{"epcClass": CLASS, "quantity": -1}], **HERE},
        "not_positive",
    ),
    ({"eventTime": "1980-01-01T00:00:00Z", **HERE}, "time_past"),
    ({"eventTime": "2999-01-01T00:00:00Z", **HERE}, "time_future"),
]


def test_events_are_captured_when_their_movements_are_refused(
    shop: Api, database: sa.Engine
) -> None:
    for fields, reason in REFUSED:
        answer = post(shop, bizStep="receiving", **fields)
        assert answer.status_code == 201
        assert moved(answer) == [("rejected", reason)]
        assert shop.read.get(answer.headers["location"]).status_code == 200
        job = shop.ingest.get(f"/v1/epcis/capture/{answer.json()['captureID']}").json()
        assert (job["success"], job["movements"]["states"]) == (True, {"rejected": 1})
        assert job["movements"]["events"][0]["movements"][0]["reason"] == reason
    with database.connect() as connection:
        rejects = connection.execute(sa.text("SELECT reason, raw FROM rejects ORDER BY 1")).all()
    assert [row.reason for row in rejects] == sorted(reason for _, reason in REFUSED)
    assert {json.loads(bytes(row.raw))["type"] for row in rejects} == {"stocktide.receipt"}


def test_known_lines_move_while_the_unknown_one_waits_for_its_product(
    shop: Api, database: sa.Engine
) -> None:
    unknown = {"epcClass": "urn:epc:class:lgtin:4012345.099999.A", "quantity": 7}
    answer = post(shop, bizStep="receiving", quantityList=[unknown], **HERE)
    assert sorted(moved(answer)) == [("accepted", None), ("rejected", "unknown_product")]
    shop.ingest.put(
        "/v1/products", json={"products": [{"sku": "NEW", "attributes": {"gtin": "4012345999990"}}]}
    )
    assert retry(shop, database) == 1
    assert stock(database) == {("CAN", "S1"): 1, ("NEW", "S1"): 7}
    assert retry(shop, database) == 0


def test_one_gtin_on_two_products_is_not_guessed(shop: Api) -> None:
    shop.ingest.put(
        "/v1/products", json={"products": [{"sku": "CAN-2", "attributes": {"gtin": GTIN}}]}
    )
    assert moved(post(shop, bizStep="receiving", **HERE)) == [("rejected", "ambiguous_product")]


def test_lots_are_lines_of_their_own_and_serials_are_counted(shop: Api) -> None:
    epcs = [*(sgtin(n) for n in range(30)), "https://example.com/01/10614141073464/10/B/21/99"]
    answer = post(shop, bizStep="receiving", epcList=epcs, **HERE)
    assert moved(answer) == [("accepted", None)] * 2
    event_read = read_bare_event(raw(bare(epcList=epcs))).event
    counted = [(goods.lot, int(goods.quantity or 0)) for goods in goods_of(event_read)]
    assert counted == [(None, 30), ("B", 1)]


def test_containers_and_assets_are_no_stock(shop: Api, database: sa.Engine) -> None:
    epcs = ["urn:epc:id:giai:4000001.12345", "urn:epc:id:grai:4012345.66666.87"]
    assert moved(post(shop, bizStep="receiving", epcList=epcs, **HERE)) == []
    assert kinds(database) == []


def test_a_count_is_of_the_product_whatever_its_lots(shop: Api, database: sa.Engine) -> None:
    lots = [
        {"epcClass": f"urn:epc:class:lgtin:0614141.107346.{lot}", "quantity": 4} for lot in "AB"
    ]
    post(shop, bizStep="stock_taking", epcList=[sgtin(1)], quantityList=lots, **HERE)
    assert stock(database) == {("CAN", "S1"): 9}


def test_an_error_declaration_reverses_once(shop: Api, database: sa.Engine) -> None:
    wrong = event(bizStep="receiving", eventID="urn:example:event:1", **HERE)
    declared = {
        **wrong,
        "errorDeclaration": {"declarationTime": "2026-03-02T10:00:00Z", "reason": "did_not_occur"},
    }
    capture(shop, wrong)
    job = capture(shop, declared)
    assert job["movements"]["states"] == {"recorded": 1}
    assert stock(database) == {("CAN", "S1"): 0}
    again = capture(shop, declared, wrong)
    assert (again["events"], again["duplicates"]) == (0, 2)
    assert stock(database) == {("CAN", "S1"): 0}
    found = shop.read.get("/v1/epcis/events", params={"EXISTS_errorDeclaration": "true"}).json()
    assert len(found["epcisBody"]["queryResults"]["resultsBody"]["eventList"]) == 1


def test_an_event_that_was_declared_wrong_before_it_came_moves_nothing(
    shop: Api, database: sa.Engine
) -> None:
    wrong = event(bizStep="receiving", **HERE)
    declared = {**wrong, "errorDeclaration": {"declarationTime": "2026-03-02T10:00:00Z"}}
    capture(shop, declared)
    assert capture(shop, wrong)["movements"]["states"] == {"withdrawn": 1}
    assert kinds(database) == []


def test_event_and_declaration_in_one_document_leave_nothing(
    shop: Api, database: sa.Engine
) -> None:
    wrong = event(bizStep="receiving", eventID="urn:example:event:1", **HERE)
    declared = {**wrong, "errorDeclaration": {"declarationTime": "2026-03-02T10:00:00Z"}}
    capture(shop, declared, wrong)
    assert sum(stock(database).values()) == 0


def test_a_declared_count_stands(shop: Api, database: sa.Engine) -> None:
    counted = event(bizStep="stock_taking", eventID="urn:example:count", **HERE)
    declared = {**counted, "errorDeclaration": {"declarationTime": "2026-03-02T10:00:00Z"}}
    capture(shop, counted)
    (shown,) = capture(shop, declared)["movements"]["events"]
    assert (shown["state"], shown["movements"]) == ("none", [])
    assert "counts stand" in shown["note"]
    assert stock(database) == {("CAN", "S1"): 1}


def test_goods_in_transit_arrive_by_their_despatch_advice(shop: Api, database: sa.Engine) -> None:
    rules = [
        {"biz_step": "shipping", "movement": "dispatch"},
        {"biz_step": "receiving", "movement": "arrival"},
    ]
    shop.operate.put("/v1/epcis/movements", json={"movements": rules}).raise_for_status()
    advice = [{"type": "desadv", "bizTransaction": "urn:example:desadv:1"}]
    there = "urn:epc:id:sgln:0614141.00888.0"
    shipped = {
        "bizStep": "shipping",
        "readPoint": {"id": SHOP},
        "bizTransactionList": advice,
        "destinationList": [{"type": "location", "destination": there}],
    }
    assert moved(post(shop, **shipped)) == [("accepted", None)]
    received = {"bizStep": "receiving", "bizLocation": {"id": there}, "bizTransactionList": advice}
    assert moved(post(shop, **received)) == [("accepted", None)]
    assert stock(database) == {("CAN", "S1"): -1, ("CAN", there): 1}
    assert moved(post(shop, **{**shipped, "destinationList": None})) == [
        ("rejected", "no_destination")
    ]
    assert moved(post(shop, **{**shipped, "bizTransactionList": None})) == [
        ("rejected", "no_transaction")
    ]


def test_packs_of_a_product_are_converted_by_the_ledger(shop: Api, database: sa.Engine) -> None:
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE products SET packs = '{\"CS\": 12}' WHERE sku = 'CAN'"))
    cases = [{"epcClass": CLASS, "quantity": 2, "uom": "CS"}]
    pallets = [{"epcClass": CLASS, "quantity": 2, "uom": "PF"}]
    answer = post(shop, bizStep="receiving", epcList=None, quantityList=cases, **HERE)
    assert moved(answer) == [("accepted", None)]
    answer = post(shop, bizStep="receiving", epcList=None, quantityList=pallets, **HERE)
    assert moved(answer) == [("rejected", "unknown_unit")]
    assert stock(database) == {("CAN", "S1"): 24}


def test_lot_expiry_order_and_supplier_come_along(shop: Api, database: sa.Engine) -> None:
    begun = {
        "action": "ADD",
        "bizStep": "receiving",
        "ilmd": {"cbvmda:lotNumber": "L7", "cbvmda:itemExpirationDate": "2027-01-31"},
        "bizTransactionList": [{"type": "po", "bizTransaction": "urn:example:po:1"}],
        "sourceList": [{"type": "possessing_party", "source": "urn:epc:id:pgln:4012345.00000"}],
    }
    assert moved(post(shop, **begun, **HERE)) == [("accepted", None)]
    with database.connect() as connection:
        row = connection.execute(
            sa.text("SELECT lot, CAST(expires_on AS text), order_id, counterparty FROM ledger")
        ).one()
    assert tuple(row) == ("L7", "2027-01-31", "urn:example:po:1", "urn:epc:id:pgln:4012345.00000")


def test_a_correction_names_what_it_reverses() -> None:
    read = read_bare_event(
        raw(bare(errorDeclaration={"declarationTime": "2026-03-02T10:00:00Z"}, eventID="urn:x:1"))
    )
    held = Held("urn:x:1#2a", SOURCE, "urn:x:1#2a", "receipt", False, "CAN", "S1", "1", False)
    line = correction(EventFacts("urn:x:1", read.event, [], {}), held)
    assert json.loads(line.raw) == {
        "specversion": "1.0",
        "id": "urn:x:1#2a/corrected",
        "source": "urn:stocktide:epcis",
        "type": "stocktide.correction",
        "time": "2026-03-02T10:00:00Z",
        "data": {
            "corrects_id": "urn:x:1#2a",
            "corrects_source": "urn:stocktide:epcis",
            "reason": "EPCIS error declaration: no reason given",
        },
    }


def test_very_long_ids_have_movements_of_their_own() -> None:
    read = read_bare_event(raw(bare()))
    ids = [
        EventFacts("urn:x:" + "y" * 900 + tail, read.event, [], {}).id_of("c0ffee") for tail in "ab"
    ]
    assert len(set(ids)) == 2
    assert max(len(one) for one in ids) < 100


def test_the_table_can_be_changed(shop: Api, database: sa.Engine) -> None:
    rules = shop.read.get("/v1/epcis/movements").json()["movements"]
    rules.append(
        {"biz_step": "https://example.com/steps/gift", "movement": "adjustment out", "why": "gifts"}
    )
    rules.append(
        {"biz_step": "urn:epcglobal:cbv:bizstep:storing", "action": "ADD", "movement": "receipt"}
    )
    assert shop.operate.put("/v1/epcis/movements", json={"movements": rules}).status_code == 200
    assert shop.ingest.put("/v1/epcis/movements", json={"movements": rules}).status_code == 403
    moved(post(shop, bizStep="https://example.com/steps/gift", **HERE))
    moved(post(shop, bizStep="storing", action="ADD", **HERE))
    moved(post(shop, bizStep="storing", action="OBSERVE", **HERE))
    assert sorted(kinds(database)) == [("adjustment", -1000), ("receipt", 1000)]


WRONG_TABLES: list[tuple[Any, str]] = [
    ({"movements": [{"movement": "gift"}]}, "gift"),
    ({"movements": [{"movement": "sale"}, {"movement": "none"}]}, "Rules 0 and 1"),
    ({"movements": [{"movement": "sale", "why": "\x00"}]}, "NUL"),
    ({"rules": []}, "rules"),
    ([], "array"),
]


def test_a_table_that_is_wrong_is_refused(api: Api) -> None:
    before = api.read.get("/v1/epcis/movements").json()
    for body, place in WRONG_TABLES:
        answer = api.operate.put("/v1/epcis/movements", json=body)
        assert answer.status_code == 400
        assert place in answer.json()["detail"]
    assert api.read.get("/v1/epcis/movements").json() == before


@pytest.mark.parametrize(
    ("quantity", "code", "unit", "wanted"),
    [
        ("5", None, "each", ("5", None, None)),
        ("5", "EA", "each", ("5", None, None)),
        ("2", "DZN", "pieces", ("24", None, None)),
        ("2500", "GRM", "kg", ("2.5", None, None)),
        ("1.5", "KGM", "g", ("1500", None, None)),
        ("2000", "MGM", "kg", ("0.002", None, None)),
        ("250", "MLT", "l", ("0.25", None, None)),
        ("1", "MTQ", "litre", ("1000", None, None)),
        ("3", "XBX", "XBX", ("3", None, None)),
        ("3", "XBX", "kg", ("3", "XBX", None)),  # a pack, perhaps: the ledger knows
        ("1", "KGM", "l", ("1", None, "unit")),
        ("1", None, "kg", ("1", None, "unit")),
        # a third of a thousandth more, and a tenth of a gram less: neither is kept
        ("1500", "MGM", "kg", ("1500", "MGM", "too_precise")),
        ("10", "LBR", "kg", ("10", "LBR", "too_precise")),
    ],
)
def test_quantities_are_converted_exactly_to_the_unit_of_the_product_or_refused(
    quantity: str, code: str | None, unit: str, wanted: tuple[str, str | None, str | None]
) -> None:
    goods = Goods("object", "urn:x:class", None, None, code, Decimal(quantity))
    amount, left_to_ledger, wrongs = counted(goods, Product("A", unit))
    assert (amount, left_to_ledger) == (Decimal(wanted[0]), wanted[1])
    assert [reason for reason, _, _ in wrongs] == ([] if wanted[2] is None else [wanted[2]])

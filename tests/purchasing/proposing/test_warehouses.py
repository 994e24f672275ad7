"""A warehouse and its shops: what shops take from it, what it orders for them, and what it has too little of."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from etl.check import ledger_faults
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from ingest.terms import kind_of, put_rows
from purchasing.desk.lines import Decision, Rest
from purchasing.desk.listing import list_lines
from purchasing.desk.purchase_order import read_order
from purchasing.desk.shell import Desk
from purchasing.missing import list_missing
from purchasing.moves import list_moves
from purchasing.proposing.arrays import Future
from purchasing.proposing.prepare import Defaults
from purchasing.proposing.run import ReadFutures, from_today, propose_today
from replenishment import Explanation, recompute
from stocktide.entrypoints.ordering import recording
from stocktide.foundation.errors import Conflict, NotFound
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw

TODAY = date(2026, 3, 2)
PATHS, DAYS = 200, 28
SHOPS = ("S1", "S2", "S3")


def put(connection: sa.Connection, kind: str, **told: Any) -> None:
    of = kind_of(kind)
    put_rows(connection, of, [msgspec.convert(told, of.shape)], by="test")


@pytest.fixture
def chain(database: sa.Engine) -> sa.Engine:
    """WH supplies three shops within a day, in packs of 6; the mill supplies WH in 3 days, in dozens.

    Who runs WH has a budget, and may spend next to nothing.
    """
    with database.begin() as connection:
        put_products(connection, [ProductIn("A", name="Apples", price="3", currency="EUR")])
        put_locations(connection, [LocationIn(code, region="North") for code in ("WH", *SHOPS)])
        put(connection, "suppliers", supplier="depot", location="WH", lead_days=1, buyer="anna")
        span = {"from": "2026-01-01", "to": "2026-12-31"}
        put(connection, "buyer-budgets", buyer="anna", amount=1, currency="EUR", **span)
        put(connection, "supplier-products", supplier="depot", product="A", pack=6)
        put(connection, "suppliers", supplier="mill", currency="EUR", lead_days=3)
        put(connection, "supplier-products", supplier="mill", product="A", price="1.50", pack=12)
    return database


def stocked(engine: sa.Engine, product: str = "A", **units: int) -> Recorder:
    """Receive units at locations; returns what records."""
    recorder = Recorder(engine, Settings())
    sent = [
        raw(
            kind="receipt",
            event_id=f"{product}{code}",
            product=product,
            location=code,
            quantity=many,
        )
        for code, many in units.items()
    ]
    assert {one.name for one in recorder.record("dock", "", sent)} == {"accepted"}
    return recorder


def futures(
    a_day: Mapping[str, float], *, sold: float | None = None, products: Sequence[str] = ("A",)
) -> ReadFutures:
    """Poisson demand of each product by location; a warehouse that sells nothing has no paths.

    sold: how far past days varied.
    """

    def read() -> tuple[int, Iterator[Future]]:
        rng = np.random.default_rng(7)
        leaves, ends = pd.DataFrame({"product": products}), pd.date_range(TODAY, periods=DAYS)
        found = [
            from_today(
                code,
                leaves,
                ends,
                rng.poisson(units, (PATHS, len(products), DAYS)).astype(np.float32),
                frequency="D",
                today=TODAY,
                sold=None if sold is None else rng.normal(units, sold, (60, 1)).clip(0),
            )
            for code, units in a_day.items()
        ]
        return 3, iter(found)

    return read


def propose(engine: sa.Engine, **a_day: float) -> dict[str, dict[str, Any]]:
    return propose_lines(engine, futures(a_day or dict.fromkeys(SHOPS, 8.0)))


def propose_lines(engine: sa.Engine, read: ReadFutures) -> dict[str, dict[str, Any]]:
    propose_today(engine, read, today=TODAY, defaults=Defaults(move_worth=1.0), by="test")
    with engine.connect() as connection:
        return {line["location"]: line for line in list_lines(connection).lines}


def test_shops_take_from_the_warehouse_and_it_orders_for_them_all(chain: sa.Engine) -> None:
    stocked(chain, WH=96, S1=10, S2=10, S3=10)
    found = propose(chain)
    for shop in SHOPS:
        line = found[shop]
        assert (line["supplier"], line["source"], line["amount"]) == ("depot", "WH", None)
        assert line["quantity"] % 6 == 0
        assert line["explanation"]["sentence"].startswith("2 days' demand 16 ± ")
    centre = found["WH"]
    assert (centre["supplier"], centre["source"], centre["price"]) == ("mill", None, 1.5)
    why = centre["explanation"]
    # 3 days to the warehouse, 1 to a shop, and 1 until the next order
    assert why["sentence"].startswith("5 days' demand of 3 shops 1")
    assert "have 96 here, 30 in shops" in why["sentence"]
    data = Explanation(**why["data"])
    assert recompute(data) == centre["quantity"]
    assert (data.shops, data.in_shops, data.on_hand) == (3, 30.0, 126.0)
    assert data.demand_mean == pytest.approx(3 * 5 * 8, rel=0.03)
    # the picture: all stock of the echelon, and the order on the day on which it is in the shops
    without, having = np.array(why["without"]), np.array(why["with"])
    assert len(why["days"]) == len(without) == DAYS
    assert without[0, 1] == pytest.approx(126 - 24, abs=4)
    assert np.allclose(without[:4], having[:4])
    assert having[4, 1] - without[4, 1] == pytest.approx(centre["quantity"], abs=8)


def test_warehouse_that_is_short_shares_out_what_it_has(chain: sa.Engine) -> None:
    stocked(chain, WH=14, S1=1, S2=12, S3=1)
    found = propose(chain)
    # two packs of 6, to those that lack most
    assert {shop: found[shop]["quantity"] for shop in SHOPS if shop in found} == {"S1": 6, "S3": 6}
    assert found["S1"]["explanation"]["sentence"].endswith("; WH has 14 of 36 asked for: order 6")
    with chain.connect() as connection:
        detail = connection.execute(sa.text("SELECT detail FROM order_runs")).scalar_one()
    assert detail["waiting"]["WH"].startswith("WH has too little of 1 product: ")
    # its own customers come first: they take 20 or so until the mill delivers
    sells = propose(chain, **dict.fromkeys(SHOPS, 8.0), WH=6.0)
    assert sum(sells[shop]["quantity"] for shop in SHOPS if shop in sells) <= 6
    assert "demand of 3 shops and its own customers" in sells["WH"]["explanation"]["sentence"]


def test_a_warehouse_that_was_never_counted_has_none_and_orders(chain: sa.Engine) -> None:
    stocked(chain, S1=1, S2=1, S3=1)
    found = propose(chain)
    assert set(found) == {"WH"}
    assert found["WH"]["explanation"]["notes"] == [
        "its stock was never counted, and counts as none"
    ]
    with chain.connect() as connection:
        (lacks,), _ = list_missing(connection, Defaults())
    assert (lacks["what"], lacks["shelves"]) == ("stock", 1)
    assert lacks["default"] == "none is there until a count or a receipt"
    stocked(chain, WH=40)
    assert {"S1", "S2", "S3"} < set(propose(chain))
    with chain.connect() as connection:
        assert list_missing(connection, Defaults()) == ([], 0)


def test_a_least_order_of_a_warehouse_is_reached_by_what_it_has(chain: sa.Engine) -> None:
    stocked(chain, WH=12, S1=1, S2=1, S3=1)
    found = propose(chain)
    assert sum(found[shop]["quantity"] for shop in SHOPS if shop in found) == 12
    with chain.begin() as connection:
        put(connection, "suppliers", supplier="depot", location="WH", lead_days=1, minimum_units=30)
    # shops ask for more than 30: a lorry does not leave for 12 of them
    assert not set(SHOPS) & set(propose(chain))


def test_goods_that_a_warehouse_has_not_take_no_room(chain: sa.Engine) -> None:
    stocked(chain, S1=1)
    with chain.begin() as connection:
        put_products(connection, [ProductIn("B", name="Bread", price="3", currency="EUR")])
        put(connection, "suppliers", supplier="baker", currency="EUR", lead_days=1)
        put(connection, "supplier-products", supplier="baker", product="B", price=1, pack=6)
        put(connection, "receiving-limits", location="S1", units_a_day=12)
    stocked(chain, product="B", S1=1)
    read = futures({"S1": 8.0}, products=("A", "B"))
    propose_today(chain, read, today=TODAY, defaults=Defaults(), by="test")
    with chain.connect() as connection:
        found = {
            line["product"]: line["quantity"]
            for line in list_lines(connection).lines
            if line["location"] == "S1"
        }
    assert found == {"B": 12}


def test_what_a_shop_has_no_room_for_is_shared_out_again(chain: sa.Engine) -> None:
    stocked(chain, WH=24, S1=1, S2=1, S3=1)
    asked = {shop: line["quantity"] for shop, line in propose(chain).items() if shop in SHOPS}
    assert sum(asked.values()) == 24
    with chain.begin() as connection:
        put(connection, "receiving-limits", location="S1", units_a_day=1)
    found = {shop: line["quantity"] for shop, line in propose(chain).items() if shop in SHOPS}
    assert "S1" not in found
    assert sum(found.values()) == 24


def test_a_least_order_goes_to_those_whom_it_serves_best(chain: sa.Engine) -> None:
    with chain.begin() as connection:
        put(connection, "supplier-products", supplier="depot", product="A", pack=6, minimum=24)
    stocked(chain, WH=40, S1=9, S2=1, S3=9)
    found = propose(chain)
    assert {shop: found[shop]["quantity"] for shop in SHOPS if shop in found} == {"S2": 24}


def test_a_goal_of_all_lines_holds_for_a_warehouse_with_the_spread_of_its_shops(
    chain: sa.Engine,
) -> None:
    stocked(chain, WH=14, S1=1, S2=12, S3=1)
    with chain.begin() as connection:
        put(connection, "service-targets", measure="total_fill_rate", target=0.995)
    steady, wild = (
        propose_lines(chain, futures(dict.fromkeys(SHOPS, 8.0), sold=spread))
        for spread in (1.0, 8.0)
    )
    assert steady["WH"]["quantity"] < wild["WH"]["quantity"]
    for found in (steady, wild):
        assert sum(found[shop]["quantity"] for shop in SHOPS if shop in found) == 12
        assert "all that WH sells" in found["WH"]["explanation"]["from"]["target"]


def test_what_a_warehouse_lacks_may_come_from_another_shop(chain: sa.Engine) -> None:
    stocked(chain, WH=500, S1=900, S2=1, S3=1)
    propose(chain)
    with chain.connect() as connection:
        assert list_moves(connection) == [], "the warehouse has enough"
    recorder = Recorder(chain, Settings())
    sold = raw(kind="sale", event_id="gone", product="A", location="WH", quantity=500)
    assert recorder.record("till", "", [sold])[0].name == "accepted"
    found = propose(chain)
    with chain.connect() as connection:
        moves = list_moves(connection)
    assert {(move["source"], move["target"]) for move in moves} == {("S1", "S2"), ("S1", "S3")}
    assert "S2" not in found


def test_a_closed_warehouse_orders_for_its_shops_and_its_calendar_counts(chain: sa.Engine) -> None:
    stocked(chain, WH=1, S1=10, S2=10, S3=10)
    with chain.begin() as connection:
        # today is a Monday: what the mill brings on Thursday leaves on Friday, arrives on Saturday, and lasts a week
        put(connection, "suppliers", supplier="depot", location="WH", lead_days=1, order_days="fri")
    found = propose(chain)
    assert set(found) == {"WH"}
    assert found["WH"]["explanation"]["sentence"].startswith("12 days' demand of 3 shops 2")


@pytest.mark.parametrize("onward", [1, 4])
@pytest.mark.parametrize("days", [None, "fri"])
def test_what_a_warehouse_has_ordered_is_not_ordered_again(
    chain: sa.Engine, onward: int, days: str | None
) -> None:
    with chain.begin() as connection:
        put(
            connection,
            "suppliers",
            supplier="depot",
            location="WH",
            lead_days=onward,
            order_days=days,
        )
    # the shops are empty: what comes is wanted before it can be there
    recorder = stocked(chain, WH=1, S1=1, S2=1, S3=1)
    found = propose(chain)
    line = found["WH"]
    approve = {line["line_id"]: Decision("approve", "anna", line["version"])}
    with chain.begin() as connection:
        (done,) = Desk(recording(recorder)).decide(connection, approve, today=TODAY)
    assert done.line.state == "ordered"
    assert "WH" not in propose(chain)


def test_from_terms_to_arrival(chain: sa.Engine) -> None:
    recorder = stocked(chain, WH=96, S1=10, S2=10, S3=10)
    found = propose(chain)
    desk = Desk(recording(recorder), second_from_micros=0)
    decisions = {
        line["line_id"]: Decision("approve", "anna", line["version"]) for line in found.values()
    }
    for _ in range(2):
        with chain.begin() as connection:
            decided = {
                one.line.location: one
                for one in desk.decide(connection, decisions, request="m", today=TODAY)
            }
    # money needs two people, our own goods do not
    assert decided["WH"].line.state == "waiting"
    transfers = {decided[shop].line.order_id for shop in SHOPS}
    (transfer,) = transfers
    assert str(transfer).startswith("TR-")
    sent = {shop: found[shop]["quantity"] for shop in SHOPS}
    assert stock(chain)["WH"] == (96 - sum(sent.values()), 0.0)
    assert {shop: stock(chain)[shop] for shop in SHOPS} == {
        shop: (10.0, sent[shop]) for shop in SHOPS
    }
    with chain.begin() as connection:
        expected = connection.execute(
            sa.text("SELECT DISTINCT expected_on FROM commitments WHERE purpose = 'in_transit'")
        ).scalar_one()
        assert expected == TODAY + timedelta(days=1)
        with pytest.raises(
            NotFound, match="A transfer from a location of your own has no such order"
        ):
            read_order(connection, str(transfer))
        ordered = {one["location"]: one for one in list_lines(connection, state="ordered").lines}
    assert ordered["S1"]["expected_on"] is not None
    # the need is met, and on its way: nothing is asked for again but by the warehouse
    again = propose(chain)
    assert set(again) == {"WH"}
    assert again["WH"]["proposed"] == found["WH"]["quantity"], (
        "what is in transit is of its echelon"
    )

    # all of the first, half of the second, nothing of the third
    arrives = {"S1": sent["S1"], "S2": sent["S2"] / 2}
    for shop, units in arrives.items():
        came = raw(
            kind="arrival",
            event_id=f"a {shop}",
            product="A",
            location=shop,
            quantity=units,
            transfer_id=f"{ordered[shop]['order_id']}-{ordered[shop]['order_line']}",
        )
        assert recorder.record("dock", "", [came])[0].name == "accepted"
    assert stock(chain)["S1"] == (10 + sent["S1"], 0.0)
    with chain.begin() as connection:
        lines = {
            one["location"]: one
            for state in ("received", "ordered")
            for one in list_lines(connection, state=state).lines
        }
        assert {shop: lines[shop]["received"] for shop in SHOPS} == {**arrives, "S3": 0.0}
        cancel = {
            lines[shop]["line_id"]: Decision(
                "cancel", "ben", lines[shop]["version"], reason="flood"
            )
            for shop in SHOPS
        }
        done = {one.line.location: one for one in desk.decide(connection, cancel)}
    refused = done["S1"].error
    assert isinstance(refused, Conflict)
    assert refused.code == "line_received"
    assert {done[shop].line.state for shop in ("S2", "S3")} == {"cancelled"}
    # what has not arrived is where it came from, and nothing is in transit
    assert stock(chain)["WH"][0] == 96 - sum(arrives.values())
    assert stock(chain) | {"WH": None} == {
        "WH": None,
        **{shop: (10 + arrives.get(shop, 0.0), 0.0) for shop in SHOPS},
    }


def test_a_warehouse_sends_no_more_than_it_has(chain: sa.Engine) -> None:
    recorder = stocked(chain, WH=96, S1=10, S2=10, S3=10)
    found = propose(chain)
    left = sum(found[shop]["quantity"] for shop in SHOPS) - 6
    sold = raw(kind="sale", event_id="s", product="A", location="WH", quantity=96 - left)
    assert recorder.record("till", "", [sold])[0].name == "accepted"
    decisions = {
        found[shop]["line_id"]: Decision("approve", "anna", found[shop]["version"])
        for shop in SHOPS
    }
    with chain.begin() as connection:
        decided = Desk(recording(recorder)).decide(connection, decisions)
    refused = [one for one in decided if one.error is not None]
    assert [one.error.code for one in refused if one.error] == ["source_short"]
    assert refused[0].line.state == "proposed"
    assert stock(chain)["WH"][0] == left - sum(
        (one.line.ordered_milli or 0) / 1000 for one in decided if one.error is None
    )


@pytest.mark.parametrize("rest", [None, "lost"])
def test_a_transfer_that_came_short_is_closed(chain: sa.Engine, rest: Rest | None) -> None:
    recorder = stocked(chain, WH=96, S1=10, S2=10, S3=10)
    found = propose(chain)
    desk, line = Desk(recording(recorder)), found["S1"]
    with chain.begin() as connection:
        (sent,) = desk.decide(
            connection, {line["line_id"]: Decision("approve", "anna", line["version"])}
        )
    units = line["quantity"]
    arrive(recorder, "a1", "S1", 1, sent.line.transfer_id)
    cancel = Decision("cancel", "ben", sent.line.version, reason="theft", rest=rest)
    with chain.begin() as connection:
        (done,) = desk.decide(connection, {line["line_id"]: cancel}, request="c")
    back = 0 if rest else units - 1
    assert done.line.state == "cancelled"
    assert done.note == (
        f"{units - 1:.0f} of A were written off at WH."
        if rest
        else f"{units - 1:.0f} of A are in WH's stock again."
    )
    assert stock(chain)["S1"] == (11, 0.0)
    assert stock(chain)["WH"][0] == 96 - units + back
    assert_folded(chain)
    # what turns up after all is counted where it comes to
    arrive(recorder, "a2", "S1", 2, sent.line.transfer_id)
    assert stock(chain)["S1"] == (13, 0.0)
    # of a purchase nothing is in anybody's stock
    with chain.begin() as connection:
        centre = found["WH"]
        asked = Decision("approve", "anna", centre["version"], rest="lost")
        (refused,) = desk.decide(connection, {centre["line_id"]: asked})
    assert refused.error is not None
    assert refused.error.code == "rest"


def test_what_is_ordered_for_its_shops_meanwhile_counts_against_a_warehouse(
    chain: sa.Engine,
) -> None:
    recorder = stocked(chain, WH=96, S1=10, S2=10, S3=10)
    found = propose(chain)
    desk = Desk(recording(recorder))
    shop, centre = found["S1"], found["WH"]
    told = {"product": "A", "location": "S2", "order_id": "X", "quantity": 40}
    order = raw(kind="order", event_id="x", **told)
    with chain.begin() as connection:
        # what it sends itself takes no need away
        desk.decide(connection, {shop["line_id"]: Decision("approve", "anna", shop["version"])})
        with connection.begin_nested() as undone:
            approve = {centre["line_id"]: Decision("approve", "anna", centre["version"])}
            (done,) = desk.decide(connection, approve)
            assert done.line.state == "ordered"
            undone.rollback()
    assert recorder.record("office", "", [order])[0].name == "accepted"
    with chain.begin() as connection:
        (refused,) = desk.decide(connection, approve)
        assert isinstance(refused.error, Conflict)
        assert refused.error.code == "ordered_elsewhere"
        assert "40 more of A have come on order for WH or its shops" in refused.error.message
    correction = raw(kind="correction", event_id="y", corrects_id="x")
    assert recorder.record("office", "", [correction])[0].name == "accepted"
    with chain.begin() as connection:
        (done,) = desk.decide(connection, approve)
    assert done.line.state == "ordered"


def test_lots_travel_with_the_goods(chain: sa.Engine) -> None:
    recorder = stocked(chain, S1=10, S2=10, S3=10)
    days = {"old": "2026-03-01", "late": "2026-03-20", "soon": "2026-03-05"}
    goods = [
        receipt(lot, "WH", many, lot=lot, expires_on=days[lot])
        for lot, many in (("old", 50), ("late", 60), ("soon", 8))
    ]
    assert {one.name for one in recorder.record("dock", "", goods)} == {"accepted"}
    found = propose(chain)
    # what has expired is neither here nor sent
    assert "have 68 here" in found["WH"]["explanation"]["sentence"]
    assert found["WH"]["explanation"]["notes"] == ["50 in stock have expired, and do not count"]
    line = found["S1"]
    with chain.begin() as connection:
        change = Decision("change", "anna", line["version"], reason="more", quantity_milli=72_000)
        desk = Desk(recording(recorder))
        (more,) = desk.decide(connection, {line["line_id"]: change}, today=TODAY)
        approve = Decision("approve", "anna", more.line.version)
        (short,) = desk.decide(connection, {line["line_id"]: approve}, today=TODAY)
        assert short.error is not None
        assert short.error.code == "source_short"
        less = Decision("change", "anna", more.line.version, reason="less", quantity_milli=30_000)
        (more,) = desk.decide(connection, {line["line_id"]: less}, today=TODAY)
        approve = Decision("approve", "anna", more.line.version)
        (sent,) = desk.decide(connection, {line["line_id"]: approve}, today=TODAY)
    assert sent.error is None
    assert lots(chain, "WH") == {"old": 50, "soon": 0, "late": 38}
    transfer = sent.line.transfer_id
    # an arrival that names no lot brings those that were sent, the first to expire first
    arrive(recorder, "a1", "S1", 5, transfer)
    assert lots(chain, "S1") == {"soon": 5, "late": 0}
    arrive(recorder, "a2", "S1", 10, transfer)
    assert lots(chain, "S1") == {"soon": 8, "late": 7}
    assert_folded(chain)
    arrive(recorder, "a3", "S1", 4, transfer, lot="late")
    assert lots(chain, "S1") == {"soon": 8, "late": 11}
    assert expiry(chain, "S1") == {"soon": date(2026, 3, 5), "late": date(2026, 3, 20)}
    assert_folded(chain)
    cancel = Decision("cancel", "ben", sent.line.version, reason="flood")
    with chain.begin() as connection:
        (done,) = desk.decide(connection, {line["line_id"]: cancel})
    assert done.error is None
    assert lots(chain, "WH") == {"old": 50, "soon": 0, "late": 49}
    assert lots(chain, "S1") == {"soon": 8, "late": 11}
    assert_folded(chain)


def receipt(event_id: str, location: str, quantity: float, **more: Any) -> bytes:
    told = {"product": "A", "location": location, "quantity": quantity, **more}
    return raw(kind="receipt", event_id=event_id, **told)


def arrive(
    recorder: Recorder, event_id: str, location: str, quantity: float, transfer: str, **more: Any
) -> None:
    told = {"product": "A", "location": location, "quantity": quantity, **more}
    came = raw(kind="arrival", event_id=event_id, transfer_id=transfer, **told)
    assert recorder.record("dock", "", [came])[0].name == "accepted"


def lots(engine: sa.Engine, code: str) -> dict[str, float]:
    return {lot: units for lot, units, _ in _lots(engine, code)}


def expiry(engine: sa.Engine, code: str) -> dict[str, date | None]:
    return {lot: day for lot, _, day in _lots(engine, code)}


def _lots(engine: sa.Engine, code: str) -> list[Any]:
    query = sa.text(
        "SELECT lot, on_hand_milli / 1000.0::float8, expires_on FROM lots JOIN locations USING (location_id)"
        " WHERE code = :code"
    )
    with engine.connect() as connection:
        return list(connection.execute(query, {"code": code}))


def assert_folded(engine: sa.Engine) -> None:
    """Stock, lots and what is in transit are what the ledger adds up to."""
    assert not any(ledger_faults(engine).values())


def stock(engine: sa.Engine) -> dict[str, tuple[float, float]]:
    """Return on hand and in transit by location."""
    query = sa.text(
        "SELECT code, stock.on_hand_milli / 1000.0, in_transit_milli / 1000.0 FROM stock"
        " JOIN locations USING (location_id) JOIN stock_position USING (product_id, location_id)"
    )
    with engine.connect() as connection:
        return {code: (float(here), float(way)) for code, here, way in connection.execute(query)}

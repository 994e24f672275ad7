"""Page Orders: what is proposed, why, and what a buyer makes of it."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from dashboard.orders.chart import WITH, WITHOUT, empty_day, stock_frame
from dashboard.orders.desk import read_all
from dashboard.orders.line import approval_words, price_words
from purchasing.desk.proposals import Proposal, put_proposals, see
from tests.conftest import Api
from tests.dashboard.conftest import Dashboard, text_of
from tests.ingest.samples import raw

LINES = {"content-type": "application/x-ndjson"}

WAITS = "baker takes orders from EUR 50 on; EUR 20 are needed today"
WHY: dict[str, Any] = {
    "sentence": "6 days' demand 60 ± 7; a fill rate of 95 % needs 54; have 20 on hand; order 34 = 3 packs of 12 = 36",
    "data": {"pack": 12.0, "on_hand": 20.0},
    "doubt": {"chance": 0.83, "days_without": 19},
    "sells_in": "EUR",
    "from": {"supplier": "terms", "lead": "promised: 3 days"},
    "overrides": [{"change": "percent", "value": 15.0, "from": "2026-03-02", "to": "2026-03-03", "by": "ben",
                   "reason": "local_event", "note": "Fair"}],
    "days": ["2026-03-02", "2026-03-03", "2026-03-04"],
    "with": [[8, 10, 12], [0, 0, 2], [26, 28, 30]],
    "without": [[8, 10, 12], [0, 0, 2], [0, 0, 0]],
}  # fmt: skip


@pytest.fixture
def desk(api: Api, database: sa.Engine, before_api: Dashboard) -> Dashboard:
    """Two proposals to the mill."""
    products = [{"sku": "A", "name": "Apples"}, {"sku": "B"}]
    api.operate.put("/v1/products", json={"products": products}).raise_for_status()
    api.operate.put("/v1/locations", json={"locations": [{"code": "S1"}]}).raise_for_status()
    suppliers = [{"supplier": "mill", "name": "The mill", "minimum_value": 60, "cutoff": "16:00"}]
    api.operate.put("/v1/terms/suppliers", json={"suppliers": suppliers}).raise_for_status()
    needs = [
        Proposal("mill", sku, "S1", 36_000, WHY, 9_000_000 - number, price_micros=1_500_000, currency="EUR")
        for number, sku in enumerate("AB")
    ]  # fmt: skip
    with database.begin() as connection:
        seen = replace(see(connection), detail={"waiting": {"baker": WAITS}})
        put_proposals(connection, seen, needs, by="run")
    return before_api


def first_line(api: Api) -> str:
    return str(api.read.get("/v1/orders").json()["lines"][0]["line_id"])


def test_lines_are_shown_with_their_sentence_and_cost(desk: Dashboard) -> None:
    drawn = desk.draw("orders")
    assert [metric.value for metric in drawn.metric] == ["2", "EUR 108.00", "EUR 18.00"]
    assert f"{WAITS}; some lines wait." in text_of(drawn)
    (table,) = drawn.dataframe
    assert table.value["why"].tolist() == [WHY["sentence"]] * 2
    assert table.value["product"].tolist() == ["Apples", "B"]
    assert drawn.selectbox(key="orders.supplier").options == [
        "All suppliers",
        "The mill · 2 lines · EUR 108.00 · minimum met · order by 16:00",
    ]


def test_page_says_why_a_line_needs_a_person_and_which_rule_approved_one(
    desk: Dashboard, api: Api
) -> None:
    assert "needs" not in desk.draw("orders").dataframe[0].value
    rule = {"approval_rules": [{"supplier": "mill", "amount": 50, "change": 0.3}]}
    api.operate.put("/v1/terms/approval-rules", json=rule).raise_for_status()
    drawn = desk.draw("orders", line=first_line(api))
    assert drawn.dataframe[0].value["needs"].tolist() == ["above 50 EUR"] * 2
    assert "A person is asked: above 50 EUR." in text_of(drawn)
    by_rule = {"approved_by": "rule supplier mill", "why_not": None}
    assert "Approved by rule supplier mill: no person" in approval_words(by_rule)
    assert approval_words({"approved_by": "anna", "why_not": None}) == ""


def test_file_of_the_list_has_every_line(desk: Dashboard, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = read_all(desk.reader, state="open")
    monkeypatch.setattr("dashboard.orders.desk.READ_MAX", 1)
    assert [line["product"] for line in everything] == ["A", "B"]
    assert read_all(desk.reader, state="open") == everything


def test_a_line_is_explained_and_approved(desk: Dashboard, api: Api) -> None:
    line = first_line(api)
    drawn = desk.draw("orders", role="buyer", line=line)
    assert "ben changed the forecast" in text_of(drawn)
    assert drawn.header[0].value == "Apples for S1"
    assert WHY["sentence"] in text_of(drawn)
    assert "Lead time: promised" in text_of(drawn)
    assert "nothing sold on 19 days in stock" in drawn.warning[0].value
    assert "a chance of 83%" in drawn.warning[0].value
    assert "empty on Tue 3 Mar without the order" in text_of(drawn)
    drawn.button(key=f"orders.{line}.1.approve").click().run()
    assert drawn.success[0].value.startswith("1 line approved; on order as PO")
    (row,) = api.read.get("/v1/stock", params={"product": "A"}).json()["stock"]
    assert row["on_order"] == 36.0


def test_a_transfer_is_shown_as_one_and_sent(
    desk: Dashboard, api: Api, database: sa.Engine
) -> None:
    api.operate.put("/v1/locations", json={"locations": [{"code": "WH", "name": "Depot"}]})
    came = raw(kind="receipt", location="WH", quantity=40)
    api.operate.post("/v1/events", content=came, headers=LINES).raise_for_status()
    assert "source" not in desk.draw("orders").dataframe[0].value
    why = {**WHY, "data": {**WHY["data"], "shops": 3}}
    sent = Proposal("depot", "A", "S1", 36_000, why, 9_000_000, source="WH")
    with database.begin() as connection:
        put_proposals(connection, see(connection), [sent], by="run")
    line = first_line(api)
    drawn = desk.draw("orders", role="buyer", line=line)
    assert drawn.dataframe[0].value["source"].tolist() == ["Depot"]
    assert [metric.value for metric in drawn.metric][:2] == ["1", "nothing"]
    assert "A transfer from Depot, not a purchase" in text_of(drawn)
    assert "at S1 and in 3 shops" in text_of(drawn)
    drawn.button(key=f"orders.{line}.2.approve").click().run()
    assert drawn.success[0].value.startswith("1 line approved; in transit as TR")
    stock = api.read.get("/v1/stock", params={"product": "A"}).json()["stock"]
    assert {row["location"]: (row["on_hand"], row["in_transit"]) for row in stock} == {
        "S1": (None, 36.0),
        "WH": (4.0, 0.0),
    }
    drawn = desk.draw("orders", role="buyer", state="ordered", line=line)
    assert "Sent as TR" in text_of(drawn)
    # that of the list: nobody gets a purchase order
    assert len(drawn.get("download_button")) == 1


def test_a_changed_number_needs_a_reason_and_stays(desk: Dashboard, api: Api) -> None:
    line = first_line(api)
    drawn = desk.draw("orders", role="buyer", line=line)
    drawn.number_input(key=f"orders.{line}.1.quantity").set_value(48.0).run()
    assert drawn.button(key=f"orders.{line}.1.approve").disabled
    drawn.button(key=f"orders.{line}.1.change").click().run()
    assert "Say why line" in drawn.warning[0].value
    drawn.number_input(key=f"orders.{line}.1.quantity").set_value(48.0)
    drawn.text_input(key=f"orders.{line}.1.reason").set_value("street party")
    drawn.run()
    drawn.button(key=f"orders.{line}.1.change").click().run()
    assert drawn.success[0].value == "1 line changed."
    assert "A buyer set 48; 36 are proposed, and the chart is of these." in text_of(drawn)


def test_a_line_is_split_and_what_sleeps_is_woken_by_hand(desk: Dashboard, api: Api) -> None:
    line = first_line(api)
    drawn = desk.draw("orders", role="buyer", line=line)
    assert drawn.button(key=f"orders.{line}.1.split").disabled
    drawn.number_input(key=f"orders.{line}.1.quantity").set_value(24.0).run()
    drawn.button(key=f"orders.{line}.1.split").click().run()
    assert drawn.success[0].value.startswith("1 line split; on order as PO")
    (rest,) = api.read.get("/v1/orders", params={"state": "snoozed"}).json()["lines"]
    assert rest["quantity"] == 12.0
    drawn = desk.draw("orders", role="buyer", state="snoozed", line=str(rest["line_id"]))
    drawn.button(key=f"orders.{rest['line_id']}.{rest['version']}.wake").click().run()
    assert drawn.success[0].value == "1 line open again."
    open_ones = api.read.get("/v1/orders").json()["lines"]
    assert rest["line_id"] in [one["line_id"] for one in open_ones]


def test_all_lines_of_a_supplier_are_approved_at_once(desk: Dashboard, api: Api) -> None:
    drawn = desk.draw("orders", role="buyer")
    drawn.selectbox(key="orders.supplier").set_value("mill").run()
    drawn.button(key="orders.approve_all").click().run()
    assert drawn.success[0].value.startswith("2 lines approved; on order as PO")
    assert "Nothing to order." in drawn.info[0].value
    assert api.read.get("/v1/orders", params={"state": "ordered"}).json()["found"] == 2


def test_an_ordered_line_is_cancelled_with_a_reason(desk: Dashboard, api: Api) -> None:
    line = first_line(api)
    drawn = desk.draw("orders", role="buyer", line=line)
    drawn.button(key=f"orders.{line}.1.approve").click().run()
    ordered = desk.draw("orders", role="buyer", line=line, state="ordered")
    assert "Ordered as PO" in text_of(ordered)
    assert [one.proto.label for one in ordered.get("download_button")][1:] == [
        "PO-1 as CSV",
        "PO-1 as PDF",
    ]
    ordered.text_input(key=f"orders.{line}.2.reason").set_value("none left").run()
    ordered.button(key=f"orders.{line}.2.cancel").click().run()
    assert ordered.success[0].value == "1 line cancelled."
    (row,) = api.read.get("/v1/stock", params={"product": "A"}).json()["stock"]
    assert row["on_order"] == 0.0


def test_lines_come_in_pages_and_one_after_the_other(
    desk: Dashboard, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (str(one["line_id"]) for one in api.read.get("/v1/orders").json()["lines"])
    drawn = desk.draw("orders", role="buyer", sort="product")
    drawn.button(key="orders.step.J").click().run()
    assert drawn.header[0].value == "Apples for S1"
    drawn.button(key="orders.step.J").click().run()
    assert drawn.header[0].value == "B for S1"
    drawn.button(key="orders.step.K").click().run()
    drawn.button(key=f"orders.{first}.1.approve").click().run()
    assert drawn.header[0].value == "B for S1"
    assert drawn.query_params["line"] == second
    for module in ("page", "steps"):
        monkeypatch.setattr(f"dashboard.orders.{module}.PAGE_ROWS", 1)
    api.operate.post(
        "/v1/orders", json={"decisions": [{"line": int(second), "seen": 1, "action": "approve"}]}
    )
    drawn = desk.draw("orders", state="ordered")
    assert "Page 1 of 2" in text_of(drawn)
    assert drawn.metric[0].value == "2"
    drawn.button(key="orders.step.N").click().run()
    assert "Page 2 of 2" in text_of(drawn)
    assert len(drawn.dataframe[0].value) == 1


def test_viewer_reads_and_decides_nothing(desk: Dashboard, api: Api) -> None:
    drawn = desk.draw("orders", role="viewer", line=first_line(api))
    assert "Buyers, planners and operators decide on orders." in text_of(drawn)
    keys = [button.key for button in drawn.button if button.key]
    assert {key for key in keys if key.startswith("orders.")} == {"orders.step.J", "orders.step.K"}


def test_stock_of_the_chart_is_that_of_the_line() -> None:
    line = {"explanation": WHY}
    frame = stock_frame(line)
    assert frame[frame["order"] == WITH]["middle"].tolist() == [10, 0, 28]
    assert frame[frame["order"] == WITHOUT]["high"].tolist() == [12, 2, 0]
    assert empty_day(line) == pd.Timestamp("2026-03-03")


def test_who_approves_beside_another_reads_who_set_the_price() -> None:
    line = {"price": 0.1, "currency": "EUR"}
    assert price_words({**line, "price_set": None}) == ""
    lately = {"by": "anna", "at": "2026-11-30T16:35:00+00:00", "before": 1.5}
    said = price_words({**line, "price_set": lately})
    assert said.endswith("Price 0.1 EUR: anna set one on 2026-11-30, it was 1.5 before.")
    first = price_words({**line, "price_set": {**lately, "before": None}})
    assert first.endswith("no price was known before.")


def test_moves_come_before_what_is_bought_and_are_sent(
    desk: Dashboard, api: Api, database: sa.Engine
) -> None:
    assert not desk.draw("orders", role="buyer").expander
    places = [{"code": "S2", "name": "Harbour"}]
    api.operate.put("/v1/locations", json={"locations": places}).raise_for_status()
    sent = raw(kind="receipt", event_id="r2", product="A", location="S2", quantity=90)
    api.operate.post("/v1/events", content=sent, headers=LINES).raise_for_status()
    move = {"product": "A", "source": "S2", "target": "S1", "units": 24.0, "worth": 36.0, "currency": "EUR",
            "wanted": 36.0}  # fmt: skip
    with database.begin() as connection:
        put_proposals(connection, replace(see(connection), detail={"moves": [move]}), [], by="run")
    drawn = desk.draw("orders", role="buyer")
    (panel,) = drawn.expander
    assert panel.label == "Move before you buy: 1 move of goods that cost EUR 36.00"
    (moves,) = panel.dataframe
    assert moves.value[["product", "from", "to", "state"]].to_numpy().tolist() == [
        ["Apples", "Harbour", "S1", "proposed"]
    ]
    drawn.button(key="orders.moves.send").click().run()
    assert drawn.success[0].value.startswith("1 move sent.")
    (row,) = api.read.get("/v1/stock", params={"product": "A", "location": "S1"}).json()["stock"]
    assert row["in_transit"] == 24.0
    assert drawn.expander[0].label == "1 move between shops sent"
    assert drawn.expander[1].label == "1 move under way between shops"
    came = raw(kind="arrival", event_id="a", product="A", quantity=20, transfer_id="MV-2-1")
    api.operate.post("/v1/events", content=came, headers=LINES).raise_for_status()
    drawn = desk.draw("orders", role="buyer")
    drawn.selectbox(key="orders.under_way.move").select("MV-2-1").run()
    drawn.radio(key="orders.under_way.MV-2-1.rest").set_value("lost").run()
    drawn.text_input(key="orders.under_way.MV-2-1.reason").input("stolen").run()
    drawn.button(key="orders.under_way.close").click().run()
    assert drawn.success[0].value == "4 of A were written off at S2."
    (panel,) = drawn.expander
    assert panel.dataframe[0].value["state"].tolist() == ["closed"]

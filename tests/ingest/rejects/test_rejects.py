import base64
import json
import os
import pwd
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from ingest.recording.recording import Recorder
from ingest.rejects.attempts import Audit, Edit
from ingest.rejects.payload import edited, kind_of, shown, value_at
from ingest.rejects.rejects import Wanted
from ingest.rejects.replay import CALL_MAX, Replayer
from stocktide.entrypoints.cli.rejects import edit_of
from stocktide.entrypoints.cli.rejects import rejects as commands
from stocktide.foundation.database import create_engine
from stocktide.foundation.errors import Conflict, Invalid, Transient
from stocktide.foundation.keys import Limits, create_key
from stocktide.foundation.settings import Settings
from tests.conftest import Api
from tests.ingest.epcis.documents import document
from tests.ingest.epcis.documents import event as epcis_event
from tests.ingest.samples import event, raw

BATCH = {"content-type": "application/cloudevents-batch+json"}
STRUCTURED = {"content-type": "application/cloudevents+json"}
BY = Audit("replay", "anna", "the product is known now")


@pytest.fixture
def shop(api: Api) -> Api:
    """Products A and MILK-1L at S1 and S2; ten of A are there."""
    products = [{"sku": "A"}, {"sku": "MILK-1L"}, {"sku": "BREAD"}]
    api.ingest.put("/v1/products", json={"products": products}).raise_for_status()
    places = [{"code": "S1"}, {"code": "S2"}]
    api.ingest.put("/v1/locations", json={"locations": places}).raise_for_status()
    send(api, event("receipt", "opening", quantity=10))
    return api


def send(api: Api, *events: dict[str, Any]) -> list[str]:
    answer = api.ingest.post("/v1/events", content=json.dumps(events).encode(), headers=BATCH)
    return [outcome["outcome"] for outcome in answer.json()["outcomes"]]


def send_raw(api: Api, body: bytes, headers: dict[str, str] = STRUCTURED) -> None:
    assert api.ingest.post("/v1/events", content=body, headers=headers).status_code in (400, 409)


def rejects(api: Api, **filters: Any) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = api.read.get("/v1/rejects", params=filters).json()["rejects"]
    return listed


def one(api: Api, reject_id: int) -> dict[str, Any]:
    answer = api.operate.get(f"/v1/rejects/{reject_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ask(api: Api, route: str, **body: Any) -> httpx.Response:
    return api.operate.post(f"/v1/rejects/{route}", json=body)


def on_hand(api: Api, product: str = "A", location: str = "S1") -> float | None:
    rows = api.read.get("/v1/stock", params={"product": product, "location": location}).json()
    return rows["stock"][0]["book"] if rows["stock"] else None


def milk(event_id: str, **data: Any) -> dict[str, Any]:
    return event("sale", event_id, **{"product": "milk-1l", **data})


# -- looking


def test_rejects_are_listed_newest_first_without_what_was_sent(shop: Api) -> None:
    send(shop, milk("m1"), milk("m2", location="S9"), event("sale", "z", quantity=0))
    send_raw(shop, b"{no event")
    listed = rejects(shop)
    assert [row["reason"] for row in listed] == [
        "malformed_json", "not_positive", "unknown_product", "unknown_product",
    ]  # fmt: skip
    assert {"raw", "mended"}.isdisjoint(listed[0])
    assert {row["event_id"] for row in rejects(shop, reason="unknown_product")} == {"m1", "m2"}
    assert rejects(shop, field="", state="open")[0]["reason"] == "malformed_json"
    assert rejects(shop, source="elsewhere") == rejects(shop, state="dropped") == []
    assert rejects(shop, feed="test ingest", since="2099-01-01T00:00:00Z") == []
    assert len(rejects(shop, source="/shops/S1/till")) == 3


def test_rejects_are_paged_each_once(shop: Api) -> None:
    send(shop, *[milk(f"m{n}") for n in range(3)])
    for limit in (1, 2, 3, 4):
        seen: list[str] = []
        before: int | None = 2**63 - 1
        while before is not None:
            page = shop.read.get("/v1/rejects", params={"before": before, "limit": limit}).json()
            seen += [row["event_id"] for row in page["rejects"]]
            before = page["next"]
        assert sorted(seen) == ["m0", "m1", "m2"]


def test_groups_count_by_reason_field_feed_and_source(shop: Api) -> None:
    send(shop, milk("m1"), milk("m2"), milk("m1"), event("sale", "z", location="?"))
    send(shop, milk("m1"))
    body = shop.read.get("/v1/rejects/groups").json()
    groups = {group["reason"]: group for group in body["groups"]}
    assert groups["unknown_product"] | {} == {
        "reason": "unknown_product", "field": "data.product", "feed": "test ingest",
        "source": "/shops/S1/till", "rejects": 2, "times_seen": 3,
        "first_seen_at": groups["unknown_product"]["first_seen_at"],
        "last_seen_at": groups["unknown_product"]["last_seen_at"],
        "sample_id": max(r["reject_id"] for r in rejects(shop, reason="unknown_product")),
        "sample_message": groups["unknown_product"]["sample_message"],
    }  # fmt: skip
    assert body["more"] is False
    assert shop.read.get("/v1/rejects/groups", params={"limit": 1}).json()["more"] is True


def test_one_reject_shows_what_was_sent_why_and_what_is_near(shop: Api) -> None:
    send(shop, milk("m1"), event("sale", "k", location="s1 "), event("sale", "f", qantity=1))
    send(shop, {**event("sale", "t"), "type": "stocktide.sales"})
    found = {row["reason"]: one(shop, row["reject_id"]) for row in rejects(shop)}
    product = found["unknown_product"]
    assert json.loads(product["raw"]["text"]) == milk("m1")
    assert (product["kind"], product["conflict"], product["actions"]) == ("event", None, [])
    assert product["hint"] == {"field": "data.product", "value": "milk-1l", "nearest": ["MILK-1L"]}
    assert found["unknown_location"]["hint"]["nearest"][0] == "S1"
    assert found["unknown_field"]["hint"]["nearest"][0] == "data.quantity"
    assert found["unknown_kind"]["hint"]["nearest"][0] == "stocktide.sale"
    assert shop.operate.get("/v1/rejects/999").json()["code"] == "reject_unknown"


def test_a_conflict_shows_both_payloads_in_the_senders_names(shop: Api) -> None:
    send(shop, event("sale", "s", quantity=2, price="1.50", currency="EUR", customer_id="c1"))
    send(shop, event("sale", "s", minute=1, quantity=3, price="1.5", currency="EUR"))
    conflict = one(shop, rejects(shop, reason="conflict")[0]["reject_id"])["conflict"]
    assert conflict["differing"] == ["time", "data.customer_id", "data.quantity"]
    assert conflict["recorded"]["data.quantity"] == "2"
    assert conflict["refused"]["data.quantity"] == "3"
    assert conflict["recorded"]["data.price"] == conflict["refused"]["data.price"] == "1.5"


def test_an_epcis_conflict_shows_both_payloads(shop: Api) -> None:
    ld = {"content-type": "application/ld+json"}
    for action in ("OBSERVE", "ADD"):
        captured = document(epcis_event(eventID="urn:e:1", action=action))
        shop.ingest.post("/v1/epcis/capture", json=captured, headers=ld).raise_for_status()
    found = one(shop, rejects(shop, reason="conflict")[0]["reject_id"])
    assert found["kind"] == "epcis"
    assert found["conflict"]["differing"] == ["action"]
    assert found["conflict"]["recorded"]["action"] == "OBSERVE"


CONFLICTS: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("transfer", {"quantity": 1}, {"quantity": 2}, ["data.quantity"]),
    ("transfer", {}, {"location": "S2", "to_location": "S1"}, ["data.location", "data.to_location"]),
    ("dispatch", {}, {"transfer_id": "T2"}, ["data.transfer_id"]),
    ("arrival", {}, {"lot": "L"}, ["data.lot"]),
    ("order", {"quantity": "1.5"}, {"supplier": "Z"}, ["data.quantity", "data.supplier"]),
    ("reservation", {}, {"quantity": 2}, ["data.quantity"]),
    ("stocktake", {}, {"counted": 2}, ["data.counted"]),
    ("reading", {"device": "d"}, {"device": "e"}, ["data.device"]),
    ("price", {}, {"promotion": True}, ["data.promotion"]),
    ("receipt", {"expires_on": "2027-01-01"}, {"cost": 2}, ["data.expires_on", "data.cost"]),
    ("correction", {"corrects_id": "opening"}, {"corrects_id": "opening", "reason": "else"}, ["data.reason"]),
]  # fmt: skip


def test_a_conflict_marks_just_the_fields_that_differ(shop: Api) -> None:
    for number, (kind, before, after, differing) in enumerate(CONFLICTS):
        assert send(shop, event(kind, f"c{number}", **before)) == ["accepted"]
        assert send(shop, event(kind, f"c{number}", **after)) == ["conflict"]
        conflict = one(shop, rejects(shop)[0]["reject_id"])["conflict"]
        assert sorted(conflict["differing"]) == sorted(differing), kind


def test_a_payload_that_is_no_text_is_shown_as_base64(shop: Api) -> None:
    body = b'{"specversion": "1.0", "id": "\xff\x00"}'
    send_raw(shop, body)
    found = one(shop, rejects(shop)[0]["reject_id"])
    assert base64.b64decode(found["raw"]["base64"]) == body
    assert found["kind"] == "other"


@pytest.mark.parametrize(
    ("raw_bytes", "feed", "content_type", "kind"),
    [
        (b'{"specversion":"1.0"}', "till", "application/json", "event"),
        (b'{"@context": [], "type": "EPCISDocument"}', "wms", "application/json", "epcis"),
        (b'{"type": "ObjectEvent"}', "wms", "application/ld+json", "epcis"),
        (b"1;2;x", "import sales", "application/cloudevents+json", "row"),
        (b'{"sku": "A"}', "import sales", "application/cloudevents+json", "row"),
        (b"1,2", "files", "text/csv", "row"),
        (b'[{"a":', "till", "application/cloudevents-batch+json", "batch"),
        (b"", "till", "application/x-ndjson", "other"),
        (b"[" * 5_000, "till", "x", "batch"),
        (b'{"temperature": 4}', "mqtt", "application/cloudevents+json", "other"),
    ],
)
def test_kind_of_tells_what_was_sent(
    raw_bytes: bytes, feed: str, content_type: str, kind: str
) -> None:
    assert kind_of(raw_bytes, feed=feed, content_type=content_type) == kind


def test_shown_cuts_no_character_in_two() -> None:
    assert shown("äö".encode(), 3) == {"text": "ä", "bytes": 4, "truncated": True}
    assert shown("äö".encode(), 4) == {"text": "äö", "bytes": 4, "truncated": False}
    assert "base64" in shown(b"\xff" * 9, 4)


def test_edited_leaves_what_is_not_edited_to_the_last_digit() -> None:
    before = b'{"id":"1","data":{"quantity":12345678901234567.1230,"product":"x","odd":1e400}}'
    after = edited(before, {"data.product": "A", "id": "2", "data.odd": None})
    assert after == b'{"id":"2","data":{"quantity":12345678901234567.1230,"product":"A"}}'
    packed = json.dumps({"data_base64": base64.b64encode(b'{"a":1}').decode()}).encode()
    assert json.loads(edited(packed, {"data.b": 2})) == {"data": {"a": 1, "b": 2}}
    assert value_at(packed, "data.a") == 1
    assert value_at(before, "product") == "x"
    assert value_at(b"[]", "id") is None


@pytest.mark.parametrize(
    "edits", [{}, {"data.a.b": 1}, {"a b": 1}, {"x" * 200: 1}, {f"a{n}": 1 for n in range(51)}]
)
def test_edited_refuses_what_is_no_field(edits: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        edited(b'{"id":"1"}', edits)


# -- fixing and replaying


def test_mend_records_the_edited_event_and_links_both_ways(shop: Api) -> None:
    send(shop, milk("m1", quantity=3))
    reject_id = rejects(shop)[0]["reject_id"]
    tried = ask(shop, f"{reject_id}/mend", edits={"data.product": "A"}, dry_run=True).json()
    assert (tried["accepted"], tried["products_changed"]) == (1, 1)
    assert tried["changes"] == [{"product": "A", "location": "S1", "before": 10.0, "after": 7.0}]
    assert (on_hand(shop), one(shop, reject_id)["state"]) == (10.0, "open")
    done = ask(shop, f"{reject_id}/mend", edits={"data.product": "A"}, reason="code", user="anna")
    assert done.json()["accepted"] == 1
    assert on_hand(shop) == 7.0
    kept = one(shop, reject_id)
    assert (kept["state"], kept["outcome"]) == ("replayed", "accepted")
    assert kept["settled_by"] == "anna (key test operate)"
    assert json.loads(kept["raw"]["text"])["data"]["product"] == "milk-1l"
    assert json.loads(kept["mended"]["text"])["data"]["product"] == "A"
    assert [(a["action"], a["outcome"], a["reason"]) for a in kept["actions"]] == [
        ("mend", "accepted", "code")
    ]
    event_now = shop.read.get("/v1/events", params={"source": "/shops/S1/till", "id": "m1"}).json()
    assert event_now["entries"][0]["moved"] == -3.0
    assert [(r["reject_id"], r["became_this_event"]) for r in event_now["refused"]] == [
        (reject_id, True)
    ]
    again = ask(shop, f"{reject_id}/mend", edits={"data.product": "A"}, reason="again")
    assert (again.status_code, again.json()["code"]) == (409, "reject_closed")


def test_mend_that_fails_again_stays_open_with_its_new_reason_and_goes_on_from_there(
    shop: Api,
) -> None:
    send(shop, milk("m1", location="S9"))
    reject_id = rejects(shop)[0]["reject_id"]
    failed = ask(shop, f"{reject_id}/mend", edits={"data.product": "A"}, reason="code").json()
    assert [(f["reason"], f["count"]) for f in failed["failing"]] == [("unknown_location", 1)]
    assert [row["reason"] for row in rejects(shop, state="open")] == ["unknown_location"]
    assert rejects(shop, reason="unknown_product") == []
    edit = {"field": "data.location", "value": "S1"}
    done = ask(shop, "replay", filter={"reason": "unknown_location"}, edit=edit, reason="place")
    assert done.json()["accepted"] == 1
    assert [a["outcome"] for a in one(shop, reject_id)["actions"]] == ["rejected", "accepted"]
    assert on_hand(shop) == 9.0


def test_mend_takes_a_whole_event_for_what_was_none(shop: Api) -> None:
    send_raw(shop, b'{"specversion": "1.0", "id": "cut o')
    reject_id = rejects(shop)[0]["reject_id"]
    refused = ask(shop, f"{reject_id}/mend", edits={"id": "x"}, reason="r")
    assert (refused.status_code, refused.json()["code"]) == (400, "not_an_event")
    still = ask(shop, f"{reject_id}/mend", raw="{}", reason="r")
    assert still.json()["code"] == "not_an_event"
    done = ask(shop, f"{reject_id}/mend", raw=raw(kind="sale").decode(), reason="cut off").json()
    assert done["accepted"] == 1
    assert one(shop, reject_id)["replayed_event_id"] == "e1"


def test_a_conflict_is_fixed_by_an_id_of_its_own(shop: Api) -> None:
    send(shop, event("sale", "s"), event("sale", "s", quantity=4))
    reject_id = rejects(shop)[0]["reject_id"]
    as_it_is = ask(shop, "replay", ids=[reject_id], dry_run=True).json()
    assert (as_it_is["conflict"], as_it_is["pairs_changed"]) == (1, 0)
    done = ask(shop, f"{reject_id}/mend", edits={"id": "s-2"}, reason="two sales").json()
    assert (done["accepted"], on_hand(shop)) == (1, 5.0)
    first = shop.read.get("/v1/events", params={"source": "/shops/S1/till", "id": "s"}).json()
    assert (first["outcome"], first["refused"][0]["reason"]) == ("accepted", "conflict")
    second = shop.read.get("/v1/events", params={"source": "/shops/S1/till", "id": "s-2"}).json()
    assert second["refused"][0]["became_this_event"] is True


def test_replay_of_a_reason_takes_only_what_says_so_and_tells_first(shop: Api) -> None:
    send(
        shop, *[milk(f"m{n}") for n in range(3)], milk("b", product="bread"), milk("q", quantity=0)
    )
    edit = {"field": "data.product", "value": "MILK-1L", "was": "milk-1l"}
    wanted = {"reason": "unknown_product"}
    told = ask(shop, "replay", filter=wanted, edit=edit, dry_run=True).json()
    assert {name: told[name] for name in ("taken", "accepted", "rejected", "left_alone")} == {
        "taken": 4, "accepted": 3, "rejected": 0, "left_alone": 1,
    }  # fmt: skip
    assert told["changes"][0] | {} == {
        "product": "MILK-1L", "location": "S1", "before": 0.0, "after": -3.0
    }  # fmt: skip
    assert on_hand(shop, "MILK-1L") is None
    done = ask(shop, "replay", filter=wanted, edit=edit, reason="codes in small letters").json()
    assert (done["accepted"], done["left_alone"], done["next"]) == (3, 1, None)
    assert on_hand(shop, "MILK-1L") == -3.0
    assert {row["event_id"] for row in rejects(shop, state="open")} == {"b", "q"}


def test_replay_as_it_came_once_the_product_is_known(shop: Api) -> None:
    send(shop, milk("m1"), milk("m2"))
    assert (
        ask(shop, "replay", filter={"reason": "unknown_product"}, dry_run=True).json()["rejected"]
        == 2
    )
    shop.ingest.put("/v1/products", json={"products": [{"sku": "milk-1l"}]}).raise_for_status()
    send(shop, milk("m2"))
    done = ask(shop, "replay", filter={"reason": "unknown_product"}, reason="known now").json()
    assert (done["accepted"], done["duplicate"]) == (1, 1)
    assert on_hand(shop, "milk-1l") == -2.0
    assert {row["outcome"] for row in rejects(shop, state="replayed")} == {"accepted", "duplicate"}


def test_replay_leaves_what_is_no_event_and_says_how_many(shop: Api) -> None:
    send_raw(shop, b"{cut")
    told = ask(shop, "replay", filter={"reason": "malformed_json"}, reason="try").json()
    assert (told["taken"], told["not_events"], told["accepted"]) == (1, 1, 0)
    assert rejects(shop, state="open")[0]["reason"] == "malformed_json"


def test_drop_closes_with_a_reason_and_keeps_everything(shop: Api) -> None:
    send(shop, milk("m1"), milk("m2"))
    ids = [row["reject_id"] for row in rejects(shop)]
    assert ask(shop, "drop", ids=ids[:1], reason=" ").json()["code"] == "reason"
    assert ask(shop, "drop", ids=ids[:1], reason="a test till").json() == {
        "dropped": 1,
        "not_open": 0,
    }
    assert ask(shop, "drop", ids=ids[:1], reason="again").json()["code"] == "reject_closed"
    assert ask(shop, "drop", ids=[*ids, 999], reason="both").json() == {"dropped": 1, "not_open": 2}
    kept = one(shop, ids[0])
    assert (kept["state"], kept["actions"][0]["reason"]) == ("dropped", "a test till")
    assert ask(shop, "replay", ids=ids, reason="too late").json()["taken"] == 0


def test_a_drop_is_taken_back_with_its_history_and_says_what_came_since(shop: Api) -> None:
    send(shop, milk("m1"), milk("m2"))
    ids = [row["reject_id"] for row in rejects(shop)]
    ask(shop, "drop", ids=ids, reason="a test till").raise_for_status()
    assert [row["sent_again_at"] for row in rejects(shop)] == [None, None]
    send(shop, milk("m1"))
    again = {row["event_id"]: row for row in rejects(shop, state="dropped")}
    assert again["m1"]["sent_again_at"] == again["m1"]["last_seen_at"]
    assert again["m2"]["sent_again_at"] is None
    taken_back = ask(shop, "reopen", ids=[*ids, 999], reason="no test till", user="anna")
    assert taken_back.json() == {"reopened": 2, "not_dropped": 1}
    kept = one(shop, ids[0])
    assert (kept["state"], kept["settled_by"], kept["sent_again_at"]) == ("open", None, None)
    assert [(a["action"], a["by"], a["reason"]) for a in kept["actions"]] == [
        ("drop", "key test operate", "a test till"),
        ("reopen", "anna (key test operate)", "no test till"),
    ]
    edit = {"field": "data.product", "value": "A"}
    assert ask(shop, "replay", ids=ids, edit=edit, reason="code").json()["accepted"] == 2
    refused = ask(shop, "reopen", ids=ids[:1], reason="no")
    assert (refused.status_code, refused.json()["code"]) == (409, "reject_not_dropped")
    assert ask(shop, "reopen", ids=[999], reason="no").json()["code"] == "reject_unknown"
    assert ask(shop, "reopen", ids=ids, reason="").json()["code"] == "reason"


def test_what_was_replayed_as_it_came_is_not_said_to_be_fixed(shop: Api) -> None:
    send(shop, milk("m1"))
    reject_id = rejects(shop)[0]["reject_id"]
    ask(shop, f"{reject_id}/mend", edits={"data.product": "none"}, reason="r").raise_for_status()
    assert one(shop, reject_id)["mended"] is not None
    shop.ingest.put("/v1/products", json={"products": [{"sku": "milk-1l"}]}).raise_for_status()
    as_it_came = json.dumps(milk("m1"))
    assert ask(shop, f"{reject_id}/mend", raw=as_it_came, reason="r").json()["accepted"] == 1
    assert one(shop, reject_id)["mended"] is None


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("replay", {}, "body"),
    ("replay", {"ids": [1], "filter": {"reason": "x"}}, "body"),
    ("replay", {"filter": {}}, "body"),
    ("replay", {"ids": []}, "ids"),
    ("replay", {"ids": [0]}, "ids"),
    ("replay", {"ids": [1], "reason": ""}, "reason"),
    ("replay", {"ids": [1], "reason": "a\x00b"}, "reason"),
    ("replay", {"ids": [1], "reason": "r", "after": -1}, "body"),
    ("replay", {"ids": [1], "reason": "r", "user": "\n"}, "user"),
    ("replay", {"filter": {"reason": "\x00"}, "reason": "r"}, "bad_text"),
    ("replay", {"ids": [1], "edit": {"field": "a b", "value": 1}, "reason": "r"}, "edits"),
    ("drop", {"ids": [1]}, "body"),
    ("1/mend", {"reason": "r"}, "body"),
    ("1/mend", {"raw": "{}", "edits": {}, "reason": "r"}, "body"),
    ("1/mend", {"raw": "{}", "reason": "r"}, "not_an_event"),
    ("1/mend", {"edits": {"id": "x"}, "reason": ""}, "reason"),
]


def test_wrong_orders_are_refused_with_what_is_wrong(shop: Api) -> None:
    send(shop, milk("m1"))
    first = rejects(shop)[0]["reject_id"]
    for route, body, code in WRONG:
        mine = json.loads(json.dumps(body).replace("[1]", f"[{first}]"))
        answer = ask(shop, route.replace("1/", f"{first}/"), **mine)
        assert (answer.status_code, answer.json()["code"]) == (400, code), body
    assert rejects(shop, state="open")[0]["reject_id"] == first


def test_a_key_of_some_kinds_replays_no_other(shop: Api, database: sa.Engine) -> None:
    send(shop, milk("m1"))
    with database.begin() as connection:
        text = create_key(connection, "desk", "operate", Limits(kinds=["reading"]))
    reject_id = rejects(shop)[0]["reject_id"]
    answer = shop.nobody.post(
        f"/v1/rejects/{reject_id}/mend",
        json={"edits": {"data.product": "A"}, "reason": "r"},
        headers={"Authorization": f"Bearer {text}"},
    )
    assert answer.json()["failing"][0]["reason"] == "key_kind"
    assert on_hand(shop) == 10.0


# -- the recording itself


def refuse(recorder: Recorder, count: int, **data: Any) -> None:
    raws = [raw(kind="sale", event_id=f"r{n}", **{"product": "new", **data}) for n in range(count)]
    for start in range(0, count, 2_000):
        recorder.record("till", "application/cloudevents+json", raws[start : start + 2_000])


def test_thousands_are_replayed_in_bounded_calls(shop: Api, database: sa.Engine) -> None:
    recorder = Recorder(database, Settings())
    count = CALL_MAX + 500
    refuse(recorder, count)
    shop.ingest.put("/v1/products", json={"products": [{"sku": "new"}]}).raise_for_status()
    replayer = Replayer(recorder)
    told = replayer.try_out(Wanted(reason="unknown_product"), None, None)
    assert (told["accepted"], told["pairs_changed"]) == (CALL_MAX, 1)
    done = replayer.replay(Wanted(reason="unknown_product"), None, None, BY)
    assert done["accepted"] == CALL_MAX
    rest = replayer.replay(Wanted(reason="unknown_product"), None, None, BY, after=done["next"])
    assert (rest["accepted"], rest["next"]) == (500, None)
    assert on_hand(shop, "new") == -count


def test_two_who_replay_the_same_at_once_record_it_once(shop: Api, database: sa.Engine) -> None:
    recorder = Recorder(database, Settings())
    refuse(recorder, 300)
    shop.ingest.put("/v1/products", json={"products": [{"sku": "new"}]}).raise_for_status()
    done: list[dict[str, Any]] = []

    def replay() -> None:
        wanted = Wanted(reason="unknown_product")
        done.append(Replayer(Recorder(database, Settings())).replay(wanted, None, None, BY))

    both = [threading.Thread(target=replay) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sum(report["accepted"] for report in done) == 300
    assert on_hand(shop, "new") == -300
    with database.connect() as connection:
        actions = connection.execute(
            sa.text("SELECT count(*), count(DISTINCT reject_id) FROM reject_actions")
        )
        assert tuple(actions.one()) == (300, 300)


class Held:
    """Keeps the stock of A at S1 locked, so that whoever records waits with what it read before."""

    def __init__(self, engine: sa.Engine) -> None:
        self._connection = engine.connect()
        self._connection.execute(sa.text("SELECT 1 FROM stock FOR UPDATE"))
        self._engine = engine

    def release_when_waiting(self, number: int) -> None:
        query = sa.text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        deadline = time.monotonic() + 20
        with self._engine.connect() as connection:
            while connection.execute(query).scalar_one() < number:
                assert time.monotonic() < deadline
                connection.rollback()
                time.sleep(0.02)
        self._connection.close()


def test_two_who_mend_the_same_by_other_ids_record_one_and_tell_the_other(
    shop: Api, database: sa.Engine
) -> None:
    send(shop, milk("m1", quantity=3))
    reject_id = rejects(shop)[0]["reject_id"]
    held = Held(database)

    def fix(name: str) -> dict[str, Any]:
        sent = raw(kind="sale", event_id=name, quantity=3)
        by = Audit("mend", name, "the event")
        try:
            return Replayer(Recorder(database, Settings())).fix(reject_id, sent, by)
        except Conflict as error:
            return {"code": error.code}

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(fix, name) for name in ("a", "b")]
        held.release_when_waiting(2)
        told = [one.result(30) for one in both]
    assert sorted(report.get("code", "recorded") for report in told) == [
        "recorded",
        "reject_closed",
    ]
    assert on_hand(shop) == 7.0
    kept = one(shop, reject_id)
    assert [a["by"] for a in kept["actions"]] == [kept["settled_by"]] == [kept["replayed_event_id"]]


def test_who_replays_what_another_is_recording_records_the_rest(
    shop: Api, database: sa.Engine
) -> None:
    recorder = Recorder(database, Settings())
    refuse(recorder, 20)
    with database.connect() as connection:
        ids = list(
            connection.execute(sa.text("SELECT reject_id FROM rejects ORDER BY 1")).scalars()
        )
    held = Held(database)

    def replay(taken: list[int]) -> dict[str, Any]:
        replayer = Replayer(Recorder(database, Settings()))
        return replayer.replay(Wanted(), taken, Edit("data.product", "A"), BY)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(replay, ids)
        second = pool.submit(replay, ids[:5])
        held.release_when_waiting(2)
        told = [first.result(30), second.result(30)]
    assert sum(report["accepted"] for report in told) == 20
    assert sum(report["closed"] for report in told) == 5
    assert on_hand(shop) == -10.0
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM reject_actions")).scalar_one() == 20


def test_trying_out_remembers_no_source_that_it_made(shop: Api, database: sa.Engine) -> None:
    recorder = Recorder(database, Settings())
    refuse(recorder, 2, source="/a/new/till")
    replayer = Replayer(recorder)
    edit = Edit("data.product", "A")
    for _ in range(2):
        assert replayer.try_out(Wanted(reason="unknown_product"), None, edit)["accepted"] == 2
    assert replayer.replay(Wanted(reason="unknown_product"), None, edit, BY)["accepted"] == 2
    known = shop.read.get("/v1/events", params={"source": "/a/new/till", "id": "r0"})
    assert known.json()["outcome"] == "accepted"


def test_what_the_database_refuses_stays_open_and_the_others_are_recorded(
    shop: Api, database: sa.Engine
) -> None:
    recorder = Recorder(database, Settings())
    refuse(recorder, 5)
    shop.ingest.put("/v1/products", json={"products": [{"sku": "new"}]}).raise_for_status()
    with database.begin() as connection:
        connection.execute(
            sa.text("ALTER TABLE ledger ADD CONSTRAINT no_r3 CHECK (event_id <> 'r3')")
        )
    done = Replayer(recorder).replay(Wanted(reason="unknown_product"), None, None, BY)
    assert (done["accepted"], done["rejected"]) == (4, 1)
    left = rejects(shop, state="open")
    assert [(row["event_id"], row["reason"]) for row in left] == [("r3", "not_storable")]
    with pytest.raises(Invalid, match="refuses a value"):
        Replayer(recorder).try_out(Wanted(reason="not_storable"), None, None)


def test_replay_says_so_when_the_database_is_away() -> None:
    engine = create_engine("postgresql://nobody@127.0.0.1:1/nothing")
    replayer = Replayer(Recorder(engine, Settings()))
    with pytest.raises(Transient, match="does not answer"):
        replayer.replay(Wanted(reason="x"), None, None, BY)
    with pytest.raises(Transient, match="does not answer"):
        replayer.try_out(Wanted(reason="x"), [1], None)


def test_the_history_of_rejects_is_append_only(shop: Api, database: sa.Engine) -> None:
    send(shop, milk("m1"))
    ask(shop, "drop", ids=[rejects(shop)[0]["reject_id"]], reason="r").raise_for_status()
    for statement in ("UPDATE reject_actions SET reason = 'x'", "DELETE FROM reject_actions"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), database.begin() as connection:
            connection.execute(sa.text(statement))


# -- the command line


def test_the_command_line_lists_mends_replays_and_drops(
    shop: Api, database_url: str, monkeypatch: pytest.MonkeyPatch, valkey: Any, tmp_path: Path
) -> None:
    for name, value in {
        "DATABASE_URL": database_url,
        "REDIS_URL": f"unix://{valkey.get_connection_kwargs()['path']}",
        "HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(f"STOCKTIDE_{name}", value)

    def run(*arguments: str, exit_code: int = 0) -> Any:
        done = CliRunner().invoke(commands, arguments)
        assert done.exit_code == exit_code, done.output
        return json.loads(done.output) if done.output.startswith(("{", "[")) else done.output

    send(shop, *[milk(f"m{n}") for n in range(3)], milk("q", quantity=0))
    assert sorted(group["rejects"] for group in run("list", "--groups", "--json")) == [1, 3]
    assert "unknown_product" in run("list", "--reason", "unknown_product")
    first = run("list", "--reason", "unknown_product", "--json")[-1]["reject_id"]
    assert run("show", str(first))["hint"]["nearest"] == ["MILK-1L"]
    edit = ("--set", "data.product=A")
    assert "1" in run("mend", str(first), *edit, "--dry-run")
    assert run("mend", str(first), *edit, "--reason", "r", "--json")["accepted"] == 1
    every = ("replay", "--for", "unknown_product", *edit, "--was", "milk-1l")
    assert run(*every, "--dry-run", "--json")["changes"][0]["after"] == 7.0
    assert run(*every, "--reason", "r", "--json")["accepted"] == 2
    who = one(shop, first)["settled_by"]
    assert who == f"{pwd.getpwuid(os.getuid()).pw_name} (command line)"
    zero = run("list", "--json")[0]["reject_id"]
    assert "still fail" in run("replay", str(zero), "--reason", "r", exit_code=1)
    assert "1 dropped" in run("drop", str(zero), "--reason", "r")
    assert run("list", "--json") == []
    assert "1 open again" in run("reopen", str(zero), "--reason", "r")
    assert len(run("list", "--json")) == 1
    assert on_hand(shop) == 7.0


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("data.quantity=1.5", ("data.quantity", 1.5)),
        ("data.product=22423", ("data.product", "22423")),
        ("id=a=b", ("id", "a=b")),
        ("data.x=null", ("data.x", None)),
    ],
)
def test_edit_of_takes_what_the_field_takes(text: str, edit: tuple[str, Any]) -> None:
    assert edit_of(text) == edit
    with pytest.raises(Invalid):
        edit_of("nothing")


# -- the outcome of any event


def test_the_outcome_of_an_event_can_be_looked_up_for_ever(shop: Api) -> None:
    def look(event_id: str) -> httpx.Response:
        return shop.read.get("/v1/events", params={"source": "/shops/S1/till", "id": event_id})

    send(shop, event("transfer", "t", quantity=4), event("correction", "c", corrects_id="t"))
    moved = look("t").json()
    assert [(e["location"], e["moved"]) for e in moved["entries"]] == [("S1", -4.0), ("S2", 4.0)]
    assert moved["corrected_by"]["id"] == "c"
    assert moved["refused"] == []
    correction = look("c").json()
    assert (correction["kind"], correction["corrects"]["id"]) == ("correction", "t")
    send(shop, milk("m1"))
    assert {name: look("m1").json()[name] for name in ("outcome", "source", "id")} == {
        "outcome": "rejected", "source": "/shops/S1/till", "id": "m1",
    }  # fmt: skip
    assert look("m1").json()["refused"][0]["reason"] == "unknown_product"
    nothing = look("never sent")
    assert (nothing.status_code, nothing.json()["code"]) == (404, "event_unknown")
    assert shop.read.get("/v1/events", params={"source": "a\x00", "id": "b"}).status_code == 400
    assert "get" in shop.nobody.get("/openapi.json").json()["paths"]["/v1/events"]

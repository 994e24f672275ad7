"""What a key may send over HTTP: kinds, locations and rate, and only as long as it is valid."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingest.recording.fast_lane import EVENTS_MAX
from stocktide.foundation.key_ring import FRESH_S
from stocktide.foundation.keys import Limits, create_key, revoke_key
from tests.conftest import Api
from tests.http import NO_TLS
from tests.ingest.samples import event

STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
NDJSON = {"content-type": "application/x-ndjson"}


@pytest.fixture
def shop(api: Api) -> Api:
    api.ingest.put("/v1/products", json={"products": [{"sku": "A"}]}).raise_for_status()
    places = {"locations": [{"code": "S1"}, {"code": "S2"}]}
    api.ingest.put("/v1/locations", json=places).raise_for_status()
    return api


def client(api: Api, database: sa.Engine, limits: Limits, scope: str = "ingest") -> httpx.Client:
    with database.begin() as connection:
        text = create_key(connection, f"limited {time.monotonic_ns()}", scope, limits)
    headers = {"Authorization": f"Bearer {text}"}
    return httpx.Client(base_url=api.url, headers=headers, timeout=30, verify=NO_TLS)


def post(sender: httpx.Client, documents: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    answer = sender.post("/v1/events", content=json.dumps(documents), headers=BATCH)
    assert answer.status_code == 200, answer.text
    return [(one["outcome"], one.get("reason")) for one in answer.json()["outcomes"]]


@pytest.mark.parametrize("size", [3, EVENTS_MAX + 3])
def test_a_limited_key_sends_its_kinds_and_locations_and_no_others(
    shop: Api, database: sa.Engine, size: int
) -> None:
    documents = [event("sale", f"e{n}") for n in range(size)]
    documents[1] = event("sale", "e1", location="S2")
    documents[2] = event("receipt", "e2")
    limits = Limits(kinds=["sale", "transfer"], locations=["S1"])
    with client(shop, database, limits) as sender:
        got = post(sender, documents)
        assert got[1:3] == [("rejected", "key_location"), ("rejected", "key_kind")]
        assert got[:1] + got[3:] == [("accepted", None)] * (size - 2)
        assert post(sender, [event("transfer", "t1")]) == [("rejected", "key_location")]
        single = sender.post("/v1/events", json=event("receipt", "e9"), headers=STRUCTURED)
        assert (single.status_code, single.json()["code"]) == (403, "key_kind")


def test_a_key_of_some_locations_corrects_there_only(shop: Api, database: sa.Engine) -> None:
    """Whose source an event names is the sender's word; where the goods are is the ledger's."""
    elsewhere = event("sale", "far", source="/shops/S2/till", location="S2")
    both = event("transfer", "both")
    assert post(shop.ingest, [event("sale", "near"), elsewhere, both]) == [("accepted", None)] * 3
    corrections = [
        event("correction", "c1", corrects_id="near"),
        event("correction", "c2", corrects_id="far", source="/shops/S2/till"),
        event("correction", "c3", corrects_id="both"),
    ]
    with client(shop, database, Limits(locations=["S1"])) as sender:
        refused = ("rejected", "key_location")
        assert post(sender, corrections) == [("accepted", None), refused, refused]


@pytest.mark.parametrize("path", ["products", "locations"])
def test_a_limited_key_changes_no_master_data(shop: Api, database: sa.Engine, path: str) -> None:
    with client(shop, database, Limits(kinds=["sale"])) as sender:
        answer = sender.put(f"/v1/{path}", json={path: []})
    assert (answer.status_code, answer.json()["code"]) == (403, "key_limits")


def test_more_than_the_rate_is_told_when_to_come_back(shop: Api, database: sa.Engine) -> None:
    with client(shop, database, Limits(rate=2)) as sender:
        assert post(sender, [event("sale", f"e{n}") for n in range(6)])[5] == ("accepted", None)
        for content in (json.dumps(event("sale", "late")), "no event at all"):
            answer = sender.post("/v1/events", content=content, headers=STRUCTURED)
            assert (answer.status_code, answer.json()["code"]) == (429, "rate")
            assert 1 <= int(answer.headers["retry-after"]) <= 2
        # a body that is no batch is kept, and so it costs what an event does
        assert sender.post("/v1/events", content="{", headers=BATCH).status_code == 429


def test_a_long_stream_waits_for_its_rate_instead_of_failing_in_the_middle(
    shop: Api, database: sa.Engine
) -> None:
    """Of 2,000 lines a group the first is the burst, the second a debt, and the third waits until it is paid."""
    lines = "\n".join(json.dumps(event("sale", f"e{n}")) for n in range(4_100))
    with client(shop, database, Limits(rate=1_000)) as sender:
        started = time.monotonic()
        answer = sender.post("/v1/events", content=lines, headers=NDJSON)
        took_s = time.monotonic() - started
    assert (answer.status_code, answer.json()["accepted"]) == (200, 4_100), answer.text
    assert took_s > 1.5


def test_a_key_that_is_revoked_records_no_more_of_an_open_stream(
    shop: Api, database: sa.Engine
) -> None:
    with database.begin() as connection:
        text = create_key(connection, "till", "ingest")

    def lines() -> Iterator[bytes]:
        for group in range(2):
            for n in range(2_100):
                yield json.dumps(event("sale", f"{group}-{n}")).encode() + b"\n"
            if group == 0:
                time.sleep(0.3)
                with database.begin() as connection:
                    revoke_key(connection, "till")
                time.sleep(2 * FRESH_S)

    headers = {"Authorization": f"Bearer {text}", **NDJSON}
    answer = shop.nobody.post("/v1/events", content=lines(), headers=headers)
    assert answer.status_code == 401, answer.text
    assert (answer.json()["code"], answer.json()["accepted"]) == ("key_revoked", 2_000)


def test_an_identity_too_long_for_an_index_is_kept_and_takes_no_neighbour_with_it(
    shop: Api, database: sa.Engine
) -> None:
    """500 characters of four bytes each are allowed, twice; an index entry holds 2,700 bytes."""
    long = "".join(chr(0x20000 + n * 7919 % 40_000) for n in range(500))
    wide = event("sale", long, source=long[::-1])
    wrong = {**wide, "id": long[::-1], "data": {}}
    assert post(shop.ingest, [event("sale"), wide, wrong]) == [
        ("accepted", None), ("accepted", None), ("rejected", "missing_field")
    ]  # fmt: skip
    with database.connect() as connection:
        kept = connection.execute(sa.text("SELECT event_id FROM rejects")).scalars().all()
    assert kept == [long[::-1]]


@pytest.mark.parametrize("size", [3, EVENTS_MAX + 3])
def test_a_key_bound_to_a_source_speaks_for_no_other(
    shop: Api, database: sa.Engine, size: int
) -> None:
    """The other feed's identity stays free for the other feed."""
    documents = [event("sale", f"e{n}", source="/shops/S1/till-1") for n in range(size)]
    documents[1] = event("sale", "e1", source="/shops/S10/till-1")
    documents[2] = event("sale", "e2", source="/shops/S2")
    with client(shop, database, Limits(sources=["/shops/S1/*", "/shops/S2"])) as sender:
        got = post(sender, documents)
        assert got == [
            ("rejected", "key_source") if n == 1 else ("accepted", None) for n in range(size)
        ]
        single = sender.post("/v1/events", json=documents[1], headers=STRUCTURED)
        assert (single.status_code, single.json()["code"]) == (403, "key_source")
        assert "speaks for /shops/S1/*, /shops/S2, not for '/shops/S10/till-1'" in single.text
    other = {**documents[1], "data": {**documents[1]["data"], "quantity": 9}}
    assert post(shop.ingest, [other]) == [("accepted", None)]


def test_a_key_bound_to_a_source_corrects_no_other(shop: Api, database: sa.Engine) -> None:
    sent = [event("sale", "a", source="/mine"), event("sale", "b", source="/theirs")]
    assert post(shop.ingest, sent) == [("accepted", None)] * 2
    corrections = [
        event("correction", "c1", source="/mine", corrects_id="a"),
        event("correction", "c2", source="/mine", corrects_id="b", corrects_source="/theirs"),
    ]
    with client(shop, database, Limits(sources=["/mine"])) as sender:
        assert post(sender, corrections) == [("accepted", None), ("rejected", "key_source")]


def test_a_bound_operator_asks_for_its_own_events_and_captures_nothing(
    shop: Api, database: sa.Engine
) -> None:
    assert post(shop.ingest, [event("sale", "a", source="/mine")]) == [("accepted", None)]
    with client(shop, database, Limits(sources=["/mine"]), "operate") as sender:
        assert sender.get("/v1/events?source=/mine&id=a").json()["outcome"] == "accepted"
        answer = sender.get("/v1/events?source=/theirs&id=a")
        assert (answer.status_code, answer.json()["code"]) == (403, "key_source")
        answer = sender.post("/v1/epcis/capture", json={})
        assert (answer.status_code, answer.json()["code"]) == (403, "key_limits")

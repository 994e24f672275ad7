"""Customers have pseudonyms wherever events are kept, and an erased one cannot be found again."""

import json
from typing import Any

import httpx
import psycopg
import pytest
import sqlalchemy as sa

from ingest.customers.erasure import erase_customer, purge_erased
from ingest.customers.mentions import names_customer
from ingest.ledger.entries import raw_cursor
from ingest.recording.recording import Recorder
from ingest.rejects.attempts import Audit
from ingest.rejects.rejects import Wanted
from ingest.rejects.replay import Replayer
from stocktide.foundation.clear_ids import replace_clear_ids
from stocktide.foundation.customer_keys import CustomerKeys, is_pseudonym
from stocktide.foundation.customers import list_accesses, resolve_customer
from stocktide.foundation.database import sql
from stocktide.foundation.errors import Conflict, Fatal, Invalid, NotFound
from stocktide.foundation.sessions import SESSION
from stocktide.foundation.settings import Settings
from stocktide.foundation.users import disable_user, set_personal, set_user
from tests.conftest import Api, AsPart
from tests.ingest.samples import event
from tests.stocktide.entrypoints.test_api import check_problem

ANNA = "anna-4711@example.org"


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    return Recorder(database, Settings(create_on_first_sight=True))


def raw(id: str, customer: str | None = ANNA, **attributes: Any) -> bytes:
    data = {} if customer is None else {"customer_id": customer}
    sale = event("sale", id)
    sale["data"] |= data
    return json.dumps({**sale, **attributes}).encode()


def send(recorder: Recorder, *raws: bytes) -> list[str]:
    return [one.name for one in recorder.record("till", "", raws)]


def customers_of(engine: sa.Engine) -> dict[str, str | None]:
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT event_id, customer_id FROM ledger ORDER BY 1"))
        return {row.event_id: row.customer_id for row in rows}


def erase(recorder: Recorder, **whom: str) -> dict[str, Any]:
    keys = recorder.ledger.customers.keys
    with recorder.engine.begin() as connection:
        return erase_customer(connection, keys, **whom, by="dpo", reason="asked by letter")


def test_two_senders_of_one_id_get_one_pseudonym_and_repeats_stay_repeats(
    recorder: Recorder,
) -> None:
    assert send(recorder, raw("a"), raw("b", None), raw("c", "other")) == ["accepted"] * 3
    # slowly parsed, and by another process
    other = Recorder(recorder.engine, recorder.settings)
    assert send(other, raw("d", traceid="1"), raw("a"), raw("c")) == [
        "accepted", "duplicate", "conflict",
    ]  # fmt: skip
    kept = customers_of(recorder.engine)
    assert kept["a"] == kept["d"] != kept["c"]
    assert kept["b"] is None
    assert is_pseudonym(str(kept["a"]))
    assert is_pseudonym(str(kept["c"]))


def test_an_attribute_that_repeats_the_id_gets_the_pseudonym_too(recorder: Recorder) -> None:
    sent = raw("a", subject=ANNA, tenant="north")
    assert send(recorder, sent, sent) == ["accepted", "duplicate"]
    with recorder.engine.connect() as connection:
        row = connection.execute(sa.text("SELECT customer_id, attributes FROM ledger")).one()
    assert row.attributes == {"subject": row.customer_id, "tenant": "north"}


def test_personal_attributes_are_kept_with_the_customer_alone(database: sa.Engine) -> None:
    settings = Settings(create_on_first_sight=True, personal_attributes="email, phone")
    recorder = Recorder(database, settings)
    sent = [
        raw("a", email="a@example.org", tenant="north"),
        raw("b", email="b@example.org", phone="1"),
        raw("c", None, email="nobody@example.org"),
    ]
    assert send(recorder, *sent) == ["accepted"] * 3
    assert send(recorder, *sent, raw("d", phone="2")) == ["duplicate"] * 3 + ["accepted"]
    with database.begin() as connection:
        kept = connection.execute(sa.text("SELECT attributes FROM ledger ORDER BY event_id"))
        assert [*kept.scalars()] == [{"tenant": "north"}, None, None, None]
        (pseudonym,) = connection.execute(sa.text("SELECT pseudonym FROM customers")).scalars()
        keys = recorder.ledger.customers.keys
        told = resolve_customer(connection, keys, pseudonym, by="x", reason="look")
    assert (told["id"], told["email"], told["phone"]) == (ANNA, "b@example.org", "2")


def test_a_customer_of_a_transaction_that_is_rolled_back_is_not_cached(recorder: Recorder) -> None:
    with recorder.engine.connect() as connection:
        for _ in range(2):
            recorder.ledger.append(connection, recorder.parser.parse_all([raw("a")]))
        connection.rollback()
    assert recorder.ledger.customers.cached.pseudonyms == {}
    assert send(recorder, raw("a")) == ["accepted"]
    assert [*customers_of(recorder.engine).values()] == pseudonyms(recorder.engine)


def pseudonyms(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return [
            *connection.execute(
                sa.text("SELECT pseudonym FROM customers ORDER BY made_at")
            ).scalars()
        ]


def test_an_erased_customer_is_not_found_again_by_any_process(recorder: Recorder) -> None:
    """Another process has the pseudonym cached, and must not use it any more."""
    other = Recorder(recorder.engine, recorder.settings)
    assert send(recorder, raw("a"), raw("b")) == send(other, raw("c"), raw("d"))
    assert send(other, raw("e")) == ["accepted"]
    assert other.ledger.customers.cached.pseudonyms
    before = customers_of(recorder.engine)
    done = erase(recorder, customer_id=ANNA)
    assert {*before.values()} == {done["pseudonym"]}
    # the ledger stays, and what was recorded of the customer is a duplicate still
    assert send(other, raw("a"), raw("f")) == ["duplicate", "accepted"]
    after = customers_of(recorder.engine)
    assert after["f"] not in before.values()
    assert {name: after[name] for name in before} == before
    with recorder.engine.connect() as connection:
        keys = recorder.ledger.customers.keys
        told = resolve_customer(connection, keys, done["pseudonym"], by="dpo", reason="look")
        assert told["id"] is None
        left = connection.execute(
            sa.text(
                "SELECT id_index, wrapped_key, fields, key_mark, erased_by, erase_reason FROM customers"
                " WHERE pseudonym = :pseudonym"
            ),
            {"pseudonym": done["pseudonym"]},
        ).one()
    assert tuple(left) == (None, None, None, None, "dpo", "asked by letter")
    with pytest.raises(Conflict, match="was erased"):
        erase(recorder, pseudonym=done["pseudonym"])


def test_the_fast_lane_refuses_a_group_whose_customer_was_erased(recorder: Recorder) -> None:
    for id in ("a", "b"):
        send(recorder, raw(id))
    parsed = recorder.parser.parse_lines([raw("c")])
    assert recorder.ledger.is_plain(parsed)
    statements = recorder.ledger.plain_statements(parsed.sales[0])
    assert statements is not None
    name, binds = statements[0]
    assert name == "ingest/no_erasure"
    with recorder.engine.connect() as connection:
        recorder.ledger.customers.found(connection, [])
    erase(recorder, customer_id=ANNA)
    with recorder.engine.connect() as connection, pytest.raises(psycopg.Error, match="was erased"):
        raw_cursor(connection).execute(sql(name).encode(), binds)


def test_erasing_deletes_the_rejects_that_name_the_customer_and_no_others(
    recorder: Recorder,
) -> None:
    wrong = json.dumps({**event("sale", "w", customer_id=ANNA), "time": "1970-01-01T00:00:00Z"})
    named = [wrong.encode(), b"cut off, of anna-4711@example.org, 3 pieces", b'{"customer": 4711}']
    others = [b'{"customer": "anna-4711@example.org.uk"}', b"nobody"]
    assert send(recorder, *named, *others) == ["rejected"] * 5
    with recorder.engine.begin() as connection:
        ids = connection.execute(sa.text("SELECT max(reject_id) FROM rejects")).scalar_one()
        connection.execute(
            sa.text(
                "INSERT INTO statements (statement_id, asked_by, statement) VALUES"
                " (gen_random_uuid(), 'x', 'SELECT ''anna-4711@example.org''')"
            )
        )
    replayer = Replayer(recorder)
    replayer.replay(Wanted(), [ids], None, Audit("replay", "x", "look"))
    done = erase(recorder, customer_id=ANNA)
    assert (done["rejects_deleted"], done["statements_changed"]) == (2, 1)
    with recorder.engine.connect() as connection:
        left = connection.execute(sa.text("SELECT raw FROM rejects")).scalars()
        assert {bytes(one) for one in left} == {named[2], *others}
        asked = connection.execute(sa.text("SELECT statement FROM statements")).scalar_one()
        assert asked == "SELECT '[erased]'"


@pytest.mark.parametrize(
    ("payload", "names"),
    [
        (b'{"data": {"customer_id": "12"}}', True),
        (b'{"data": {"customer_id": 12}}', True),
        (b'{"data": {"quantity": 12, "order_id": "12-1"}}', False),
        (b'{"data_base64": "eyJjdXN0b21lcl9pZCI6ICIxMiJ9"}', True),
        (b'{"data": {"customer_id": "12"', True),
        (b"a,12,b", True),
        (b"a,123,b", False),
    ],
)
def test_a_payload_names_a_customer_by_a_whole_text(payload: bytes, names: bool) -> None:
    assert names_customer(payload, "12") is names


def test_rows_from_before_get_pseudonyms_and_stay_duplicates(
    recorder: Recorder, database: sa.Engine
) -> None:
    """Killed in the middle, the next start goes on."""
    send(recorder, raw("a"), raw("b", "other"), raw("c", None), raw("d", subject=ANNA))
    before = customers_of(database)
    with database.begin() as connection:
        # as an older version wrote them
        connection.execute(sa.text("ALTER TABLE ledger DISABLE TRIGGER USER"))
        for pseudonym, clear in ((before["a"], ANNA), (before["b"], "other")):
            connection.execute(
                sa.text(
                    "UPDATE ledger SET customer_id = :clear, attributes = CASE WHEN attributes IS NOT NULL"
                    " THEN jsonb_build_object('subject', CAST(:clear AS text)) END WHERE customer_id = :pseudonym"
                ),
                {"pseudonym": pseudonym, "clear": clear},
            )
        connection.execute(sa.text("ALTER TABLE ledger ENABLE TRIGGER USER"))
        connection.execute(sa.text("DELETE FROM customers"))
        connection.execute(
            sa.text(
                "INSERT INTO clear_ids (place) SELECT DISTINCT tableoid::regclass::text FROM ledger"
            )
        )
    said: list[str] = []
    assert replace_clear_ids(database, recorder.settings, said.append) == 3
    assert any("3 rows" in line for line in said)
    after = customers_of(database)
    assert after["a"] == after["d"] != after["b"]
    assert all(is_pseudonym(one) for one in after.values() if one is not None)
    again = Recorder(database, recorder.settings)
    sent = [raw("a"), raw("b", "other"), raw("c", None), raw("d", subject=ANNA)]
    assert send(again, *sent) == ["duplicate"] * 4
    with database.begin() as connection, pytest.raises(sa.exc.DBAPIError, match="append-only"):
        connection.execute(sa.text("UPDATE ledger SET channel = 'x'"))
    assert replace_clear_ids(database, recorder.settings, said.append) == 0


def test_another_key_than_that_of_the_customers_stops_everything(recorder: Recorder) -> None:
    send(recorder, raw("a"))
    other = Recorder(recorder.engine, Settings(customer_key="another key, of another host ...."))
    with pytest.raises(Fatal, match="another key"):
        send(other, raw("b", "new"))
    with pytest.raises(Fatal, match="another key"):
        erase(other, customer_id=ANNA)


def test_sealed_fields_are_of_one_customer_and_one_key() -> None:
    keys, other = CustomerKeys.of("a" * 32), CustomerKeys.of("b" * 32)
    sealed = keys.seal("c_a", {"id": ANNA})
    assert keys.opened("c_a", sealed) == {"id": ANNA}
    assert ANNA.encode() not in b"".join(sealed)
    for who, whose in ((keys, "c_b"), (other, "c_a")):
        with pytest.raises(Fatal, match="cannot be decrypted"):
            who.opened(whose, sealed)
    assert keys.index_of(ANNA) != other.index_of(ANNA)


def test_the_routes_tell_who_a_customer_is_and_note_who_asked(api: Api, recorder: Recorder) -> None:
    send(recorder, raw("a"))
    (pseudonym,) = pseudonyms(recorder.engine)
    ask = {"pseudonym": pseudonym, "reason": "a complaint"}
    check_problem(api.operate.post("/v1/customers/resolve", json=ask), 403, "key_scope")
    told = api.personal.post("/v1/customers/resolve", json=ask)
    assert told.json()["id"] == ANNA
    silent = api.personal.post("/v1/customers/resolve", json={**ask, "reason": " "})
    check_problem(silent, 400, "reason")
    own = {"id": ANNA, "reason": f"{ANNA} asked"}
    check_problem(api.personal.post("/v1/customers/erase", json=own), 400, "reason")
    gone = api.personal.post("/v1/customers/erase", json={"id": ANNA, "reason": "asked"})
    assert gone.json()["pseudonym"] == pseudonym
    assert api.personal.post("/v1/customers/resolve", json=ask).json()["id"] is None
    noted = api.personal.get("/v1/customers/accesses").json()["accesses"]
    assert [(one["action"], one["pseudonym"]) for one in noted] == [
        ("resolve", pseudonym), ("erase", pseudonym), ("resolve", pseudonym),
    ]  # fmt: skip
    assert all("test personal" in one["asked_by"] for one in noted)
    assert ANNA not in json.dumps(noted)


def test_people_ask_in_their_own_name_and_only_while_they_may(
    api: Api, recorder: Recorder, database: sa.Engine
) -> None:
    send(recorder, raw("a"))
    (pseudonym,) = pseudonyms(recorder.engine)
    ask = {"pseudonym": pseudonym, "reason": "a complaint"}
    find = {"id": ANNA, "reason": "a complaint"}
    with database.begin() as connection:
        set_user(connection, "ann", "a long password", "operator")
    signed_in = {"username": "ann", "password": "a long password"}
    token = api.nobody.post("/v1/sessions", json=signed_in).json()["token"]

    def post(route: str, body: dict[str, str], session: str = token) -> httpx.Response:
        """With the dashboard's own key, which gives no right, and a session."""
        path = f"/v1/customers/{route}"
        return api.operate.post(path, json=body, headers={SESSION: session})

    for route, body in (("resolve", ask), ("find", find), ("erase", ask)):
        check_problem(post(route, body), 403, "user_right")
    with database.begin() as connection:
        set_personal(connection, "ann", given=True, by="root", reason="helps customers")
    assert post("find", find).json() == {"pseudonym": pseudonym}
    assert post("resolve", ask).json()["id"] == ANNA
    check_problem(post("resolve", {**ask, "user": "bob"}), 400, "user")
    check_problem(post("find", {"id": "nobody", "reason": "x"}), 404, "customer_unknown")
    check_problem(post("find", {"id": ANNA, "reason": f"{ANNA} asked"}), 400, "reason")
    check_problem(post("resolve", ask, "made up"), 401, "session_invalid")
    with database.begin() as connection:
        disable_user(connection, "ann")
    check_problem(post("resolve", ask), 401, "session_ended")
    noted = api.personal.get("/v1/customers/accesses").json()["accesses"]
    assert [(one["action"], one["asked_by"]) for one in noted] == [
        ("resolve", "ann (signed in)"), ("find", "ann (signed in)"),
    ]  # fmt: skip


def test_the_worker_purges_what_was_erased(recorder: Recorder, as_part: AsPart) -> None:
    send(recorder, raw("a"))
    erase(recorder, customer_id=ANNA)
    said: list[str] = []
    worker = as_part("worker")
    assert purge_erased(worker, said.append) == 1
    assert purge_erased(worker, said.append) == 0
    assert said == ["customers: 1 erased ones purged"]


def test_an_id_that_no_event_named_leaves_a_tombstone(recorder: Recorder) -> None:
    done = erase(recorder, customer_id="nobody")
    assert pseudonyms(recorder.engine) == [done["pseudonym"]]
    with recorder.engine.connect() as connection:
        assert [one["action"] for one in list_accesses(connection, limit=9)] == ["erase"]
    with pytest.raises(NotFound):
        erase(recorder, pseudonym="c_aaaaaaaaaaaaaaaa")
    with pytest.raises(Invalid, match="either by"):
        erase(recorder)

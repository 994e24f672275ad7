import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from stocktide.foundation.errors import Conflict, Invalid, NotFound, Unauthorized
from stocktide.foundation.keys import (
    BURST_S,
    Key,
    Limits,
    TokenBucket,
    create_key,
    find_key,
    hash_key,
    list_keys,
    replace_key,
    revoke_key,
)


def test_create_key_stores_a_hash_and_never_the_text(database: sa.Engine) -> None:
    with database.begin() as connection:
        text = create_key(connection, "till 7", "ingest")
        row = connection.execute(sa.text("SELECT * FROM access_keys")).mappings().one()
        assert text.startswith("stk_")
        assert len(text) > 40
        assert bytes(row["key_hash"]) == hash_key(text)
        assert text not in str(dict(row))
        assert find_key(connection, text).name == "till 7"


def test_create_key_differs_each_time(database: sa.Engine) -> None:
    with database.begin() as connection:
        texts = {create_key(connection, f"k{n}", "read") for n in range(20)}
    assert len(texts) == 20


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb", "a\x00b", "a\udcffb"])
def test_create_key_refuses_a_name_when_it_cannot_be_shown(database: sa.Engine, name: str) -> None:
    with database.begin() as connection, pytest.raises(Invalid, match="1 to 100 printable"):
        create_key(connection, name, "read")


@pytest.mark.parametrize("name", ["mqtt", "watch"])
def test_create_key_leaves_the_names_of_feeds_without_a_key(database: sa.Engine, name: str) -> None:
    with database.begin() as connection, pytest.raises(Invalid, match="take another name"):
        create_key(connection, name, "ingest")


def test_create_key_names_the_scopes_when_one_is_unknown(database: sa.Engine) -> None:
    with database.begin() as connection, pytest.raises(Invalid, match="ingest, read, operate"):
        create_key(connection, "k", "admin")


def test_create_key_refuses_a_name_when_it_was_ever_given(database: sa.Engine) -> None:
    with database.begin() as connection:
        create_key(connection, "k", "read")
        with pytest.raises(Conflict, match="'k' exists"):
            create_key(connection, "k", "read")
        revoke_key(connection, "k")
        with pytest.raises(Conflict, match="cannot be used again"):
            create_key(connection, "k", "read")


@pytest.mark.parametrize("text", ["", "stk_", "stk_wrong", "x" * 10_000, "ü\x00"])
def test_find_key_refuses_what_is_no_key(database: sa.Engine, text: str) -> None:
    with database.begin() as connection:
        create_key(connection, "k", "read")
        with pytest.raises(Unauthorized, match="unknown"):
            find_key(connection, text)


def test_find_key_refuses_at_once_when_the_key_is_revoked(database: sa.Engine) -> None:
    with database.begin() as connection:
        text = create_key(connection, "k", "read")
        revoke_key(connection, "k")
        with pytest.raises(Unauthorized, match="'k' was revoked"):
            find_key(connection, text)
        with pytest.raises(NotFound, match="No valid key is named 'k'"):
            revoke_key(connection, "k")


def test_replace_key_ends_the_old_one(database: sa.Engine) -> None:
    with database.begin() as connection:
        old = replace_key(connection, "dashboard", "operate")
        new = replace_key(connection, "dashboard", "operate")
        with pytest.raises(Unauthorized):
            find_key(connection, old)
        assert find_key(connection, new).scope == "operate"


def test_list_keys_shows_use_and_revocation_and_no_text(database: sa.Engine) -> None:
    with database.begin() as connection:
        text = create_key(connection, "a", "read")
        create_key(connection, "b", "ingest")
        find_key(connection, text)
        revoke_key(connection, "b")
        first, second = list_keys(connection)
    assert (first.name, first.scope, first.revoked_at) == ("a", "read", None)
    assert first.last_used_at is not None
    assert (second.last_used_at, second.revoked_at is not None) == (None, True)
    assert text not in repr([first, second])


def test_find_key_writes_its_use_once_a_minute_only(database: sa.Engine) -> None:
    with database.begin() as connection:
        text = create_key(connection, "a", "read")
    versions = set()
    for _ in range(3):
        with database.begin() as connection:
            find_key(connection, text)
            versions.add(
                connection.execute(sa.text("SELECT xmin::text FROM access_keys")).scalar_one()
            )
    assert len(versions) == 1


def test_create_key_keeps_its_limits_and_list_keys_shows_them(database: sa.Engine) -> None:
    limits = Limits(
        kinds=["sale", "return"],
        locations=["S1"],
        rate=500.0,
        expires_at=datetime(2099, 1, 1, tzinfo=UTC),
        expect_every_s=900,
    )
    with database.begin() as connection:
        create_key(connection, "till", "ingest", limits)
        (key,) = list_keys(connection)
    assert (key.kinds, key.locations, key.rate) == (
        frozenset({"sale", "return"}),
        frozenset({"S1"}),
        500.0,
    )
    assert key.shown()["kinds"] == ["return", "sale"]
    assert (key.shown()["expires_at"], key.shown()["expect_every_s"]) == (limits.expires_at, 900)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(kinds=[]), "kinds: name at least one"),
        (Limits(kinds=["sale", ""]), "kinds: name"),
        (Limits(locations=["S\x00"]), "locations: name"),
        (Limits(rate=0), "above 0"),
        (Limits(rate=float("nan")), "above 0"),
        (Limits(rate=float("inf")), "above 0"),
        (Limits(expires_at=datetime(2020, 1, 1, tzinfo=UTC)), "has passed"),
        (Limits(expect_every_s=0), "1 s to 366 days"),
        (Limits(kinds=["sale"]), "sends nothing"),
        (Limits(expect_every_s=60), "sends nothing"),
    ],
)
def test_limits_that_no_key_can_have_are_refused(limits: Limits, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        limits.check("read" if said == "sends nothing" else "ingest")


def test_find_key_refuses_when_the_key_has_expired(database: sa.Engine) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    with database.begin() as connection:
        text = create_key(connection, "k", "read", Limits(expires_at=soon))
        assert find_key(connection, text).expires_at == soon
        connection.execute(sa.text("UPDATE access_keys SET expires_at = now() - INTERVAL '1 s'"))
        with pytest.raises(Unauthorized, match="'k' expired at") as caught:
            find_key(connection, text)
    assert caught.value.code == "key_expired"


def test_key_refuses_other_kinds_and_places_than_its_own(database: sa.Engine) -> None:
    limits = Limits(kinds=["sale"], locations=["S1", "S2"])
    with database.begin() as connection:
        limited = find_key(connection, create_key(connection, "k", "ingest", limits))
        free = find_key(connection, create_key(connection, "f", "ingest"))
    assert limited.refuses("sale", "S1") is None
    assert limited.refuses("sale", None) is None
    assert "may send sale, not 'price'" in str(limited.refuses("price", "S1"))
    assert "is for S1, S2, not 'S3'" in str(limited.refuses("sale", "S3"))
    assert free.refuses("price", "S3") is None


def test_token_bucket_lets_a_burst_through_then_says_how_long_to_wait() -> None:
    bucket = TokenBucket(100.0)
    assert bucket.take(int(100 * BURST_S), 10.0) == 0
    wait = bucket.take(1, 10.0)
    assert 0 < wait <= 0.01
    assert bucket.take(1, 10.0 + wait) == 0


def test_token_bucket_passes_a_batch_larger_than_its_burst_and_makes_it_up() -> None:
    bucket = TokenBucket(100.0)
    assert bucket.take(1_000, 0.0) == 0
    wait = bucket.take(1, 0.0)
    assert wait == pytest.approx((1_000 - 100 * BURST_S) / 100, abs=0.01)
    assert bucket.take(1_000, wait) == 0


def test_token_bucket_without_a_rate_never_waits() -> None:
    bucket = TokenBucket(None)
    assert {bucket.take(10**6, 0.0) for _ in range(10)} == {0.0}


@given(
    st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1)), min_size=1, max_size=200),
)
def test_token_bucket_holds_its_rate_whatever_comes(asked: list[tuple[int, float]]) -> None:
    bucket, now, passed, last = TokenBucket(20.0), 0.0, 0, 0
    for n, pause in asked:
        now += pause
        if bucket.take(n, now) == 0:
            passed, last = passed + n, n
    # the last batch may be in debt; everything before it was within burst and rate
    assert passed - last <= 20.0 * BURST_S + 20.0 * now + 1e-6


FREE = Key(1, "k", "ingest", datetime(2026, 1, 1, tzinfo=UTC), None, None)
SOURCES = st.text(st.sampled_from("ab/*"), min_size=1, max_size=6)


@given(bound=st.lists(SOURCES.filter(lambda text: text != "*"), min_size=1), source=SOURCES)
def test_a_bound_key_speaks_for_exact_sources_and_prefixes_alone(
    bound: list[str], source: str
) -> None:
    Limits(sources=bound).check("ingest")
    key = replace(FREE, sources=frozenset(bound))
    expected = any(
        re.fullmatch(re.escape(text[:-1]) + ".*" if text[-1] == "*" else re.escape(text), source)
        for text in bound
    )
    assert (key.refuses_source(source) is None) == expected
    assert FREE.refuses_source(source) is None


@pytest.mark.parametrize(
    ("sources", "match"),
    [
        ([], "at least one"),
        ([""], "sources: name"),
        (["*"], "leave the limit out"),
        (["a\n"], "sources: name"),
    ],
)
def test_a_binding_to_nothing_or_everything_is_refused(sources: list[str], match: str) -> None:
    with pytest.raises(Invalid, match=re.escape(match)):
        Limits(sources=sources).check("ingest")

import pytest
import sqlalchemy as sa

from stocktide.errors import Conflict, Invalid, NotFound, Unauthorized
from stocktide.keys import create_key, find_key, hash_key, list_keys, replace_key, revoke_key


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


def test_create_key_names_the_scopes_when_one_is_unknown(database: sa.Engine) -> None:
    with database.begin() as connection, pytest.raises(Invalid, match="ingest, read, operate"):
        create_key(connection, "k", "admin")


def test_create_key_refuses_a_name_when_it_was_ever_given(database: sa.Engine) -> None:
    with database.begin() as connection:
        create_key(connection, "k", "read")
        with pytest.raises(Conflict, match="'k' exists"):
            create_key(connection, "k", "read")
        revoke_key(connection, "k")
        with pytest.raises(Conflict, match="not given again"):
            create_key(connection, "k", "read")


@pytest.mark.parametrize("text", ["", "stk_", "stk_wrong", "x" * 10_000, "ü\x00"])
def test_find_key_refuses_what_is_no_key(database: sa.Engine, text: str) -> None:
    with database.begin() as connection:
        create_key(connection, "k", "read")
        with pytest.raises(Unauthorized, match="unknown or revoked"):
            find_key(connection, text)


def test_find_key_refuses_at_once_when_the_key_is_revoked(database: sa.Engine) -> None:
    with database.begin() as connection:
        text = create_key(connection, "k", "read")
        revoke_key(connection, "k")
        with pytest.raises(Unauthorized):
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

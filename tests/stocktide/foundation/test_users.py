from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from stocktide.foundation.errors import Conflict, Invalid, NotFound
from stocktide.foundation.users import disable_user, password_hasher, set_user

PASSWORD = "a long password"


@pytest.fixture
def connection(database: sa.Engine) -> Iterator[sa.Connection]:
    """A connection with the user ann, a planner, on it."""
    with database.connect() as connection:
        set_user(connection, "ann", PASSWORD, "planner")
        yield connection


def test_set_user_stores_an_argon2id_hash_and_never_the_password(connection: sa.Connection) -> None:
    stored = connection.execute(sa.text("SELECT password_hash FROM users")).scalar_one()
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored


@pytest.mark.parametrize(
    ("name", "password", "role", "said"),
    [
        ("bob", PASSWORD, "king", "viewer, planner, operator"),
        ("bob", "short", "viewer", "at least 10"),
        ("Bob Smith", PASSWORD, "viewer", "in lower case"),
        ("", PASSWORD, "viewer", "in lower case"),
        ("b" * 65, PASSWORD, "viewer", "1 to 64"),
        ("b\x00", PASSWORD, "viewer", "in lower case"),
        ("bob\n", PASSWORD, "viewer", "in lower case"),
    ],
)
def test_set_user_names_what_is_wrong(
    connection: sa.Connection, name: str, password: str, role: str, said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        set_user(connection, name, password, role)


def test_set_user_refuses_a_second_of_a_name_unless_it_replaces(
    connection: sa.Connection,
) -> None:
    with pytest.raises(Conflict, match="stocktide users password ann"):
        set_user(connection, "ann", "another password", "viewer")
    disable_user(connection, "ann")
    set_user(connection, "ann", "another password", "viewer", replace=True)
    row = connection.execute(sa.text("SELECT role, disabled_at, password_hash FROM users")).one()
    assert (row.role, row.disabled_at) == ("viewer", None)
    assert password_hasher.verify(row.password_hash, "another password")


def test_disable_user_names_the_user_when_there_is_none(connection: sa.Connection) -> None:
    with pytest.raises(NotFound, match="no user 'bob'"):
        disable_user(connection, "bob")

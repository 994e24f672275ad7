from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from stocktide.foundation.errors import Conflict, Invalid, NotFound
from stocktide.foundation.users import (
    disable_user,
    enable_user,
    set_password,
    set_role,
    set_user,
)

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
        ("bob", PASSWORD, "king", "viewer, buyer, planner, operator"),
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


def test_set_user_refuses_a_second_of_a_name(connection: sa.Connection) -> None:
    with pytest.raises(Conflict, match="stocktide users password ann"):
        set_user(connection, "ann", "another password", "viewer")
    assert row_of(connection)["role"] == "planner"


def row_of(connection: sa.Connection, username: str = "ann") -> dict[str, Any]:
    """Return a user as stored."""
    row = connection.execute(
        sa.text("SELECT * FROM users WHERE username = :name"), {"name": username}
    )
    return dict(row.mappings().one())


CHANGES: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "password_hash": (set_password, ("another password",)),
    "role": (set_role, ("viewer",)),
    "disabled_at": (enable_user, ()),
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_change_of_a_user_changes_one_thing(connection: sa.Connection, column: str) -> None:
    """A disabled viewer whose password is set stays disabled and a viewer."""
    disable_user(connection, "ann")
    before = row_of(connection)
    change, values = CHANGES[column]
    change(connection, "ann", *values)
    after = row_of(connection)
    assert {name for name in before if before[name] != after[name]} == {column}


@pytest.mark.parametrize("change", [*CHANGES.values(), (disable_user, ())])
@pytest.mark.parametrize(
    ("name", "said"),
    [("anne", "Did you mean ann"), ("zebedee", "users create"), ("a\x00", "users create")],
)
def test_a_mistyped_name_is_refused_with_what_is_near(
    connection: sa.Connection,
    change: tuple[Callable[..., Any], tuple[str, ...]],
    name: str,
    said: str,
) -> None:
    function, values = change
    with pytest.raises(NotFound, match=said):
        function(connection, name, *values)
    assert connection.execute(sa.text("SELECT count(*) FROM users")).scalar_one() == 1


def test_disable_user_names_the_user_when_there_is_none(connection: sa.Connection) -> None:
    with pytest.raises(NotFound, match="no user 'bob'"):
        disable_user(connection, "bob")

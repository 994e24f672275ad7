from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from itsdangerous import URLSafeTimedSerializer

from stocktide.foundation import users
from stocktide.foundation.errors import Conflict, Invalid, NotFound, TooManyRequests, Unauthorized
from stocktide.foundation.users import (
    FAILURES_MAX,
    SignIn,
    User,
    disable_user,
    enable_user,
    set_password,
    set_role,
    set_user,
)

PASSWORD = "a long password"
KEY = "k" * 32


@pytest.fixture
def connection(database: sa.Engine) -> Iterator[sa.Connection]:
    """A connection with the user ann, a planner, on it."""
    with database.connect() as connection:
        set_user(connection, "ann", PASSWORD, "planner")
        yield connection


@pytest.fixture
def signin() -> SignIn:
    return SignIn(KEY, session_hours=1)


def test_set_user_stores_an_argon2id_hash_and_never_the_password(connection: sa.Connection) -> None:
    stored = connection.execute(sa.text("SELECT password_hash FROM users")).scalar_one()
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored


def test_sign_in_gives_user_and_token_when_the_password_is_right(
    connection: sa.Connection, signin: SignIn
) -> None:
    user, token = signin.sign_in(connection, "ann", PASSWORD)
    assert user == User("ann", "planner") == signin.user_of(token)
    assert PASSWORD not in token


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann", "a wrong password"),
        ("bob", PASSWORD),
        ("ann", ""),
        ("", ""),
        ("Ann", PASSWORD),
        ("ann\x00", PASSWORD),
        ("ann\ud800", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        ("x" * 100_000, PASSWORD),
    ],
)
def test_sign_in_says_the_same_whatever_is_wrong(
    connection: sa.Connection, signin: SignIn, name: str, password: str
) -> None:
    with pytest.raises(Unauthorized, match=r"^User name or password is wrong\.$") as caught:
        signin.sign_in(connection, name, password)
    assert (caught.value.code, caught.value.context) == ("sign_in", {})


def test_sign_in_refuses_when_the_user_is_disabled(
    connection: sa.Connection, signin: SignIn
) -> None:
    disable_user(connection, "ann")
    with pytest.raises(Unauthorized, match="wrong"):
        signin.sign_in(connection, "ann", PASSWORD)


def test_sign_in_slows_down_when_a_password_is_guessed(
    connection: sa.Connection, signin: SignIn
) -> None:
    set_user(connection, "bob", PASSWORD, "viewer")
    for _ in range(FAILURES_MAX):
        with pytest.raises(Unauthorized):
            signin.sign_in(connection, "ann", "a wrong guess")
    with pytest.raises(TooManyRequests, match=r"try again in \d+ s") as caught:
        signin.sign_in(connection, "ann", PASSWORD)
    assert 0 < caught.value.context["retry_after_s"] <= users.FAILURE_WINDOW_S + 1
    assert signin.sign_in(connection, "bob", PASSWORD)[0].username == "bob"


def test_sign_in_lets_in_again_when_the_window_has_passed(
    connection: sa.Connection, signin: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(FAILURES_MAX):
        with pytest.raises(Unauthorized):
            signin.sign_in(connection, "ann", "a wrong guess")
    monkeypatch.setattr(users, "FAILURE_WINDOW_S", 0.0)
    assert signin.sign_in(connection, "ann", PASSWORD)[0].username == "ann"


def test_sign_in_forgets_failures_when_the_right_password_comes(
    connection: sa.Connection, signin: SignIn
) -> None:
    for _ in range(3):
        for _ in range(FAILURES_MAX - 1):
            with pytest.raises(Unauthorized):
                signin.sign_in(connection, "ann", "a wrong guess")
        signin.sign_in(connection, "ann", PASSWORD)


def test_user_of_refuses_a_token_when_it_has_expired(connection: sa.Connection) -> None:
    signin = SignIn(KEY, session_hours=1)
    _, token = signin.sign_in(connection, "ann", PASSWORD)
    signin.session_s = -1
    with pytest.raises(Unauthorized, match="expired"):
        signin.user_of(token)


def test_user_of_refuses_a_token_when_it_was_not_signed_by_us(
    connection: sa.Connection, signin: SignIn
) -> None:
    _, token = signin.sign_in(connection, "ann", PASSWORD)
    claims = {"u": "ann", "r": "operator"}
    signed, _, signature = token.rpartition(".")
    # its first letter: the last one has bits that are not read
    other = ("A" if signature[0] != "A" else "B") + signature[1:]
    forged = [
        URLSafeTimedSerializer("another key", salt="stocktide.session").dumps(claims),
        URLSafeTimedSerializer(KEY, salt="another salt").dumps(claims),
        f"{signed}.{other}",
        "A" + token,
        signed,
        "",
        "nonsense",
        "ü.ü.ü",
    ]
    for text in forged:
        with pytest.raises(Unauthorized, match="not valid"):
            signin.user_of(text)


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


def test_set_user_refuses_a_second_of_a_name(connection: sa.Connection, signin: SignIn) -> None:
    with pytest.raises(Conflict, match="stocktide users password ann"):
        set_user(connection, "ann", "another password", "viewer")
    assert signin.sign_in(connection, "ann", PASSWORD)[0].role == "planner"


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

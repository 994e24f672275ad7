"""Signing in and staying so: guesses are counted before they are checked, and a session ends for everybody soon."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from itsdangerous import URLSafeSerializer

from stocktide.foundation import sessions as sessions_module
from stocktide.foundation import sign_in as sign_in_module
from stocktide.foundation.errors import TooManyRequests, Transient, Unauthorized
from stocktide.foundation.sessions import Sessions, end_sessions
from stocktide.foundation.sign_in import (
    ADDRESS_FAILURES_MAX,
    AT_ONCE,
    FAILURES_MAX,
    WAITING_MAX,
    Gate,
    SignIn,
)
from stocktide.foundation.users import User, disable_user, set_password, set_user

PASSWORD = "a long password"
KEY = "k" * 32


@pytest.fixture
def sessions(database: sa.Engine) -> Sessions:
    """Sessions of a database with the user ann, a planner, and bob, a viewer."""
    with database.begin() as connection:
        set_user(connection, "ann", PASSWORD, "planner")
        set_user(connection, "bob", PASSWORD, "viewer")
    return Sessions(database, KEY, session_hours=1)


@pytest.fixture
def signin(database: sa.Engine, sessions: Sessions) -> SignIn:
    return SignIn(database, sessions)


@pytest.fixture
def elsewhere(database: sa.Engine) -> Sessions:
    """Another process: it knows of nothing that happens here but by the database."""
    return Sessions(database, KEY, session_hours=1)


def guess(signin: SignIn, name: str = "ann", address: str | None = None) -> str:
    """Try a wrong password; returns the code of the refusal."""
    with pytest.raises((Unauthorized, TooManyRequests)) as caught:
        signin.sign_in(name, "a wrong guess", address)
    return str(caught.value.code)


def attempts(database: sa.Engine) -> list[tuple[str, str | None, str]]:
    query = "SELECT username, address, outcome FROM sign_in_attempts ORDER BY attempt_id"
    with database.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_a_right_password_begins_a_session_that_other_processes_know(
    signin: SignIn, sessions: Sessions, elsewhere: Sessions
) -> None:
    user, cookie = signin.sign_in("ann", PASSWORD, "10.0.0.1")
    assert user == User("ann", "planner") == sessions.user_of(cookie) == elsewhere.user_of(cookie)
    assert PASSWORD not in cookie


def test_the_table_keeps_no_text_that_signs_anybody_in(signin: SignIn, database: sa.Engine) -> None:
    _, cookie = signin.sign_in("ann", PASSWORD)
    with database.connect() as connection:
        kept = connection.execute(sa.text("SELECT session_hash FROM sessions")).scalar_one()
    token = URLSafeSerializer(KEY, salt="stocktide.session").loads(cookie)
    assert token.encode() not in bytes(kept)
    assert len(kept) == 32


@pytest.mark.parametrize(
    ("name", "password"),
    [("ann", "a wrong password"), ("zoe", PASSWORD), ("ann", ""), ("", ""), ("Ann", PASSWORD), ("ann\x00", PASSWORD),
     ("ann\ud800", PASSWORD), ("' OR 1=1 --", PASSWORD), ("x" * 100_000, PASSWORD)],
)  # fmt: skip
def test_the_same_is_said_whatever_is_wrong(signin: SignIn, name: str, password: str) -> None:
    with pytest.raises(Unauthorized, match=r"^User name or password is wrong\.$") as caught:
        signin.sign_in(name, password)
    assert (caught.value.code, caught.value.context) == ("sign_in", {})


def test_a_disabled_user_is_refused(signin: SignIn, database: sa.Engine) -> None:
    with database.begin() as connection:
        disable_user(connection, "ann")
    with pytest.raises(Unauthorized, match="wrong"):
        signin.sign_in("ann", PASSWORD)


def test_guessing_is_slowed_down_for_the_user_that_is_guessed(signin: SignIn) -> None:
    assert [guess(signin) for _ in range(FAILURES_MAX)] == ["sign_in"] * FAILURES_MAX
    with pytest.raises(TooManyRequests, match=r"for this user; try again in \d+ s") as caught:
        signin.sign_in("ann", PASSWORD)
    assert 0 < caught.value.context["retry_after_s"] <= sign_in_module.FAILURE_WINDOW_S + 1
    assert signin.sign_in("bob", PASSWORD)[0].username == "bob"


def test_many_guesses_at_once_are_no_more_guesses(database: sa.Engine, sessions: Sessions) -> None:
    """Forty at once, on two processes: five passwords are looked at."""
    processes = [SignIn(database, sessions), SignIn(database, sessions)]
    start = threading.Barrier(16)

    def one(number: int) -> str:
        if number < 16:
            start.wait()
        return guess(processes[number % 2])

    with ThreadPoolExecutor(16) as threads:
        codes = list(threads.map(one, range(40)))
    assert codes.count("sign_in") == FAILURES_MAX
    assert codes.count("sign_in_rate") == 40 - FAILURES_MAX


def test_the_window_passes(signin: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(FAILURES_MAX):
        guess(signin)
    monkeypatch.setattr(sign_in_module, "FAILURE_WINDOW_S", 0.0)
    assert signin.sign_in("ann", PASSWORD)[0].username == "ann"


def test_a_right_password_forgets_the_wrong_ones(signin: SignIn) -> None:
    for _ in range(3):
        for _ in range(FAILURES_MAX - 1):
            guess(signin)
        signin.sign_in("ann", PASSWORD)


def test_an_address_that_guesses_is_refused_before_anything_is_computed(signin: SignIn) -> None:
    for number in range(ADDRESS_FAILURES_MAX):
        guess(signin, f"user{number}", "10.0.0.9")
    began = time.process_time()
    for _ in range(1_000):
        with pytest.raises(TooManyRequests, match="from this address"):
            signin.check_address("10.0.0.9")
    assert time.process_time() - began < 0.5
    signin.check_address("10.0.0.8")


def test_what_was_tried_is_noted_without_the_password(signin: SignIn, database: sa.Engine) -> None:
    guess(signin, "ann", "10.0.0.1")
    signin.sign_in("bob", PASSWORD, "10.0.0.2")
    assert attempts(database) == [("ann", "10.0.0.1", "wrong"), ("bob", "10.0.0.2", "right")]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read is believed for a moment only."""
    monkeypatch.setattr(sessions_module, "FRESH_S", 0.0)


@pytest.mark.usefixtures("soon")
def test_a_session_ends_for_everybody(
    signin: SignIn, sessions: Sessions, elsewhere: Sessions, database: sa.Engine
) -> None:
    cookies = [signin.sign_in("ann", PASSWORD)[1] for _ in range(3)]
    other = signin.sign_in("bob", PASSWORD)[1]
    with database.begin() as connection:
        sessions.end(connection, cookies[0])
        sessions.end(connection, "no session")
    with pytest.raises(Unauthorized, match="ended"):
        elsewhere.user_of(cookies[0])
    assert elsewhere.user_of(cookies[1]).username == "ann"
    with database.begin() as connection:
        assert end_sessions(connection, username="ann") == 2
    for cookie in cookies[1:]:
        with pytest.raises(Unauthorized, match="ended"):
            elsewhere.user_of(cookie)
    assert elsewhere.user_of(other).username == "bob"


@pytest.mark.usefixtures("soon")
def test_disabling_and_a_new_password_end_sessions_and_a_new_role_holds_at_once(
    signin: SignIn, elsewhere: Sessions, database: sa.Engine
) -> None:
    ann, bob = signin.sign_in("ann", PASSWORD)[1], signin.sign_in("bob", PASSWORD)[1]
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE users SET role = 'operator' WHERE username = 'ann'"))
    assert elsewhere.user_of(ann).role == "operator"
    with database.begin() as connection:
        set_password(connection, "ann", "another password")
        disable_user(connection, "bob")
    for cookie in (ann, bob):
        with pytest.raises(Unauthorized, match="ended"):
            elsewhere.user_of(cookie)


@pytest.mark.usefixtures("soon")
def test_a_session_expires(database: sa.Engine, sessions: Sessions) -> None:
    short = Sessions(database, KEY, session_hours=0)
    _, cookie = SignIn(database, short).sign_in("ann", PASSWORD)
    with pytest.raises(Unauthorized, match="expired"):
        sessions.user_of(cookie)


def test_made_up_cookies_ask_no_database(signin: SignIn) -> None:
    _, cookie = signin.sign_in("ann", PASSWORD)
    nowhere = Sessions(sa.create_engine("postgresql+psycopg://localhost:1/x"), KEY, session_hours=1)
    signed, _, signature = cookie.rpartition(".")
    other = ("A" if signature[0] != "A" else "B") + signature[1:]
    forged = [
        URLSafeSerializer("another key", salt="stocktide.session").dumps("x"),
        URLSafeSerializer(KEY, salt="another salt").dumps("x"),
        f"{signed}.{other}", "A" + cookie, signed, "", "nonsense", "ü.ü.ü",
    ]  # fmt: skip
    for text in forged:
        with pytest.raises(Unauthorized, match="not valid"):
            nowhere.user_of(text)
    with pytest.raises(Transient, match="does not answer"):
        nowhere.user_of(cookie)


def test_while_the_database_is_away_who_was_known_stays_known(
    signin: SignIn, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, cookie = signin.sign_in("ann", PASSWORD)
    sessions.user_of(cookie)
    monkeypatch.setattr(sessions_module, "FRESH_S", 0.0)
    monkeypatch.setattr(sessions, "_engine", sa.create_engine("postgresql+psycopg://localhost:1/x"))
    assert sessions.user_of(cookie).username == "ann"
    monkeypatch.setattr(sessions_module, "STALE_S_MAX", 0.0)
    with pytest.raises(Transient):
        sessions.user_of(cookie)


def test_few_are_let_in_at_once_and_few_wait() -> None:
    """Of a hundred at once all but ten are told to come back, and two are inside at any time."""
    inside, most = 0, 0
    lock = threading.Lock()

    def check() -> str:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.02)
        with lock:
            inside -= 1
        return "done"

    async def flood() -> list[str | BaseException]:
        gate = Gate()
        try:
            return await asyncio.gather(
                *(gate.run(check) for _ in range(100)), return_exceptions=True
            )
        finally:
            gate.close()

    answers = asyncio.run(flood())
    assert answers.count("done") == AT_ONCE + WAITING_MAX
    assert (
        sum(isinstance(answer, TooManyRequests) for answer in answers)
        == 100 - AT_ONCE - WAITING_MAX
    )
    assert most == AT_ONCE

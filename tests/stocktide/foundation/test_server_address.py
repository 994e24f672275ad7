"""Whatever is wrong with a server's address, its password is printed nowhere."""

import contextlib
import io
import json
import logging
from typing import Any

import psycopg
import pytest
import redis
import sqlalchemy as sa
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from ingest.mqtt.broker import broker_of
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.database import create_engine
from stocktide.foundation.database_errors import first_line
from stocktide.foundation.errors import Invalid
from stocktide.foundation.server_address import SCHEMES, check_address, without_passwords
from stocktide.foundation.settings import Settings, load_settings
from stocktide.foundation.telemetry import JsonLines

# Pieces of eight characters, so that one of them in a message is no accident.
PIECES = ["Qx7vLm2k", "Zt9wPb4n"]
ODD = st.text(st.sampled_from("@:/?#[]%\\ '\"&=+,;"), max_size=3)
PASSWORDS = st.builds(lambda odd: odd.join(PIECES), ODD)
SEPARATORS = st.sampled_from(["://", ":/", ":", "//", "", ":///", "::"])
ANY_SCHEME = st.sampled_from(
    ["postgresql", "postgres", "psql", "mysql", "redis", "mqtt", "http", ""]
)
HOSTS = st.sampled_from(["db", "db:5432", "db:54x2", "db:99999", "[::1", "[::1]:5432", "", "a,b"])
TAILS = st.sampled_from(
    ["/x", "", "?sslmode=require", "/x?host=/tmp", "/x#f", "/x?password=Qx7vLm2k"]
)
ADDRESSES = st.builds(
    lambda scheme, between, password, host, tail: f"{scheme}{between}u:{password}@{host}{tail}",
    ANY_SCHEME,
    SEPARATORS,
    PASSWORDS,
    HOSTS,
    TAILS,
)


def check_hidden(text: str) -> None:
    for piece in PIECES:
        assert piece not in text, text


@pytest.mark.parametrize("name", sorted(SCHEMES))
@given(address=ADDRESSES)
@example("postgresql:/u:Qx7vLm2k@db/x")
@example("postgresql://u:Zt9w@Qx7vLm2k@db/x")
@example("redis://:Qx7vLm2k/Zt9wPb4n@db:6379/0")
@example("mqtt://u:Qx7vLm2k@b:port")
def test_settings_say_what_is_wrong_with_an_address_and_never_its_password(
    name: str, address: str
) -> None:
    try:
        settings = load_settings(**{name: address})
    except Invalid as error:
        check_hidden(error.message + str(error.context))
        said = error.message
    else:
        said = f"STOCKTIDE_{name.upper()}: "
        check_hidden(repr(settings))
        check_hidden(str(settings))
    assert said.startswith(f"STOCKTIDE_{name.upper()}: ")


@given(address=ADDRESSES)
def test_what_is_told_of_servers_that_are_away_holds_no_password(address: str) -> None:
    """Whatever of them passes: pieces that a library takes for a host would be in its messages."""
    said = io.StringIO()
    with contextlib.suppress(Invalid):
        engine = create_engine(address)
        said.write(repr(engine))
        check_hidden(str(engine.url.host) + str(engine.url.database))
        said.write(
            first_line(sa.exc.OperationalError("s", {}, psycopg.OperationalError(str(engine.url))))
        )
    with contextlib.suppress(Invalid):
        client: redis.Redis = connect_cache(address)
        kept = {k: v for k, v in client.get_connection_kwargs().items() if k != "password"}
        said.write(str(kept))
    with contextlib.suppress(Invalid, ValidationError):
        broker = broker_of(Settings(mqtt_url=address))
        said.write(repr(broker) + broker.shown)
    for door in (lambda: create_engine(address), lambda: connect_cache(address)):
        try:
            door()
        except Invalid as error:
            said.write(error.message)
    check_hidden(said.getvalue())


@given(
    password=st.text(
        st.characters(exclude_categories=["C", "Z"], exclude_characters="@/'\""), min_size=8
    )
)
def test_logs_show_no_password_of_an_address(password: str) -> None:
    assume("postgresql" not in password and password not in "event at level")
    record = logging.LogRecord("stocktide", logging.INFO, "", 0, "database_away", None, None)
    fields: dict[str, Any] = {"error": f"could not reach postgresql://u:{password}@db/x at all"}
    record.fields = fields
    line = JsonLines().format(record)
    assert json.loads(line)["error"] == "could not reach postgresql://***@db/x at all"


GOOD = {
    "database_url": [
        "postgresql://a",
        "postgresql://u:p%40w@db:5432/x?sslmode=require",
        "postgres://u@db/x",
        "postgresql+psycopg://u:p@[::1]:5432/x",
        "postgresql://u:p@/x?host=%2Ftmp%2Fs",
        "postgresql://stocktide:a-_b@/stocktide?host=/tmp/s",
        "postgresql://u:pa:ss!$&'()*+,;=@h1:1,h2:2/x",
    ],
    "redis_url": [
        "redis://c",
        "redis://:pw@c:6379/0",
        "unix:///tmp/a@b/v.sock",
        "rediss://u:p@c/1",
    ],
    "mqtt_url": ["mqtt://b", "mqtts://u:p@b:8883", "mqtt://127.0.0.1:1883"],
}


@pytest.mark.parametrize(("name", "address"), [(n, a) for n, many in GOOD.items() for a in many])
def test_addresses_that_are_right_pass(name: str, address: str) -> None:
    assert check_address(name, address) == address


def test_without_passwords_leaves_other_text_alone() -> None:
    text = "see http://127.0.0.1:8420/docs and mail a@b: 12:30"
    assert without_passwords(text) == text


def test_a_short_secret_key_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKTIDE_SECRET_KEY", "hunter2hunter2hunter2hunter2hun")
    with pytest.raises(Invalid, match=r"fewer than 32 characters.*openssl rand") as caught:
        load_settings()
    assert "hunter2" not in caught.value.message
    monkeypatch.setenv("STOCKTIDE_SECRET_KEY", "x" * 32)
    assert load_settings().secret_key == "x" * 32

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from stocktide.foundation.database_errors import (
    Reaction,
    first_line,
    is_in_the_way,
    is_retryable,
    reaction_to,
)
from stocktide.foundation.errors import Invalid, Transient


def failure(name: str) -> DBAPIError:
    """Make an error of SQLAlchemy around one of the driver's, by the name of its state."""
    return DBAPIError("INSERT", {}, getattr(psycopg.errors, name)("refused\nand more"))


@pytest.mark.parametrize(
    ("error", "reaction"),
    [
        (Transient("database_away", "away"), "transient"),
        (
            OperationalError("SELECT", {}, psycopg.OperationalError("connection refused")),
            "transient",
        ),
        (DBAPIError("SELECT", {}, psycopg.InterfaceError("the connection is closed")), "transient"),
        (psycopg.OperationalError("the connection is lost"), "transient"),
        (NoConnectionFree("QueuePool limit"), "transient"),
        (failure("AdminShutdown"), "transient"),
        (failure("CannotConnectNow"), "transient"),
        (failure("TooManyConnections"), "transient"),
        (failure("DiskFull"), "transient"),
        (failure("ConnectionFailure"), "transient"),
        (failure("DeadlockDetected"), "transient"),
        (failure("SerializationFailure"), "transient"),
        (failure("LockNotAvailable"), "transient"),
        (failure("QueryCanceled"), "transient"),
        (failure("ReadOnlySqlTransaction"), "transient"),
        (failure("NumericValueOutOfRange"), "content"),
        (failure("UntranslatableCharacter"), "content"),
        (failure("CheckViolation"), "content"),
        (failure("UniqueViolation"), "content"),
        (failure("ProgramLimitExceeded"), "content"),
        (psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"), "content"),
        (failure("StatementTooComplex"), "bug"),
        (failure("UndefinedTable"), "bug"),
        (failure("UndefinedColumn"), "bug"),
        (failure("SyntaxError"), "bug"),
        (failure("InsufficientPrivilege"), "bug"),
        (failure("InFailedSqlTransaction"), "bug"),
        (Invalid("wrong", "wrong"), "bug"),
        (KeyError("x"), "bug"),
    ],
)
def test_each_error_asks_for_one_reaction(error: Exception, reaction: Reaction) -> None:
    assert reaction_to(error) == reaction
    assert is_retryable(error) == (reaction == "transient")


def test_only_a_transaction_that_gave_way_is_tried_again_at_once() -> None:
    assert is_in_the_way(failure("DeadlockDetected"))
    assert is_in_the_way(psycopg.errors.LockNotAvailable("no"))
    assert not is_in_the_way(failure("AdminShutdown"))
    assert not is_in_the_way(KeyError("x"))


def test_the_first_line_is_the_driver_s_own() -> None:
    assert first_line(failure("SyntaxError")) == "refused"
    assert first_line(KeyError()) == "KeyError()"

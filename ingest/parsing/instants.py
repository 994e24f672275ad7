"""Instants as PostgreSQL counts them: microseconds since its own epoch."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def micros_of(moment: datetime) -> int:
    """Microseconds since PostgreSQL's epoch. moment: with its zone."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(micros: int) -> datetime:
    """The moment so many microseconds after PostgreSQL's epoch."""
    return EPOCH + timedelta(microseconds=micros)

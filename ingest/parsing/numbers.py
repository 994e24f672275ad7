"""Numbers of events, exactly, as integers: thousandths of a unit, millionths of money, microseconds of an instant."""

from datetime import UTC, datetime, timedelta

from ingest.parsing.events import NotAnEvent
from stocktide.domain.exact_numbers import MICRO_PLACES, MILLI_PLACES, NotExact, scaled_exactly

MILLI = 10**MILLI_PLACES
MICRO = 10**MICRO_PLACES
PLACES = {MILLI: MILLI_PLACES, MICRO: MICRO_PLACES}
# Instants as PostgreSQL counts them: microseconds since its own epoch.
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# Below this a float tells apart all decimals of the scale: 2^53 has 15 digits that can be trusted.
FLOAT_SAFE = 10**15
# Numbers that are cached: bounded, for a sender can make up as many as it likes.
CACHED_MAX = 20_000


def micros_of(moment: datetime) -> int:
    """Return microseconds since PostgreSQL's epoch. moment: with its zone."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(micros: int) -> datetime:
    """Return the moment so many microseconds after PostgreSQL's epoch."""
    return EPOCH + timedelta(microseconds=micros)


def scaled(value: int | float | str, name: str, scale: int, limit: int) -> int:
    """Return value * scale, exactly. Raises NotAnEvent for what is no number, too large or too precise."""
    if type(value) is int:
        if -limit <= value <= limit:
            return value * scale
    elif type(value) is float and -limit <= value <= limit:
        whole = round(value * scale)
        # a decimal of the scale has one nearest float, and this division finds just that one
        if whole / scale == value and -FLOAT_SAFE < whole < FLOAT_SAFE:
            return whole
    try:
        # text, and everything that has a fault to be named
        return scaled_exactly(value, PLACES[scale], limit)
    except NotExact as error:
        raise NotAnEvent(error.fault, f"{name} {error}", f"data.{name}") from None


class Scaled(dict[int | float | str, int]):
    """`scaled` of one field, cached: prices and quantities are the same few again and again."""

    def __init__(self, name: str, scale: int, limit: int) -> None:
        super().__init__()
        self._name, self._scale, self._limit = name, scale, limit

    def __missing__(self, value: int | float | str) -> int:
        """Compute it. Raises NotAnEvent as `scaled`."""
        result = scaled(value, self._name, self._scale, self._limit)
        if len(self) >= CACHED_MAX:
            self.clear()
        self[value] = result
        return result

"""Rates in their table; a rate that is new or another one takes the average costs again that it is part of."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any, NamedTuple

import msgspec
import sqlalchemy as sa

from ingest.ledger.dimensions import PUT_ROWS_MAX
from ingest.parsing.kinds import Currency
from stocktide.domain.exact_numbers import NotExact, Number, decimal_of, scaled_exactly
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid, NotFound

# Twelve decimals hold a thousandth of any currency in the largest; a rate beyond the limit is a typing error.
PLACES, RATE_MAX = 12, 1_000_000_000
AHEAD = timedelta(days=366)
FIELDS = ("base", "quote", "day", "rate")


class RateIn(msgspec.Struct, forbid_unknown_fields=True):
    """One unit of `base` is worth `rate` units of `quote`, from `day` on."""

    base: Currency
    quote: Currency
    day: Annotated[date, msgspec.Meta(description="YYYY-MM-DD; at most a year ahead.")]
    rate: Number


class RatesPut(NamedTuple):
    """Counts of rates. recorded: new ones, or with another value than before; unchanged: known before."""

    recorded: int
    unchanged: int


def rate_of(**fields: Any) -> RateIn:
    """Return a rate of its fields. Raises Invalid for what is not a currency, a day or a number."""
    try:
        return msgspec.convert(fields, RateIn, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(
            "bad_rate", f"{error}. Give two currencies such as EUR, a day YYYY-MM-DD and a number."
        ) from None


def put_rates(connection: sa.Connection, rates: Sequence[RateIn], *, by: str) -> RatesPut:
    """Record rates, all or none; the caller commits. Raises Invalid that names the row and field."""
    if len(rates) > PUT_ROWS_MAX:
        raise Invalid("too_many", f"{len(rates)} rows; at most {PUT_ROWS_MAX} in one call.")
    today: date = connection.execute(sa.text("SELECT current_date")).scalar_one()
    seen: dict[tuple[str, str, date], int] = {}
    rows = []
    for row, rate in enumerate(rates):
        key = (rate.base, rate.quote, rate.day)
        _refuse(row, rate, seen.setdefault(key, row), today)
        rows.append({**dict(zip(FIELDS, key, strict=False)), "rate": str(decimal_of(rate.rate))})
    binds = {"rows": json.dumps(rows, default=str), "by": by}
    days = connection.execute(statement("ingest/rates/put"), binds).scalars().all()
    _refold(connection, days)
    return RatesPut(len(days), len(rates) - len(days))


def _refuse(row: int, rate: RateIn, first: int, today: date) -> None:
    if first != row:
        raise Invalid(
            "repeated",
            f"rates[{row}]: {rate.base} to {rate.quote} on {rate.day} stands in row {first} already.",
            row=row,
        )
    if rate.base == rate.quote:
        raise Invalid(
            "same_currency",
            f"rates[{row}].quote: {rate.quote} is the base, too; name two currencies.",
            row=row,
        )
    if rate.day > today + AHEAD or rate.day.year < 1970:
        raise Invalid(
            "bad_day", f"rates[{row}].day: {rate.day} is before 1970 or over a year ahead.", row=row
        )
    try:
        scaled = scaled_exactly(rate.rate, PLACES, RATE_MAX)
    except NotExact as error:
        raise Invalid("bad_rate", f"rates[{row}].rate {error}", row=row) from None
    if scaled <= 0:
        raise Invalid("bad_rate", f"rates[{row}].rate must be above zero.", row=row)


def list_rates(
    connection: sa.Connection,
    *,
    base: str | None = None,
    quote: str | None = None,
    after: tuple[date, str, str] = (date.max, "", ""),
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Page through rates, the newest first. after: day, base and quote of the last one before the page."""
    day, after_base, after_quote = after
    binds = {"day": day, "after_base": after_base, "after_quote": after_quote}
    binds |= {"base": base, "quote": quote, "limit": limit}
    rows = connection.execute(statement("ingest/rates/list"), binds).mappings()
    return [dict(row) for row in rows]


def missing_rates(connection: sa.Connection) -> list[dict[str, Any]]:
    """Return pairs of currencies without a rate for which goods are left out of the average cost, and since when."""
    rows = connection.execute(statement("ingest/rates/missing")).mappings()
    return [dict(row) for row in rows]


def remove_rate(connection: sa.Connection, base: str, quote: str, day: date) -> None:
    """Take a rate back; the one before it holds again. The caller commits. Raises NotFound."""
    query = "DELETE FROM currency_rates WHERE (base, quote, day) = (:base, :quote, :day)"
    gone = connection.execute(sa.text(query), {"base": base, "quote": quote, "day": day})
    if gone.rowcount == 0:
        raise NotFound(
            "rate_unknown",
            f"There is no rate of {base} in {quote} dated {day}; `stocktide rates list` shows those there are.",
        )
    _refold(connection, [day])


def _refold(connection: sa.Connection, days: Sequence[date]) -> None:
    if days:
        connection.execute(statement("ingest/rates/refold"), {"since": min(days)})

"""Routes of rates between currencies."""

from datetime import date
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request

from ingest.rates.rates import RateIn, list_rates, put_rates, remove_rate
from stocktide.foundation.errors import Invalid
from stocktide.foundation.paging import Limit, next_key
from stocktide.foundation.rights import IngestKey, ReadKey
from stocktide.foundation.web import (
    asked_by,
    body_of,
    engine_of,
    in_transaction,
    read_body,
    settings_of,
)

router = APIRouter(prefix="/v1/rates", tags=["rates"])
Code = Annotated[str, Path(pattern="^[A-Z]{3}$")]
Wanted = Annotated[str | None, Query(pattern="^[A-Z]{3}$")]


class RatesIn(msgspec.Struct, forbid_unknown_fields=True):
    """Rates, and on whose behalf the key asks."""

    rates: list[RateIn]
    user: str | None = None


@router.get("")
def get_rates(
    request: Request,
    _key: ReadKey,
    base: Wanted = None,
    quote: Wanted = None,
    after: Annotated[str, Query(description="The `next` before.")] = "",
    limit: Limit = 100,
) -> dict[str, Any]:
    """Page through rates, the newest first: one unit of `base` is worth `rate` units of `quote` from `day` on."""
    with engine_of(request).connect() as connection:
        rows = list_rates(connection, base=base, quote=quote, after=_after(after), limit=limit)
    shown = [{**row, "key": f"{row['day']}/{row['base']}/{row['quote']}"} for row in rows]
    return {"rates": shown, "next": next_key(shown, limit, "key")}


@router.put("", openapi_extra=body_of(RatesIn))
async def put_rates_route(request: Request, key: IngestKey) -> dict[str, int]:
    """Record rates, all or none. One of the same currencies and day is replaced; the same again changes nothing."""
    body = await read_body(request, RatesIn, settings_of(request).body_bytes_max)
    by = asked_by(key, body.user)

    def write(connection: sa.Connection) -> dict[str, int]:
        return put_rates(connection, body.rates, by=by)._asdict()

    return await in_transaction(request, write)


@router.delete("/{base}/{quote}/{day}")
def delete_rate(
    request: Request, _key: IngestKey, base: Code, quote: Code, day: date
) -> dict[str, str]:
    """Take a rate back; the one before it holds again."""
    with engine_of(request).begin() as connection:
        remove_rate(connection, base, quote, day)
    return {"removed": f"{base}/{quote}/{day}"}


def _after(text: str) -> tuple[date, str, str]:
    """Read a page's key. Raises Invalid."""
    if not text:
        return (date.max, "", "")
    day, _, codes = text.partition("/")
    base, _, quote = codes.partition("/")
    try:
        return (date.fromisoformat(day), base, quote)
    except ValueError:
        raise Invalid("bad_after", "`after` is the `next` of the page before.") from None

"""Routes of terms: GET, PUT and DELETE, the same for each kind."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from ingest.terms.kinds import KINDS
from ingest.versions.http import add_writes
from ingest.versions.kinds import Kind
from ingest.versions.listing import list_rows
from stocktide.foundation.paging import Limit, checked_text, next_key
from stocktide.foundation.rights import OperateKey, ReadKey
from stocktide.foundation.web import engine_of

router = APIRouter(prefix="/v1/terms", tags=["terms"])


def _add_routes(kind: Kind) -> None:
    field = kind.name.replace("-", "_")

    def get(
        request: Request,
        _key: ReadKey,
        supplier: str | None = None,
        product: str | None = None,
        as_of: Annotated[
            AwareDatetime | None, Query(description="As they stood at this instant.")
        ] = None,
        history: Annotated[bool, Query(description="Also what was changed or withdrawn.")] = False,
        after: Annotated[int, Query(ge=0, le=2**63 - 1, description="The `next` before.")] = 0,
        limit: Limit = 100,
    ) -> dict[str, Any]:
        """Page through the terms in force, in the order of their recording."""
        asked = {"supplier": checked_text(supplier), "product": checked_text(product)}
        only = {name: text for name, text in asked.items() if text is not None}
        with engine_of(request).connect() as connection:
            rows = list_rows(
                connection, kind, only=only, as_of=as_of, history=history, after=after, limit=limit
            )
        return {field: rows, "next": next_key(rows, limit, kind.number)}

    router.get(f"/{kind.name}", name=f"get_{field}")(get)
    add_writes(router, kind, OperateKey)


for _kind in KINDS.values():
    _add_routes(_kind)

"""Routes of buying: lead times."""

from typing import Any

from fastapi import APIRouter, Request

from purchasing.lead_times import list_lead_times
from stocktide.foundation.paging import Limit, checked_text
from stocktide.foundation.rights import ReadKey
from stocktide.foundation.web import engine_of

router = APIRouter(prefix="/v1", tags=["buying"])


@router.get("/lead-times")
def get_lead_times(
    request: Request,
    _key: ReadKey,
    supplier: str | None = None,
    product: str | None = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """List how long suppliers take from order to receipt: chances by day, mean, 10 %, 50 % and 90 % quantile, days."""
    asked = {"supplier": checked_text(supplier), "product": checked_text(product)}
    with engine_of(request).connect() as connection:
        return {"lead_times": list_lead_times(connection, **asked, limit=limit)}

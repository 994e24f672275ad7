"""Routes of lineage: from a figure to its events, and from an event to all that holds it."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from query.lineage.trace import trace_event
from query.report_http import answered, reports_of
from query.report_past import moment_of
from stocktide.foundation.errors import Invalid
from stocktide.foundation.paging import checked_text
from stocktide.foundation.rights import ReadKeyAt, ReadKeyOf, place_for, require_source
from stocktide.foundation.web import engine_of

router = APIRouter(prefix="/v1", tags=["lineage"])


@router.get("/events/lineage")
def get_event_lineage(
    request: Request,
    key: ReadKeyOf,
    source: Annotated[str, Query(min_length=1, max_length=500)],
    event_id: Annotated[str, Query(alias="id", min_length=1, max_length=500)],
) -> dict[str, Any]:
    """Trace an event: the rows of ledger and lake that it went into, forecasts made of it, alerts raised since.

    `state` is landed, waiting (for the ETL), held_out or refused, and `words` say what to do. Each of `rows` names the
    version of its table, and the run, that first held the event; `is_there` is false where nothing is left of the row,
    as of one that was corrected. For a key that is limited to sources, `forecasts` and `alerts` are null.
    """
    require_source(key, source)
    return trace_event(
        engine_of(request),
        reports_of(request),
        checked_text(source),
        checked_text(event_id),
        alone=key.sources is not None,
    )


# Tables whose rows lead to events; the report knows of each which kinds it is made of.
Table = Literal[
    "movements",
    "daily_demand",
    "daily_stock",
    "orders",
    "order_lines",
    "purchases",
    "prices",
    "promotions",
    "feeds_days",
]


@router.get("/lineage/events")
async def get_events_behind(
    request: Request,
    key: ReadKeyAt,
    table: Annotated[Table, Query(description="Whose row it is.")] = "daily_demand",
    product: Annotated[str | None, Query(description="SKU.")] = None,
    location: str | None = None,
    day: Annotated[date | None, Query(description="The business day, at the location.")] = None,
    first: Annotated[date | None, Query(alias="from", description="First of some days.")] = None,
    last: Annotated[date | None, Query(alias="to", description="Last of them.")] = None,
    source: Annotated[str | None, Query(description="Of orders and feeds_days.")] = None,
    order_id: Annotated[str | None, Query(description="Of orders and purchases.")] = None,
    counts_as: Annotated[
        Literal["sold", "returned", "received", "adjusted"] | None,
        Query(description="Only events that count there."),
    ] = None,
    as_of: Annotated[str, Query(description="The past, as of reports.")] = "",
) -> Response:
    """List the events behind a figure: of one row of a table, or of the sum of several.

    As `Accept` says, all of them or an error: the same as the report `events`. Rows that are not `in_force` were
    corrected, or are corrections; the quantities of the others add up to the figure.
    """
    given: dict[str, Any] = {
        "product": checked_text(product),
        "location": place_for(key, checked_text(location)),
        "first": day or first,
        "last": day or last,
        "source": checked_text(source),
        "order_id": checked_text(order_id),
    }
    if not any(given.values()):
        raise Invalid(
            "lineage_all",
            "Name a product, a location, a day, a source or an order: else it is everything.",
        )
    texts = {name: str(value) for name, value in given.items() if value is not None}
    more = {} if counts_as is None else {"counts_as": counts_as}
    return await answered(request, "events", {"table": table, **texts, **more}, moment_of(as_of))

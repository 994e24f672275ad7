"""Routes of the read side."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from catalog.cache import ProductCache
from catalog.forecasts import find_nodes, node_days, published_run
from catalog.frames import read_record
from catalog.overrides import adjusted_days, override_values
from catalog.products import list_products, read_product
from catalog.state import judge_data
from catalog.stock import list_lots, list_stock, stock_as_of
from catalog.trending import TTL_S, Scope, read_trending
from catalog.unusual_days import list_unusual_days
from stocktide.foundation.errors import Invalid, NotFound
from stocktide.foundation.paging import Limit, checked_text, next_key, next_pair, pair_of
from stocktide.foundation.rights import ReadKey, ReadKeyAt, place_for, require_place
from stocktide.foundation.web import engine_of, settings_of

router = APIRouter(prefix="/v1", tags=["read"])


def cache_of(request: Request) -> ProductCache:
    """Return the process's cache, put there by the entry point."""
    cache: ProductCache = request.app.state.product_cache
    return cache


def data_of(request: Request) -> dict[str, Any]:
    """Return the state of the data: state, why, newest_day, whole_through, today, not_final (days still to grow)."""

    def judge() -> dict[str, Any]:
        now = datetime.now(UTC)
        return judge_data(read_record(engine_of(request), "freshness", now=now), now).as_dict()

    found: dict[str, Any] = cache_of(request).read(
        "freshness", "all", judge, ttl_s=TTL_S, counted=False
    )
    return found


@router.get("/products")
def get_products(
    request: Request, _key: ReadKey, q: str = "", after: str = "", limit: Limit = 50
) -> dict[str, Any]:
    """Page through products: `q` searches, `next` is the `after` of the next page, `data` the state of the data."""
    rows = list_products(engine_of(request), q=q, after=checked_text(after), limit=limit)
    return {"products": rows, "next": next_key(rows, limit, "sku"), "data": data_of(request)}


@router.get("/products/{sku:path}")
def get_product(request: Request, _key: ReadKey, sku: str) -> dict[str, Any]:
    """Return one product: name, price, stock at each location (units), and its forecast by period.

    `forecast_run.frequency` is D, W, M or Q: units a day, week, month or quarter, from `first_day` to `ds`.
    """
    product = read_product(engine_of(request), cache_of(request), checked_text(sku))
    return {**product, "data": data_of(request)}


@router.get("/stock")
def get_stock(
    request: Request,
    key: ReadKeyAt,
    product: str | None = None,
    location: str | None = None,
    after: str = "",
    limit: Limit = 100,
) -> dict[str, Any]:
    """Page through stock levels (units); `next` is the `after` of the next page, `data` the state of the data.

    `on_hand` is null where the stock is not known: before the first receipt or count, and below zero. `book` is what
    the ledger adds up to. Cost and value are in `currency`.
    """
    rows = list_stock(
        engine_of(request),
        product=checked_text(product),
        location=place_for(key, checked_text(location)),
        after=pair_of(after),
        limit=limit,
        currency=settings_of(request).currency,
    )
    return {"stock": rows, "next": next_pair(rows, limit), "data": data_of(request)}


@router.get("/stock/as-of")
def get_stock_as_of(
    request: Request,
    key: ReadKeyAt,
    product: str,
    location: str,
    at: Annotated[
        AwareDatetime | None, Query(description="Time of the stock; now if left out.")
    ] = None,
    known_at: Annotated[
        AwareDatetime | None,
        Query(description="Only what was recorded by then; now if left out."),
    ] = None,
) -> dict[str, Any]:
    """Return stock of one product at one location as of any moment, and as it was known at any moment (units)."""
    require_place(key, location)
    now = datetime.now(UTC)
    return stock_as_of(
        engine_of(request),
        product=checked_text(product),
        location=checked_text(location),
        at=at or now,
        known_at=known_at or now,
    )


@router.get("/lots")
def get_lots(
    request: Request, key: ReadKeyAt, product: str, location: str | None = None, limit: Limit = 100
) -> dict[str, Any]:
    """Return the lots of a product that are on hand, the next to expire first (units)."""
    place = place_for(key, checked_text(location))
    rows = list_lots(engine_of(request), product=checked_text(product), location=place, limit=limit)
    return {"lots": rows}


@router.get("/unusual-days")
def get_unusual_days(
    request: Request,
    _key: ReadKey,
    state: Literal["open", "confirmed", "excluded"] | None = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """List days that sold far more than their product ever did there; open and excluded ones train no forecast."""
    rows, found = list_unusual_days(engine_of(request), state=state, limit=limit)
    return {"days": rows, "found": found}


@router.get("/trending")
def get_trending(
    request: Request,
    key: ReadKeyAt,
    location: str | None = None,
    region: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """Return the products that sell most lately, at one location, in one region, or everywhere."""
    if location and region:
        raise Invalid("scope", "Give a location or a region, not both.")
    if region:
        require_place(key, None)
    scope = Scope(location=place_for(key, checked_text(location)), region=checked_text(region))
    settings = settings_of(request)
    found = read_trending(
        engine_of(request),
        cache_of(request),
        scope,
        half_life_h=settings.trend_half_life_h,
        limit=limit,
    )
    return {**found, "data": data_of(request)}


@router.get("/forecasts")
def get_forecasts(
    request: Request,
    _key: ReadKey,
    node: Annotated[
        int | None, Query(ge=0, le=2**31 - 1, description="One item (node), with its days.")
    ] = None,
    level: Annotated[
        str | None, Query(description="All items (nodes) of a level, such as `region / location`.")
    ] = None,
    parent: Annotated[
        int | None,
        Query(ge=0, le=2**31 - 1, description="The items one level below an item (node)."),
    ] = None,
    product: str | None = None,
    location: str | None = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Return the published forecast. Without a parameter: the run and its root. `total` is units over the horizon.

    `run.frequency` is D, W, M or Q: each of the `days` holds the units of one such period, from `first_day` to `ds`.
    `run.not_final` says which of the last days that it was made of were not final then. `adjusted_total`, and
    `adjusted` in each of the days, are with the overrides in force; `adjusted` is null where none reaches the item.
    """
    engine = engine_of(request)
    run = published_run(engine)
    if run is None:
        raise NotFound(
            "nothing_published", "No forecast is published yet; run `stocktide forecast`."
        )
    if node is not None:
        nodes = find_nodes(engine, node_id=node)
        of_node = {"days": _days_of(engine, node), "data": data_of(request)}
        return {"run": run, "nodes": nodes, **of_node}
    wanted = {"product": product, "location": location}
    keys = {name: checked_text(value) for name, value in wanted.items() if value}
    nodes = find_nodes(
        engine,
        level_name=checked_text(level),
        parent_id=parent,
        keys=keys or None,
        roots=level is None and parent is None and not keys,
        limit=limit,
    )
    days = _days_of(engine, nodes[0]["node_id"]) if keys and len(nodes) == 1 else None
    answer = {"run": run, "nodes": nodes, "data": data_of(request)}
    return {**answer, **({"days": days} if days else {})}


def _days_of(engine: sa.Engine, node: int) -> list[dict[str, Any]]:
    """Return a node's days as published, with what they are by the overrides in force."""
    adjusted = {row["ds"]: row for row in adjusted_days(engine, node)}
    own = ("ds", "first_day", "published")
    return [
        {
            **day,
            "adjusted": {name: value for name, value in found.items() if name not in own}
            if (found := adjusted.get(day["ds"]))
            else None,
        }
        for day in node_days(engine, node)
    ]


@router.get("/overrides/value", tags=["overrides"])
def get_override_value(request: Request, _key: ReadKey) -> dict[str, Any]:
    """Return what overrides were worth on periods that are over: `error_before` and `error_after` are sums of errors.

    A row for each override, planner, reason and level (`by`, `name`), and one in all. `gain` is the share of the error
    that was saved.
    """
    rows = override_values(engine_of(request))
    return {"value": rows.astype(object).where(rows.notna(), None).to_dict("records")}

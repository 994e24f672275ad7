"""Routes of the read side."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from catalog.cache import ProductCache
from catalog.forecasts import find_nodes, node_days, published_run
from catalog.products import list_products, read_product
from catalog.stock import list_lots, list_stock, stock_as_of
from catalog.trending import Scope, read_trending
from stocktide.errors import Invalid, NotFound
from stocktide.web import ReadKey, engine_of

router = APIRouter(prefix="/v1", tags=["read"])
Limit = Annotated[int, Query(ge=1, le=500, description="Most rows in the answer.")]


def cache_of(request: Request) -> ProductCache:
    """The process's cache, put there by the entry point."""
    cache: ProductCache = request.app.state.product_cache
    return cache


@router.get("/products")
def get_products(
    request: Request, _key: ReadKey, q: str = "", after: str = "", limit: Limit = 50
) -> dict[str, Any]:
    """Page through products: `q` searches, `next` is the `after` of the next page."""
    rows = list_products(engine_of(request), q=q, after=_text(after), limit=limit)
    return {"products": rows, "next": rows[-1]["sku"] if len(rows) == limit else None}


@router.get("/products/{sku:path}")
def get_product(request: Request, _key: ReadKey, sku: str) -> dict[str, Any]:
    """Give one product: name, price, stock at each location (units), and the coming days' forecast (units a day)."""
    return read_product(engine_of(request), cache_of(request), _text(sku))


@router.get("/stock")
def get_stock(
    request: Request,
    _key: ReadKey,
    product: str | None = None,
    location: str | None = None,
    after: str = "",
    limit: Limit = 100,
) -> dict[str, Any]:
    """Page through stock levels (units); `next` is the `after` of the next page."""
    after_product, _, after_location = _text(after).partition("\t")
    rows = list_stock(
        engine_of(request),
        product=product and _text(product),
        location=location and _text(location),
        after=(after_product, after_location),
        limit=limit,
    )
    last = rows[-1] if len(rows) == limit else None
    return {"stock": rows, "next": f"{last['product']}\t{last['location']}" if last else None}


@router.get("/stock/as-of")
def get_stock_as_of(
    request: Request,
    _key: ReadKey,
    product: str,
    location: str,
    at: Annotated[
        AwareDatetime | None, Query(description="Moment of the world; now where it is left out.")
    ] = None,
    known_at: Annotated[
        AwareDatetime | None,
        Query(description="By what was recorded until then; now where it is left out."),
    ] = None,
) -> dict[str, Any]:
    """Stock of one product at one location as of any moment, and as it was known at any moment (units)."""
    now = datetime.now(UTC)
    return stock_as_of(
        engine_of(request),
        product=_text(product),
        location=_text(location),
        at=at or now,
        known_at=known_at or now,
    )


@router.get("/lots")
def get_lots(
    request: Request, _key: ReadKey, product: str, location: str | None = None, limit: Limit = 100
) -> dict[str, Any]:
    """Lots of a product that are on hand, the next to expire first (units)."""
    place = location and _text(location)
    rows = list_lots(engine_of(request), product=_text(product), location=place, limit=limit)
    return {"lots": rows}


@router.get("/trending")
def get_trending(
    request: Request,
    _key: ReadKey,
    location: str | None = None,
    region: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """What sells most lately, at one location, in one region, or everywhere."""
    if location and region:
        raise Invalid("scope", "Give a location or a region, not both.")
    scope = Scope(location=location and _text(location), region=region and _text(region))
    half_life_h: float = request.app.state.recorder.settings.trend_half_life_h
    return read_trending(
        engine_of(request), cache_of(request), scope, half_life_h=half_life_h, limit=limit
    )


@router.get("/forecasts")
def get_forecasts(
    request: Request,
    _key: ReadKey,
    node: Annotated[
        int | None, Query(ge=0, le=2**31 - 1, description="One node, with its days.")
    ] = None,
    level: Annotated[
        str | None, Query(description="All nodes of a level, such as `region / location`.")
    ] = None,
    parent: Annotated[
        int | None, Query(ge=0, le=2**31 - 1, description="A node's children.")
    ] = None,
    product: str | None = None,
    location: str | None = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """The published forecast. Without a parameter: the run and its root. Units a day; `total` over the horizon."""
    engine = engine_of(request)
    run = published_run(engine)
    if run is None:
        raise NotFound(
            "nothing_published", "No forecast is published yet; run `stocktide forecast`."
        )
    if node is not None:
        nodes = find_nodes(engine, node_id=node)
        return {"run": run, "nodes": nodes, "days": node_days(engine, node)}
    wanted = {"product": product, "location": location}
    keys = {name: _text(value) for name, value in wanted.items() if value}
    nodes = find_nodes(
        engine,
        level_name=level and _text(level),
        parent_id=parent,
        keys=keys or None,
        roots=level is None and parent is None and not keys,
        limit=limit,
    )
    days = node_days(engine, nodes[0]["node_id"]) if keys and len(nodes) == 1 else None
    return {"run": run, "nodes": nodes, **({"days": days} if days else {})}


def _text(value: str) -> str:
    """Refuse what the database cannot hold. Raises Invalid."""
    if "\x00" in value:
        raise Invalid("bad_text", "A parameter holds a NUL character.")
    return value

"""A run proposes what to order today, from the newest forecast's paths, stock and terms; it puts it on the desk."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import sqlalchemy as sa

from purchasing.desk.proposals import Proposal, put_proposals, see
from purchasing.proposing.arrays import Floats, Future
from purchasing.proposing.drafts import Draft, draft_location
from purchasing.proposing.excluded import excluded_words
from purchasing.proposing.facts import Doubts, Facts, read_facts
from purchasing.proposing.money import rates_of, usual
from purchasing.proposing.moves import plan_moves
from purchasing.proposing.prepare import Defaults, Prepared, prepare
from purchasing.proposing.rationing import find_short, ration, share_within_stock
from purchasing.proposing.shared_lines import joined_suppliers
from purchasing.proposing.sharing import SharedOrders
from purchasing.proposing.telling_lines import tell_location
from purchasing.proposing.warehouses import Warehouses
from stocktide.foundation.errors import Conflict, NotFound
from stocktide.foundation.runs import single_flight

JOB = "orders"
DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12}
# A product at a location.
Pair = tuple[str, str]
# Reads the futures of the locations one after the other, and says of which forecast: a stage knows no other stage.
ReadFutures = Callable[[], tuple[int, Iterator[Future]]]


def propose_today(
    engine: sa.Engine,
    read_futures: ReadFutures,
    *,
    today: date,
    defaults: Defaults,
    by: str,
    now: datetime | None = None,
    read_doubts: Callable[[], Doubts] = dict,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Propose what to order today and put it on the desk; returns what was done.

    now: the moment of which today is the `business_day`: snoozes and rejections are then of the day at each location;
    None: of today. read_doubts: reads which shelves may be empty though the book has stock; lines of theirs say so.
    Raises Conflict while another run is under way, NotFound without a forecast that reaches today.
    """
    with single_flight(engine, JOB) as free:
        if not free:
            raise Conflict("orders_proposed", "Orders are being proposed already.")
        isolated = engine.execution_options(isolation_level="REPEATABLE READ")
        with isolated.begin() as connection:
            seen, facts = see(connection), read_facts(connection, today=today)
        facts = replace(facts, doubts=read_doubts())
        run, sales, forecast = expected_sales(read_futures, facts)
        prepared = prepare(facts, sales, today=today, defaults=defaults, now=now)
        drafts, pools, shared, served = _drafted(read_futures, prepared, facts, today)
        of_shops = [one for found in drafts.values() for one in found]
        for said in shared.waiting.values():
            tell(f"{said}; they wait")
        excluded = excluded_words(prepared.rows)
        for said in (*shared.not_counted.values(), *excluded.values()):
            tell(said)
        unknown = without_forecast(facts.pairs, forecast | served)
        if unknown:
            have = "1 shelf has" if len(unknown) == 1 else f"{len(unknown):,} shelves have"
            tell(f"{have} no forecast: nothing is proposed for them")
        moves = plan_moves(of_shops, facts, least_worth=defaults.move_worth, orders=shared.lines)
        proposals: list[Proposal] = []
        told = chain(((one, drafts[one.location]) for one in read_futures()[1]), pools)
        for future, of in told:
            made = tell_location(future, of, facts, shared.lines, shared.prices)
            proposals += made
            tell(f"{future.location}: {len(made):,} lines")
        detail = {
            "lines_looked_at": len(prepared.rows),
            "defaults": vars(defaults),
            "waiting": shared.waiting,
            "not_counted": shared.not_counted,
            "excluded": excluded,
            "moves": [asdict(move) for move in moves],
            # lines whose paths follow what was sold after the forecast was made
            "levels_moved": sum(one.explanation.get("level") is not None for one in proposals),
            "without_forecast": len(unknown),
        }
        seen = replace(seen, forecast_run_id=run, detail=detail)
        with engine.begin() as connection:
            day = today if now is None else None
            done = put_proposals(connection, seen, proposals, by=by, today=day, unknown=unknown)
        return {**done._asdict(), "proposals": len(proposals), "forecast_run_id": run, **detail}


class _Drafted(NamedTuple):
    """What lines would order by themselves, by location and by warehouse, and what they order together.

    served: what warehouses hold for their shops.
    """

    drafts: dict[str, list[Draft]]
    pools: list[tuple[Future, list[Draft]]]
    shared: SharedOrders
    served: set[Pair]


def _drafted(
    read_futures: ReadFutures, prepared: Prepared, facts: Facts, today: date
) -> "_Drafted":
    joined = joined_suppliers(facts)
    warehouses, drafts = Warehouses(prepared, facts, today=today), {}
    for future in read_futures()[1]:
        drafts[future.location] = draft_location(
            future, prepared, facts, today=today, joined=joined
        )
        warehouses.add(future)
    pools = [
        (pool.future, warehouses.drafts(pool, joined=joined)) for pool in warehouses.pools.values()
    ]
    of_shops = [one for found in drafts.values() for one in found]
    have = warehouses.available()

    def cut(orders: SharedOrders) -> None:
        # of what is short alone: paths of all locations may not fit into memory, they are read again
        if short := find_short(of_shops, orders, have, facts.decided):
            ration(short, orders, read_futures()[1], prepared)

    theirs = [one for _, found in pools for one in found]
    shared = share_within_stock(of_shops, theirs, facts, cut, today=today)
    return _Drafted(drafts, pools, shared, warehouses.pairs)


def from_today(
    location: str,
    leaves: pd.DataFrame,
    ends: pd.DatetimeIndex,
    values: Any,
    *,
    frequency: str,
    today: date,
    overrides: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    levels: Mapping[str, Mapping[str, Any]] | None = None,
    sold: Floats | None = None,
) -> Future:
    """Return paths from the period of today on. ends: last day of each period. Raises NotFound if they end before.

    overrides, levels: by product, those that are in the paths. sold: as of `Future`.
    """
    days = DAYS[frequency]
    first_after = [end.date() for end in ends]
    reach = [number for number, end in enumerate(first_after) if end >= today]
    if not reach:
        raise NotFound(
            "forecast_over",
            f"The forecast ends on {first_after[-1]}, before today; run `stocktide forecast`.",
        )
    starts = [end - timedelta(days=round(days) - 1) for end in first_after]
    return Future(
        location,
        leaves["product"].astype(str).tolist(),
        [max(today, start) for start in starts[reach[0] :]],
        days,
        _from_now(values[:, :, reach[0] :], (first_after[reach[0]] - today).days + 1, days),
        overrides or {},
        levels or {},
        sold,
        starts[0] - timedelta(days=1),
    )


def _from_now(values: Any, left: int, days: float) -> Any:
    """Return paths (B, k, T) whose first period is what is left of it: of a week or month that has begun, its days."""
    share = left / round(days)
    if share >= 1:
        return values
    first = values[:, :, 0] * np.float32(share)
    if (values == np.rint(values)).all():
        # one draw a path, so that whole units stay whole, without bias
        first = np.floor(
            first + np.random.default_rng(0).random((len(values), 1), dtype=np.float32)
        )
    return np.concatenate([first[:, :, None], values[:, :, 1:]], axis=2)


def without_forecast(pairs: pd.DataFrame, forecast: set[Pair]) -> set[Pair]:
    """Return the shelves of which stock is known and no forecast: a run cannot say what they need."""
    if not len(pairs):
        return set()
    counted = pairs[pairs["is_counted"].to_numpy(bool)]
    return set(zip(counted["product"], counted["location"], strict=True)) - forecast


def expected_sales(read_futures: ReadFutures, facts: Facts) -> tuple[int, pd.Series, set[Pair]]:
    """Return the forecast's run, the sales that it expects of each product, money, for classes, and what it is of.

    Money of the currency that most prices are in; a price that no rate turns into it is not known.
    """
    run, futures = read_futures()
    pairs, price = facts.pairs, pd.Series(dtype=float)
    if len(pairs):
        price = pairs.set_index(["product", "location"])["price"].astype(float)
        price *= rates_of(facts.rates, pairs["currency"], [usual(pairs["currency"])] * len(pairs))
    total = pd.Series(dtype=float)
    forecast: set[Pair] = set()
    for future in futures:
        forecast |= {(product, future.location) for product in future.products}
        units = pd.Series(future.values.mean(axis=0).sum(axis=1), index=future.products)
        known = price.reindex([(product, future.location) for product in future.products]).to_numpy(
            float
        )
        total = total.add(
            units * pd.Series(known, index=future.products).fillna(0.0), fill_value=0.0
        )
    return run, total, forecast

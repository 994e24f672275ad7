"""A run proposes what to order today, from the newest forecast's paths, stock and terms; it puts it on the desk."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from purchasing.desk.proposals import Proposal, put_proposals, see
from purchasing.proposing.arrays import Floats, Future
from purchasing.proposing.compute import draft_location, tell_location
from purchasing.proposing.facts import Doubts, read_facts
from purchasing.proposing.moves import plan_moves
from purchasing.proposing.prepare import Defaults, prepare
from purchasing.proposing.shared_lines import joined_suppliers
from purchasing.proposing.sharing import share_orders
from stocktide.foundation.errors import Conflict, NotFound
from stocktide.foundation.runs import single_flight

JOB = "orders"
DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12}
# Reads the futures of the locations one after the other, and says of which forecast: a stage knows no other stage.
ReadFutures = Callable[[], tuple[int, Iterator[Future]]]


def propose_today(
    engine: sa.Engine,
    read_futures: ReadFutures,
    *,
    today: date,
    defaults: Defaults,
    by: str,
    read_doubts: Callable[[], Doubts] = dict,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Propose what to order today and put it on the desk; returns what was done.

    read_doubts: reads which shelves may be empty though the book has stock; lines of theirs say so.
    Raises Conflict while another run is under way, NotFound without a forecast that reaches today.
    """
    with single_flight(engine, JOB) as free:
        if not free:
            raise Conflict("orders_proposed", "Orders are being proposed already.")
        isolated = engine.execution_options(isolation_level="REPEATABLE READ")
        with isolated.begin() as connection:
            seen, facts = see(connection), read_facts(connection, today=today)
        facts = replace(facts, doubts=read_doubts())
        run, sales = expected_sales(read_futures, facts.pairs)
        prepared = prepare(facts, sales, today=today, defaults=defaults)
        joined = joined_suppliers(facts)
        drafts = {
            future.location: draft_location(future, prepared, facts, today=today, joined=joined)
            for future in read_futures()[1]
        }
        shared = share_orders(
            [one for found in drafts.values() for one in found], facts, today=today
        )
        for said in shared.waiting.values():
            tell(f"{said}; they wait")
        moves = plan_moves(
            [one for found in drafts.values() for one in found],
            facts,
            least_worth=defaults.move_worth,
        )
        proposals: list[Proposal] = []
        # paths of all locations may not fit into memory: they are read again
        for future in read_futures()[1]:
            of = drafts[future.location]
            made = tell_location(future, of, facts, shared.lines, shared.prices)
            proposals += made
            tell(f"{future.location}: {len(made):,} lines")
        detail = {
            "lines_looked_at": len(prepared.rows),
            "defaults": vars(defaults),
            "waiting": shared.waiting,
            "moves": [asdict(move) for move in moves],
            # lines whose paths follow what was sold after the forecast was made
            "levels_moved": sum(one.explanation["level"] is not None for one in proposals),
        }
        seen = replace(seen, forecast_run_id=run, detail=detail)
        with engine.begin() as connection:
            done = put_proposals(connection, seen, proposals, by=by, today=today)
        return {**done._asdict(), "proposals": len(proposals), "forecast_run_id": run, **detail}


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
        values[:, :, reach[0] :],
        overrides or {},
        levels or {},
        sold,
    )


def expected_sales(read_futures: ReadFutures, pairs: pd.DataFrame) -> tuple[int, pd.Series]:
    """Return the forecast's run, and the sales that it expects of each product, money: for classes."""
    run, futures = read_futures()
    price = (
        pairs.set_index(["product", "location"])["price"] if len(pairs) else pd.Series(dtype=float)
    )
    total = pd.Series(dtype=float)
    for future in futures:
        units = pd.Series(future.values.mean(axis=0).sum(axis=1), index=future.products)
        known = price.reindex([(product, future.location) for product in future.products]).to_numpy(
            float
        )
        total = total.add(
            units * pd.Series(known, index=future.products).fillna(0.0), fill_value=0.0
        )
    return run, total

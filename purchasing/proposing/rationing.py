"""What a warehouse of our own has too little of is shared out, so that a unit is worth the same in every shop."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from purchasing.proposing.arrays import Future, lead_shares, reaching
from purchasing.proposing.drafts import Draft, Shared, at_spread, demand_of, quantities_of
from purchasing.proposing.facts import Facts
from purchasing.proposing.prepare import Prepared
from purchasing.proposing.sharing import SharedOrders, share_orders
from replenishment import lead_times_of, line_needs, share_out
from stocktide.domain.exact_numbers import in_full

Pair = tuple[str, str]


class Asked(NamedTuple):
    """A line that asks a warehouse for units, and where it stands: number of its draft's lines."""

    draft: Draft
    number: int
    units: float


@dataclass(frozen=True)
class Short:
    """Goods of which a warehouse has too little. have: units; asked: of all shops; lines: by product and location."""

    source: str
    product: str
    have: float
    asked: float
    lines: Mapping[Pair, Asked]

    @property
    def why(self) -> str:
        """Say it as a line does."""
        return f"{self.source} has {in_full(self.have)} of {in_full(self.asked)} asked for"


def find_short(
    drafts: Sequence[Draft],
    orders: SharedOrders,
    stock: Mapping[Pair, float],
    decided: Mapping[Pair, float | None],
) -> list[Short]:
    """Return what shops ask for that their warehouse has not. stock: units by location and product.

    decided: of `Facts`; what a buyer set is taken from the stock first, and what is in no order of today asks for none.
    """
    asked: dict[Pair, dict[Pair, Asked]] = {}
    taken: dict[Pair, float] = defaultdict(float)
    for draft in drafts:
        units = quantities_of(draft, orders.lines)
        rows = zip(*(draft.rows[name] for name in ("source", "product", "location")), strict=True)
        for number, (source, product, location) in enumerate(rows):
            if not isinstance(source, str):
                continue
            pair, shelf = (product, location), (source, product)
            if pair in decided:
                taken[shelf] += decided[pair] or 0.0
            elif units[number] > 0:
                asked.setdefault(shelf, {})[pair] = Asked(draft, number, float(units[number]))
    found = []
    for (source, product), lines in sorted(asked.items()):
        have = max(0.0, stock.get((source, product), 0.0) - taken[source, product])
        total = sum(one.units for one in lines.values())
        if total > have + 1e-9:
            found.append(Short(source, product, have, total, lines))
    return found


def ration(
    short: Sequence[Short], orders: SharedOrders, futures: Iterable[Future], prepared: Prepared
) -> None:
    """Cut lines to their share of what their warehouse has; what it is short of is told in `waiting`.

    futures: of the locations, read again: of what is short alone the needs of each path are kept.
    """
    needs = _needs(short, futures, prepared)
    for one in short:
        pairs = list(one.lines)
        lines = [one.lines[pair] for pair in pairs]
        wanted = np.array([line.units for line in lines])
        step, value, least = (np.array(of) for of in zip(*map(_terms, lines), strict=True))
        alone = np.zeros(len(lines), dtype=np.int64)
        need = np.stack([needs[pair] for pair in pairs])
        shares = share_out(
            need, [one.have], alone, value=value, step=step, least=least, most=wanted
        )
        for pair, asked, share in zip(pairs, wanted.tolist(), shares.tolist(), strict=True):
            if share < asked - 1e-9:
                orders.lines[pair] = Shared(share, one.why)
    for source in sorted({one.source for one in short}):
        mine = [one for one in short if one.source == source]
        missing = sum(one.asked - one.have for one in mine)
        goods = "1 product" if len(mine) == 1 else f"{len(mine):,} products"
        orders.waiting[source] = (
            f"{source} has too little of {goods}: {in_full(missing)} units less than its shops ask for"
        )


def share_within_stock(
    drafts: Sequence[Draft],
    theirs: Sequence[Draft],
    facts: Facts,
    cut: Callable[[SharedOrders], None],
    *,
    today: date,
) -> SharedOrders:
    """Return what lines order together, and shops no more of their warehouses than these have.

    drafts: of shops; theirs: of warehouses. cut: cuts orders to what warehouses have (`find_short`, `ration`). What is
    shared out first takes no room of what can come. What a limit then leaves of a share is shared out once more.
    """
    every, held = [*drafts, *theirs], SharedOrders()
    cut(held)
    shared = share_orders(every, facts, today=today, held=held)
    suppliers: dict[Pair, str] = {}
    for draft in drafts if held.lines else ():
        pairs = zip(draft.rows["product"], draft.rows["location"], strict=True)
        suppliers.update(zip(pairs, draft.rows["supplier"], strict=True))
    # what waits for a larger order leaves nothing to others
    left = {
        pair: shared.lines[pair]
        for pair, share in held.lines.items()
        if shared.lines[pair].quantity < share.quantity - 1e-9
        and suppliers[pair] not in shared.waiting
    }
    if left:
        held = SharedOrders(lines=left)
        cut(held)
        shared = share_orders(every, facts, today=today, held=held)
    # filling up may ask for more than there is
    cut(shared)
    return shared


def _terms(line: Asked) -> tuple[float, float, float]:
    """Return step, what a unit missed costs, and the least order of a line."""
    one = line.draft.lines.take(slice(line.number, line.number + 1))
    worth = float(one.worth[0])
    return float(one.step[0]), worth if worth > 0 else 1.0, float(one.minimum[0])


def _needs(
    short: Sequence[Short], futures: Iterable[Future], prepared: Prepared
) -> dict[Pair, NDArray[np.float32]]:
    """Return what each line of what is short needs on each path, (B,)."""
    wanted: dict[str, list[tuple[Pair, Asked]]] = {}
    for one in short:
        for pair, line in one.lines.items():
            wanted.setdefault(pair[1], []).append((pair, line))
    found: dict[Pair, NDArray[np.float32]] = {}
    for future in futures:
        mine = wanted.get(future.location, [])
        for draft in {id(line.draft): line.draft for _, line in mine}.values():
            some = [(pair, line.number) for pair, line in mine if line.draft is draft]
            need = _draft_needs(draft, np.array([number for _, number in some]), future, prepared)
            found |= {pair: of for (pair, _), of in zip(some, need, strict=True)}
    return found


def _draft_needs(
    draft: Draft, numbers: NDArray[np.int64], future: Future, prepared: Prepared
) -> NDArray[np.float32]:
    rows = draft.rows.iloc[numbers]
    leads = lead_times_of(lead_shares(rows, prepared, future))
    review = draft.policy.review[numbers]
    reach = int((leads.longest + review).max())
    demand = reaching(demand_of(future, rows), reach, future.days)
    if draft.spans is not None:
        demand = at_spread(demand, future, rows, draft.spans[numbers])
    return line_needs(draft.lines.take(numbers), demand, leads, review).need

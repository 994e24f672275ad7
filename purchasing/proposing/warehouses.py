"""A warehouse orders for its shops: their paths and their stock, added up location by location as they are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from purchasing.proposing.arrays import Floats, Future, Onward, lead_shares, lines_of
from purchasing.proposing.dates import Supplying, later_by, middle_day
from purchasing.proposing.drafts import SURELY, Draft, demand_of, draft_location
from purchasing.proposing.facts import Facts
from purchasing.proposing.lead_days import supplying_of
from purchasing.proposing.prepare import Prepared
from replenishment import LeadTimes, Lines, lead_times_of, make_lines, pool_lines, pool_paths


@dataclass
class Pool:
    """A warehouse's lines and the sums of its shops: n products, B paths, T periods.

    rows: of `Prepared.centres`. leads: chances of days until an order is in the shops, by supplier and product.
    onward: the days until what comes to the warehouse in some days is there.
    shops: (n,) lines of all shops together, with stock and what is on its way; count: (n,) how many, codes: which.
    values: (B, n, T)
    units, its own sales with them, and sold of all of them, as of `Future`. keeps: (n,) units that it will sell itself
    before it can be supplied.
    """

    location: str
    rows: pd.DataFrame
    leads: Mapping[tuple[str, str], Floats]
    onward: Onward
    starts: list[date]
    days: float
    values: NDArray[np.float32]
    shops: Lines
    count: NDArray[np.int64]
    codes: list[list[str]]
    sells_itself: NDArray[np.bool_]
    keeps: Floats
    made_on: date | None = None
    sold: Floats | None = None
    overrides: dict[str, dict[Any, Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def future(self) -> Future:
        """Return the joint demand on the warehouse."""
        told = {product: list(of.values()) for product, of in self.overrides.items()}
        products = self.rows["product"].tolist()
        return Future(
            self.location,
            products,
            self.starts,
            self.days,
            self.values,
            told,
            sold=self.sold,
            made_on=self.made_on,
        )


class Warehouses:
    """The warehouses of a run, made of what `prepare` found. Nothing but sums is kept of the shops."""

    def __init__(self, prepared: Prepared, facts: Facts, *, today: date) -> None:
        self._prepared, self._facts, self._today = prepared, facts, today
        self._supplying = supplying_of(facts)
        self.pools: dict[str, Pool] = {}

    def add(self, future: Future) -> None:
        """Add one location's paths and stock to the warehouses that supply it, and its own sales to a warehouse."""
        centres = self._prepared.centres
        if centres.empty:
            return
        for location, rows in centres.groupby("location", sort=True):
            if location not in self.pools:
                self.pools[str(location)] = self._open(str(location), rows, future)
            pool = self.pools[str(location)]
            if future.location == location:
                self._add_own(pool, future)
            else:
                self._add_shop(pool, future)

    def drafts(self, pool: Pool, *, joined: set[str]) -> list[Draft]:
        """Return what a warehouse's lines would order for its shops and itself; of products that somebody sells."""
        sold = (pool.count > 0) | pool.sells_itself
        rows = pool.rows.assign(
            shops=pool.count,
            shop_codes=pd.Series(pool.codes, dtype=object),
            in_shops=pool.shops.on_hand,
            sells_itself=pool.sells_itself,
        )
        rows = rows[sold & rows["is_open"].to_numpy(bool)].reset_index(drop=True)
        prepared = replace(self._prepared, rows=rows, leads=pool.leads)
        place = {product: number for number, product in enumerate(pool.rows["product"])}

        def with_shops(rows: pd.DataFrame, periods: int, leads: LeadTimes) -> Lines:
            lines = lines_of(
                rows, pool.future, self._facts, self._today, periods, leads, onward=pool.onward
            )
            shops = pool.shops.take(rows["product"].map(place).to_numpy(np.int64))
            coming = shops.arriving(shops.on_order.shape[1]).sum(axis=1)
            there = shops.on_hand - shops.reserved + coming
            pooled = pool_lines(lines, shops, np.arange(len(lines)))
            # what lies in shops takes no room in the warehouse
            return pooled.replace(capacity=lines.capacity + np.maximum(there, 0.0))

        return draft_location(
            pool.future, prepared, self._facts, today=self._today, joined=joined, lined=with_shops
        )

    @property
    def pairs(self) -> set[tuple[str, str]]:
        """Return products and locations of warehouses that somebody sells, whether they are forecast there or not."""
        return {
            (product, location)
            for location, pool in self.pools.items()
            for product in pool.rows.loc[(pool.count > 0) | pool.sells_itself, "product"]
        }

    def available(self) -> dict[tuple[str, str], float]:
        """Return units that each warehouse can send, by location and product.

        On hand, less what is promised, and what it will sell itself until it can be supplied.
        """
        pairs = self._facts.pairs
        sources = set(self._prepared.supplied.get("source", ()))
        here = pairs[pairs["location"].isin(sources)] if sources else pairs.iloc[:0]
        kept = {
            (location, product): units
            for location, pool in self.pools.items()
            for product, units in zip(pool.rows["product"], pool.keeps.tolist(), strict=True)
        }
        free = (here["on_hand"] - here["reserved"]).to_numpy(np.float64).tolist()
        named = zip(here["location"], here["product"], strict=True)
        return {
            pair: max(0.0, units - kept.get(pair, 0.0))
            for pair, units in zip(named, free, strict=True)
        }

    def _open(self, location: str, rows: pd.DataFrame, future: Future) -> Pool:
        rows = rows.reset_index(drop=True)
        leads, reviews = self._leads(location, rows)
        onward = self._onward(location)
        rows = rows.assign(review=reviews)
        periods = lead_shares(rows, replace(self._prepared, leads=leads), future).shape[1]
        periods += int(np.ceil(rows["review"].max() / future.days)) + 1
        B, _, T = future.values.shape
        n = len(rows)
        none = np.zeros(n)
        return Pool(
            location,
            rows,
            leads,
            onward,
            future.starts,
            future.days,
            np.zeros((B, n, T), dtype=np.float32),
            make_lines(none, on_order=np.zeros((n, max(T, periods)))),
            np.zeros(n, dtype=np.int64),
            [[] for _ in range(n)],
            np.zeros(n, dtype=np.bool_),
            none,
            future.made_on,
            None if future.sold is None else np.zeros((len(future.sold), n)),
        )

    def _leads(
        self, location: str, rows: pd.DataFrame
    ) -> tuple[dict[tuple[str, str], Floats], list[float]]:
        """Return chances of days until an order of each line is in the shops, and the days that it must last there."""
        supplied = self._prepared.supplied
        on = supplied[supplied["source"] == location].drop_duplicates("product")
        then = on.set_index("product")["supplier"].to_dict()
        leads, reviews = {}, []
        # most products share both ways
        known: dict[tuple[Any, ...], tuple[Floats, float]] = {}
        for row in rows.to_dict("records"):
            pair, shop = (row["supplier"], row["product"]), then.get(row["product"])
            if shop is None:
                leads[pair] = self._prepared.leads[pair]
                reviews.append(float(row["review"]))
                continue
            ways = self._prepared.ways[pair], self._prepared.ways[shop, row["product"]]
            key = (row["supplier"], shop, *(way.tobytes() for way in ways))
            if key not in known:
                known[key] = self._through(row["supplier"], shop, *ways)
            leads[pair], days = known[key]
            reviews.append(days)
        return leads, reviews

    def _onward(self, location: str) -> Onward:
        """Return the middle day on which goods of a product that come to a warehouse on a day are in the shops."""
        supplied = self._prepared.supplied
        on = supplied[supplied["source"] == location].drop_duplicates("product")
        ways = {
            product: (shop, self._prepared.ways[shop, product])
            for shop, product in zip(on["supplier"], on["product"], strict=True)
        }
        known: dict[tuple[str, bytes, int], int] = {}

        def onward(product: str, day: int) -> int:
            if product not in ways:
                return day
            shop, way = ways[product]
            key = (shop, way.tobytes(), day)
            if key not in known:
                then, came = self._supplying.get(shop, Supplying()), np.zeros(day + 1)
                came[day] = 1.0
                known[key] = middle_day(then.sent_on(came, way, self._today))
            return known[key]

        return onward

    def _through(
        self, supplier: str, shop: str, way: Floats, onwards: Floats
    ) -> tuple[Floats, float]:
        """Return the lead time through the warehouse and the days that an order must last. shop: who supplies shops."""
        first, then = (self._supplying.get(name, Supplying()) for name in (supplier, shop))
        day = self._prepared.order_days.get(supplier, self._today)

        def further(came: Floats, day: date) -> Floats:
            return then.sent_on(came, onwards, day)

        came = further(first.delivered(way, day), day)
        return later_by(came, (day - self._today).days), float(first.covered(way, day, further))

    def _add_shop(self, pool: Pool, future: Future) -> None:
        rows = self._prepared.supplied
        rows = rows[(rows["source"] == pool.location) & (rows["location"] == future.location)]
        rows = rows[rows["product"].isin(set(future.products))].reset_index(drop=True)
        group = pd.Index(pool.rows["product"]).get_indexer(rows["product"])
        rows, group = rows[group >= 0].reset_index(drop=True), group[group >= 0]
        if not len(rows):
            return
        periods = pool.shops.on_order.shape[1]
        leads = lead_times_of(lead_shares(rows, self._prepared, future))
        stock = lines_of(rows, future, self._facts, self._today, periods, leads)
        pool.shops = pool_lines(pool.shops, stock, group)
        pool.count[group] += 1
        for line in group.tolist():
            pool.codes[line].append(future.location)
        self._add_paths(pool, future, rows, group)

    def _add_own(self, pool: Pool, future: Future) -> None:
        rows = pool.rows[pool.rows["product"].isin(set(future.products))]
        if rows.empty:
            return
        group = rows.index.to_numpy(np.int64)
        rows = rows.reset_index(drop=True)
        self._add_paths(pool, future, rows, group)
        pool.sells_itself[group] = True
        paths = demand_of(future, rows)
        leads = lead_times_of(lead_shares(rows, self._prepared, future))
        coming = lines_of(rows, future, self._facts, self._today, paths.shape[2], leads)
        until = np.clip(np.ceil(leads.mean).astype(np.int64), 1, paths.shape[2])
        pool.keeps = pool.keeps.copy()
        for number, periods in enumerate(until.tolist()):
            sold = np.quantile(paths[number, :, :periods].sum(axis=1), SURELY)
            due = coming.arriving(periods)[number].sum()
            pool.keeps[group[number]] = max(0.0, float(sold) - float(due))

    def _add_paths(
        self, pool: Pool, future: Future, rows: pd.DataFrame, group: NDArray[np.int64]
    ) -> None:
        summed = pool_paths(demand_of(future, rows), group, len(pool.rows))
        pool.values += summed.transpose(1, 0, 2)
        if pool.sold is not None and future.sold is not None:
            at = rows["product"].map(future.place).to_numpy(np.int64)
            # of the periods that all of them have
            shortest = min(len(pool.sold), len(future.sold))
            pool.sold = pool.sold[-shortest:]
            np.add.at(pool.sold.T, group, future.sold[-shortest:, at].T)
        else:
            # of all, or of nobody
            pool.sold = None
        for product in rows["product"]:
            for one in future.overrides.get(product, ()):
                pool.overrides.setdefault(product, {})[one["override"]] = one

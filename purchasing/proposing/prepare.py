"""Facts and terms become the figures of each line; whatever is missing takes a default, and says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from purchasing.proposing.dates import (
    Supplying,
    middle_day,
)
from purchasing.proposing.facts import Facts
from purchasing.proposing.lead_days import (
    leads_of,
    order_days_of,
    supplying_of,
    ways_of,
    with_days,
)
from purchasing.proposing.money import is_unsaid, rates_of
from purchasing.proposing.offers import offers_of
from purchasing.proposing.scopes import narrowest
from stocktide.domain.suppliers import UNASSIGNED

Floats = NDArray[np.float64]

DAYS_A_YEAR = 365.0
# Shares of sales that classes A and B reach together, as the field has it.
CLASSES = (("A", 0.8), ("B", 0.95))


@dataclass(frozen=True)
class Defaults:
    """What holds where nobody said anything else.

    fill_rate: share of demand to be met from stock. lead_days: from order to delivery. holding_rate: of a unit's cost
    a year. cost_share: of the selling price, where no cost is known. move_worth: of goods that are worth a trip
    between shops.
    """

    fill_rate: float = 0.95
    lead_days: int = 7
    holding_rate: float = 0.25
    cost_share: float = 0.6
    move_worth: float = 25.0


@dataclass(frozen=True)
class Prepared:
    """Lines of all pairs, a row each, indexed 0, 1, …, and what arrays cannot hold.

    rows: product, location and figures; source: the location of ours that a line comes from, None where it is bought.
    leads: chances of 0, 1, … days to an arrival, by supplier and product; ways: the same without the days on which
    orders are taken and delivered. centres: lines of warehouses of what they supply to shops, and supplied: those of
    their shops; both with is_open, whether they can be ordered today. order_days: by supplier, the day that an order of
    now is of; none where it is not ordered from today.
    """

    rows: pd.DataFrame
    leads: Mapping[tuple[str, str], Floats]
    centres: pd.DataFrame = field(default_factory=pd.DataFrame)
    supplied: pd.DataFrame = field(default_factory=pd.DataFrame)
    ways: Mapping[tuple[str, str], Floats] = field(default_factory=dict)
    order_days: Mapping[str, date] = field(default_factory=dict)


def prepare(
    facts: Facts,
    sales: pd.Series,
    *,
    today: date,
    defaults: Defaults,
    now: datetime | None = None,
    every: bool = False,
) -> Prepared:
    """Return the lines that can be ordered today. sales: expected sales of each product, money; for its class.

    Columns that end in `_from` say where a figure comes from. A supplier that takes no orders today is left out: its
    lines are proposed for its next order day. now: the moment that suppliers' clocks tell; None: today is a day of
    theirs. every: with lines that are left out, too.
    """
    rows = facts.pairs.reset_index(drop=True)
    if rows.empty:
        return Prepared(rows, {})
    rows["abc"] = rows["product"].map(_classes(sales)).fillna("C")
    rows = _with_supplier(rows, facts)
    supplying = supplying_of(facts)
    order_days = order_days_of(rows, supplying, today, now)
    rows["is_open"] = [day is not None for day in order_days]
    taken: dict[str, date] = {}
    for name, day in zip(rows["supplier"], order_days, strict=True):
        if day is not None:
            taken[name] = min(day, taken.get(name, day))
    # a warehouse orders for its shops on days on which they do not order, and serves them when it does not order
    inner = rows["source"].notna() | rows["is_centre"]
    rows = rows[rows["is_open"] | inner | every].reset_index(drop=True)
    rows = _with_money(_with_targets(rows, facts, defaults), facts, defaults)
    rows = _with_limits(rows, facts, today)
    # asked once a supplier: a chain has many shelves and few of them
    after = {
        name: supplying.get(name, Supplying()).next_order_day(taken.get(name, today))
        for name in rows["supplier"].unique()
    }
    nothing_after = [
        not pd.isna(last) and (after[name] is None or after[name] > last)
        for name, last in zip(rows["supplier"], rows["last_order_on"], strict=True)
    ]
    rows["is_last_order"] = np.array(nothing_after, dtype=np.bool_)
    ways, sources = ways_of(rows, facts, default=defaults.lead_days)
    leads, reviews = leads_of(ways, supplying, taken, today)
    pairs = list(zip(rows["supplier"], rows["product"], strict=True))
    rows["lead_from"] = [sources[pair] for pair in pairs]
    # of the supplier itself, whenever it delivers
    rows["takes_days"] = [middle_day(ways[pair]) for pair in pairs]
    rows = with_days(rows, leads, reviews, today)
    lines, centres, supplied = (
        rows[some].reset_index(drop=True)
        for some in (
            (rows["is_open"] | every) & ~rows["is_centre"],
            rows["is_centre"],
            rows["source"].notna(),
        )
    )
    return Prepared(lines, leads, centres, supplied, ways, taken)


def _classes(sales: pd.Series) -> dict[str, str]:
    """Return the class of each product: those that make up most of the sales are A."""
    ranked = sales.sort_values(ascending=False, kind="stable")
    total = ranked.sum()
    before = (ranked.cumsum() - ranked) / total if total > 0 else ranked * 0 + 1
    limits = [limit for _, limit in CLASSES]
    place = np.searchsorted(limits, before.to_numpy(), side="right")
    return dict(zip(ranked.index, np.array(["A", "B", "C"])[place], strict=True))


def _with_supplier(rows: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """Choose the supplier of each line: as `offers_of` does; else the one that delivered it most; else nobody."""
    suppliers = facts.terms["suppliers"]
    rows = offers_of(rows, facts)
    inactive = set(suppliers.loc[~suppliers["active"].astype(bool), "supplier"])
    seen = facts.lead_times.dropna(subset=["product"])
    seen = seen[~seen["supplier"].isin(inactive)].sort_values(
        ["product", "lines"], ascending=[True, False]
    )
    by_deliveries = seen.drop_duplicates("product").set_index("product")["supplier"]
    told = rows["supplier"].notna()
    delivers = by_deliveries.reindex(rows["product"]).fillna(UNASSIGNED).to_numpy()
    rows["supplier"] = rows["supplier"].where(told, delivers)
    unlike = rows["is_unlike"].eq(True)
    rows["supplier_from"] = np.select(
        [unlike, told, rows["supplier"] != UNASSIGNED],
        [
            "terms; no rate is known to compare its price with that of another of its rank",
            "terms",
            "deliveries",
        ],
        "nobody is known to sell it",
    )
    return rows


def _with_targets(rows: pd.DataFrame, facts: Facts, defaults: Defaults) -> pd.DataFrame:
    found = narrowest(rows, facts.terms["service_targets"], ["measure", "target"])
    told = found["measure"].notna()
    # a target belongs to its own measure, also where a wider term has one
    rows["measure"] = found["measure"].where(told, "fill_rate")
    rows["target"] = pd.to_numeric(found["target"]).where(told, defaults.fill_rate)
    rows["target_from"] = np.where(
        told, "terms", f"default: {100 * defaults.fill_rate:g} % fill rate"
    )
    return rows


def _with_money(rows: pd.DataFrame, facts: Facts, defaults: Defaults) -> pd.DataFrame:
    suppliers = facts.terms["suppliers"].set_index("supplier")
    terms = facts.terms["stock_costs"]
    # an amount and its currency are of one row
    missed = [
        (m, c) if pd.notna(m) else None
        for m, c in zip(terms["shortage_micros"], terms["currency"], strict=True)
    ]
    costs = narrowest(
        rows,
        terms.assign(missed=pd.Series(missed, terms.index, dtype=object)),
        ["holding_rate", "missed"],
    )
    own = suppliers["currency"].reindex(rows["supplier"]).to_numpy()
    rows["order_currency"] = _known(rows["offer_currency"], own, rows["currency"])
    rows["order_price"] = pd.to_numeric(rows["price_micros"]) / 1e6
    price = pd.to_numeric(rows["price"]).astype(float)
    # margins are taken in the currency that the product sells in
    offered = rows["order_price"] * rates_of(facts.rates, rows["order_currency"], rows["currency"])
    average = pd.to_numeric(rows["cost"]).astype(float) * rates_of(
        facts.rates, rows["cost_currency"], rows["currency"]
    )
    share = price * defaults.cost_share
    by_share = f"default: {100 * defaults.cost_share:g} % of the price"
    rows["no_rate"] = rows["order_price"].notna() & offered.isna()
    rows["unit_cost"] = offered.fillna(average).fillna(share).fillna(0.0)
    rows["cost_from"] = np.select(
        [
            offered.notna(),
            average.notna(),
            share.notna() & (rows["order_price"].notna() | rows["cost"].notna()),
            share.notna(),
        ],
        [
            "terms",
            "average of deliveries",
            f"{by_share}; no rate of its currency is known",
            by_share,
        ],
        "not known",
    )
    rows["price"] = price.fillna(0.0)
    rate = pd.to_numeric(costs["holding_rate"]).astype(float)
    rows["holding_from"] = np.where(
        rate.notna(), "terms", f"default: {100 * defaults.holding_rate:g} % a year"
    )
    rows["holding"] = rows["unit_cost"] * rate.fillna(defaults.holding_rate) / DAYS_A_YEAR
    amounts = [(np.nan, None) if is_unsaid(one) else one for one in costs["missed"]]
    micros, currencies = zip(*amounts, strict=True) if amounts else ((), ())
    told = np.array(micros, np.float64) / 1e6 * rates_of(facts.rates, currencies, rows["currency"])
    rows["shortage"] = np.nan_to_num(told)
    lost = np.isfinite(np.array(micros, np.float64)) & np.isnan(told)
    rows.loc[lost, "cost_from"] += (
        "; what a shortage costs is not counted, no rate of its currency is known"
    )
    return rows


def _with_limits(rows: pd.DataFrame, facts: Facts, today: date) -> pd.DataFrame:
    names = ["shelf_life_days", "capacity_milli", "presentation_milli", "last_order_on"]
    found = narrowest(rows, facts.terms["shelf_limits"], names)
    thousandths = {
        "pack": rows["pack_milli"],
        "minimum": rows["minimum_milli"],
        "multiple": rows["multiple_milli"],
        "capacity": found["capacity_milli"],
        "presentation": found["presentation_milli"],
    }
    default = {
        "pack": 1.0,
        "minimum": 0.0,
        "multiple": 0.001,
        "capacity": np.inf,
        "presentation": 0.0,
    }
    for name, milli in thousandths.items():
        rows[name] = (pd.to_numeric(milli) / 1000.0).astype(float).fillna(default[name])
    # goods that are weighed come in any part of a unit
    weighed = rows["pack_milli"].isna() & (rows["unit"] != "each")
    rows.loc[weighed, "pack"] = 0.001
    rows["shelf_life"] = pd.to_numeric(found["shelf_life_days"]).astype(float).fillna(np.inf)
    ended = pd.to_datetime(found["last_order_on"]) < pd.Timestamp(today)
    rows["last_order_on"] = found["last_order_on"]
    return rows[~ended].reset_index(drop=True)


def _known(*columns: Any) -> list[Any]:
    """Return for each row the first value that is known."""
    rows = zip(*columns, strict=True)
    return [next((one for one in row if not pd.isna(one)), None) for row in rows]

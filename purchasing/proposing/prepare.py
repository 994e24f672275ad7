"""Facts and terms become the figures of each line; whatever is missing takes a default, and says so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from purchasing.proposing.dates import Supplying, days_of, middle_day, weekdays
from purchasing.proposing.facts import Facts
from purchasing.proposing.scopes import narrowest

Floats = NDArray[np.float64]

DAYS_A_YEAR = 365.0
# Under this name stand lines of products that nobody is known to sell.
UNASSIGNED = "unassigned"
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

    rows: product, location and figures. leads: chances of 0, 1, … days to an arrival, by supplier and product.
    """

    rows: pd.DataFrame
    leads: Mapping[tuple[str, str], Floats]


def prepare(
    facts: Facts, sales: pd.Series, *, today: date, defaults: Defaults, every: bool = False
) -> Prepared:
    """Return the lines that can be ordered today. sales: expected sales of each product, money; for its class.

    Columns that end in `_from` say where a figure comes from. A supplier that takes no orders today is left out: its
    lines are proposed on its next order day. every: with these lines, too.
    """
    rows = facts.pairs.reset_index(drop=True)
    if rows.empty:
        return Prepared(rows, {})
    rows["abc"] = rows["product"].map(_classes(sales)).fillna("C")
    rows = _with_supplier(rows, facts)
    supplying = supplying_of(facts)
    # asked once a supplier: a chain has many shelves and few of them
    days = {name: supplying.get(name, Supplying()) for name in rows["supplier"].unique()}
    closed = [name for name, of in days.items() if not (every or of.takes_orders(today))]
    rows = rows[~rows["supplier"].isin(closed)].reset_index(drop=True)
    rows = _with_money(_with_targets(rows, facts, defaults), facts, defaults)
    rows = _with_limits(rows, facts, today)
    leads, reviews, sources = _leads(rows, facts, supplying, today, defaults)
    pairs = list(zip(rows["supplier"], rows["product"], strict=True))
    rows["lead_from"] = [sources[pair] for pair in pairs]
    return Prepared(with_days(rows, leads, reviews, today), leads)


def with_days(
    rows: pd.DataFrame,
    leads: Mapping[tuple[str, str], Floats],
    reviews: Mapping[tuple[str, str], int],
    today: date,
) -> pd.DataFrame:
    """Return rows with the days of an order placed today: until it comes, and that it must last from then on.

    leads, reviews: by supplier and product.
    """
    pairs = list(zip(rows["supplier"], rows["product"], strict=True))
    days = [middle_day(leads[pair]) for pair in pairs]
    return rows.assign(
        review=[float(reviews[pair]) for pair in pairs],
        lead_days=days,
        arrives_on=[today + timedelta(days=after) for after in days],
    )


def _classes(sales: pd.Series) -> dict[str, str]:
    """Return the class of each product: those that make up most of the sales are A."""
    ranked = sales.sort_values(ascending=False, kind="stable")
    total = ranked.sum()
    before = (ranked.cumsum() - ranked) / total if total > 0 else ranked * 0 + 1
    limits = [limit for _, limit in CLASSES]
    place = np.searchsorted(limits, before.to_numpy(), side="right")
    return dict(zip(ranked.index, np.array(["A", "B", "C"])[place], strict=True))


def _with_supplier(rows: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """Choose the supplier of each product: by rank, then price; else the one that delivered it most; else nobody."""
    suppliers, sold = facts.terms["suppliers"], facts.terms["supplier_products"]
    active = set(suppliers.loc[suppliers["active"].astype(bool), "supplier"])
    offered = sold[sold["supplier"].isin(active)].sort_values(
        ["product", "rank", "price_micros", "supplier"]
    )
    chosen = offered.drop_duplicates("product").rename(columns={"currency": "offer_currency"})
    keep = ["product", "supplier", "price_micros", "offer_currency", "pack_milli", "minimum_milli", "multiple_milli",
            "lead_days"]  # fmt: skip
    rows = rows.merge(chosen[keep], on="product", how="left")
    inactive = set(suppliers["supplier"]) - active
    seen = facts.lead_times.dropna(subset=["product"])
    seen = seen[~seen["supplier"].isin(inactive)].sort_values(
        ["product", "lines"], ascending=[True, False]
    )
    by_deliveries = seen.drop_duplicates("product").set_index("product")["supplier"]
    told = rows["supplier"].notna()
    delivers = by_deliveries.reindex(rows["product"]).fillna(UNASSIGNED).to_numpy()
    rows["supplier"] = rows["supplier"].where(told, delivers)
    rows["supplier_from"] = np.select(
        [told, rows["supplier"] != UNASSIGNED],
        ["terms", "deliveries"],
        "nobody is known to sell it",
    )
    return rows


def supplying_of(facts: Facts) -> dict[str, Supplying]:
    """Return the order and delivery days of each supplier."""
    spans = facts.terms["supplier_days"]
    closed: dict[str, list[tuple[date, date, bool]]] = {}
    for row in spans.itertuples():
        closed.setdefault(str(row.supplier), []).append((row.starts_on, row.ends_on, row.is_closed))  # type: ignore[arg-type]  # as the table has them
    return {
        str(row["supplier"]): Supplying(
            weekdays(row["order_days"]),
            weekdays(row["delivery_days"]),
            days_of(closed.get(str(row["supplier"]), [])),
        )
        for row in facts.terms["suppliers"].to_dict("records")
    }


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
    offered = rows["order_price"] * _rates(facts, rows["order_currency"], rows["currency"])
    average = pd.to_numeric(rows["cost"]).astype(float) * _rates(
        facts, rows["cost_currency"], rows["currency"]
    )
    share = price * defaults.cost_share
    by_share = f"default: {100 * defaults.cost_share:g} % of the price"
    rows["unit_cost"] = offered.fillna(average).fillna(share).fillna(0.0)
    rows["cost_from"] = np.select(
        [
            offered.notna(),
            average.notna(),
            share.notna() & rows["order_price"].notna(),
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
    amounts = [(np.nan, None) if _unsaid(one) else one for one in costs["missed"]]
    micros, currencies = zip(*amounts, strict=True) if amounts else ((), ())
    told = np.array(micros, np.float64) / 1e6 * _rates(facts, currencies, rows["currency"])
    rows["shortage"] = np.nan_to_num(told)
    return rows


def _rates(facts: Facts, base: Iterable[Any], quote: Iterable[Any]) -> Floats:
    """Return what one unit of a currency is worth in another, row by row; NaN where no rate is known.

    An amount that names no currency is in that of the other.
    """
    return np.array(
        [
            1.0 if _unsaid(a) or _unsaid(b) or a == b else facts.rates.get((a, b), np.nan)
            for a, b in zip(base, quote, strict=True)
        ],
        np.float64,
    )


def _unsaid(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


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
    ended = pd.to_datetime(found["last_order_on"]) <= pd.Timestamp(today)
    return rows[~ended].reset_index(drop=True)


def _leads(
    rows: pd.DataFrame,
    facts: Facts,
    supplying: Mapping[str, Supplying],
    today: date,
    defaults: Defaults,
) -> tuple[dict[tuple[str, str], Floats], dict[tuple[str, str], int], dict[tuple[str, str], str]]:
    """Return, by supplier and product, chances of days to an arrival, the days it must last, where they come from."""
    learnt = {(row["supplier"], row["product"]): row for row in facts.lead_times.to_dict("records")}
    promised = facts.terms["suppliers"].set_index("supplier")["lead_days"].to_dict()
    leads: dict[tuple[str, str], Floats] = {}
    reviews: dict[tuple[str, str], int] = {}
    # most products of a supplier share its lead times
    known: dict[tuple[str, bytes], tuple[Floats, int]] = {}
    sources: dict[tuple[str, str], str] = {}
    for row in rows.drop_duplicates(["supplier", "product"]).to_dict("records"):
        pair = (row["supplier"], row["product"])
        shares, sources[pair] = _lead(
            learnt.get(pair) or learnt.get((row["supplier"], None)),
            _first(row["lead_days"], promised.get(row["supplier"])),
            defaults,
        )
        key = (row["supplier"], shares.tobytes())
        if key not in known:
            of = supplying.get(row["supplier"], Supplying())
            known[key] = of.delivered(shares, today), of.covered(shares, today)
        leads[pair], reviews[pair] = known[key]
    return leads, reviews, sources


def _lead(
    learnt: Mapping[Any, Any] | None, promised: float | None, defaults: Defaults
) -> tuple[Floats, str]:
    if learnt is not None:
        return np.array(learnt["shares"]), f"learnt from {learnt['lines']:g} orders"
    days = defaults.lead_days if promised is None else int(promised)
    told = f"default: {days} days" if promised is None else f"promised: {days} days"
    return np.eye(days + 1)[days], told


def _known(*columns: Any) -> list[Any]:
    """Return for each row the first value that is known."""
    rows = zip(*columns, strict=True)
    return [next((one for one in row if not pd.isna(one)), None) for row in rows]


def _first(*values: Any) -> float | None:
    """Return the first value that is known."""
    return next(
        (float(value) for value in values if value is not None and not pd.isna(value)), None
    )

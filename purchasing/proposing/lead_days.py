"""How long an order of now takes, and how long it must last: suppliers' days and clocks, promises, what was learnt."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from purchasing.proposing.dates import (
    Supplying,
    days_of,
    later_by,
    local_time,
    middle_day,
    weekdays,
)
from purchasing.proposing.facts import Facts
from stocktide.domain.exact_numbers import in_full

Floats = NDArray[np.float64]
# Of a supplier and a product.
Pair = tuple[str, str]
# Order lines that have come before what was learnt of them overrules a promise.
DELIVERED_MIN = 5


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
            row["timezone"],
            time.fromisoformat(row["cutoff"]) if row["cutoff"] else None,
        )
        for row in facts.terms["suppliers"].to_dict("records")
    }


def order_days_of(
    rows: pd.DataFrame, supplying: Mapping[str, Supplying], today: date, now: datetime | None
) -> list[date | None]:
    """Return the day that an order of now is of, of each line; None if it is left to a later run.

    now: by each supplier's clock, or that of the line's location where nobody said it; None: today is a day of theirs.
    """
    known: dict[tuple[str, str], date | None] = {}

    def order_day(supplier: str, timezone: str) -> date | None:
        of = supplying.get(supplier, Supplying())
        if now is None:
            return today if of.takes_orders(today) else None
        due = of.due_on(local_time(now, timezone))
        return None if due is None else max(due, today)

    found = []
    for key in zip(rows["supplier"], rows["timezone"], strict=True):
        if key not in known:
            known[key] = order_day(*key)
        found.append(known[key])
    return found


def leads_of(
    ways: Mapping[Pair, Floats],
    supplying: Mapping[str, Supplying],
    taken: Mapping[str, date],
    today: date,
) -> tuple[dict[Pair, Floats], dict[Pair, int]]:
    """Return, by supplier and product, chances of days to an arrival, and the days it must last."""
    leads: dict[Pair, Floats] = {}
    reviews: dict[Pair, int] = {}
    # most products of a supplier share its lead times
    known: dict[tuple[str, bytes], tuple[Floats, int]] = {}
    for pair, shares in ways.items():
        key = (pair[0], shares.tobytes())
        if key not in known:
            of = supplying.get(pair[0], Supplying())
            day = taken.get(pair[0], today)
            came = later_by(of.delivered(shares, day), (day - today).days)
            known[key] = came, of.covered(shares, day)
        leads[pair], reviews[pair] = known[key]
    return leads, reviews


def with_days(
    rows: pd.DataFrame,
    leads: Mapping[Pair, Floats],
    reviews: Mapping[Pair, int],
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


def ways_of(
    rows: pd.DataFrame, facts: Facts, *, default: int
) -> tuple[dict[Pair, Floats], dict[Pair, str]]:
    """Return chances of days on the way by supplier and product, and where each comes from."""
    learnt = {(row["supplier"], row["product"]): row for row in facts.lead_times.to_dict("records")}
    promised = facts.terms["suppliers"].set_index("supplier")["lead_days"].to_dict()
    delivered = _delivered(facts.lead_times)
    ways: dict[Pair, Floats] = {}
    sources: dict[Pair, str] = {}
    for row in rows.drop_duplicates(["supplier", "product"]).to_dict("records"):
        pair = (row["supplier"], row["product"])
        # a promise for one product is overruled by deliveries of it alone
        seen = delivered.get(
            pair if not pd.isna(row["lead_days"]) else (row["supplier"], None), 0.0
        )
        promise = _first(row["lead_days"], promised.get(row["supplier"]))
        of = learnt.get(pair) or learnt.get((row["supplier"], None))
        # without a promise a default holds until most of what was ordered came, or was waited for longer
        waited = of is not None and seen == 0 and middle_day(np.array(of["shares"])) > default
        awaited = 0.0 if of is None else _first(of["open_lines"]) or 0.0
        most_came = seen >= max(1.0, awaited)
        enough = seen >= DELIVERED_MIN or (promise is None and (most_came or waited))
        ways[pair], sources[pair] = _way(of if enough else None, promise, default)
    return ways, sources


def _delivered(lead_times: pd.DataFrame) -> dict[tuple[str, str | None], float]:
    """Return the order lines that have come, by supplier and product, and of each supplier under None."""
    own = lead_times[lead_times["product"].notna()]
    came = (own["lines"] - pd.to_numeric(own["open_lines"]).fillna(0.0)).clip(lower=0.0)
    of_pair = dict(zip(zip(own["supplier"], own["product"], strict=True), came, strict=True))
    return {
        **of_pair,
        **{(name, None): units for name, units in came.groupby(own["supplier"]).sum().items()},
    }


def _way(
    learnt: Mapping[Any, Any] | None, promised: float | None, default: int
) -> tuple[Floats, str]:
    if learnt is not None:
        awaited = _first(learnt["open_lines"])
        some = f", {in_full(awaited, 1)} of them not here yet" if awaited else ""
        return np.array(learnt["shares"]), f"learnt from {in_full(learnt['lines'], 1)} orders{some}"
    days = default if promised is None else int(promised)
    told = f"default: {days} days" if promised is None else f"promised: {days} days"
    return np.eye(days + 1)[days], told


def _first(*values: Any) -> float | None:
    """Return the first value that is known."""
    return next(
        (float(value) for value in values if value is not None and not pd.isna(value)), None
    )

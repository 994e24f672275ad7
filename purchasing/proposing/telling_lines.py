"""Drafts of one location become proposals: each with its sentence, its data, its picture and what to know of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from purchasing.desk.proposals import Proposal
from purchasing.proposing.arrays import Floats, Future, due_of, reaching
from purchasing.proposing.drafts import Draft, Shared, at_spread, demand_of, quantities_of
from purchasing.proposing.facts import Facts
from purchasing.proposing.levels import level_words
from replenishment import Lines, explain, sentence
from stocktide.domain.exact_numbers import in_full

# A forecast that is older, by days or two of its periods, is said to be.
STALE_DAYS = 14
# Of stock on a day, with and without the order.
BAND = (0.1, 0.5, 0.9)


def tell_location(
    future: Future,
    drafts: Sequence[Draft],
    facts: Facts,
    shared: Mapping[tuple[str, str], Shared],
    prices: Mapping[tuple[str, str], float],
) -> list[Proposal]:
    """Return proposals of one location's lines with an order, each explained.

    drafts: of this location. shared: by product and location; prices: by supplier and product, where they are not
    those of the terms.
    """
    made: list[Proposal] = []
    for draft in drafts:
        notes = _notes(draft.rows, facts, future)
        quantities = quantities_of(draft, shared)
        for number in np.flatnonzero(quantities > 0).tolist():
            row = draft.rows.iloc[[number]]
            demand = demand_of(future, row)
            if draft.spans is not None:
                demand = reaching(demand, draft.lines.on_order.shape[1], future.days)
                demand = at_spread(demand, future, row, draft.spans[[number]])
            quantity = float(quantities[number])
            made.append(
                _tell(
                    draft,
                    number,
                    quantity,
                    demand,
                    future,
                    facts,
                    shared,
                    prices,
                    notes.get(number, []),
                )
            )
    return made


def _tell(
    draft: Draft,
    number: int,
    quantity: float,
    demand: NDArray[np.float32],
    future: Future,
    facts: Facts,
    shared: Mapping[tuple[str, str], Shared],
    prices: Mapping[tuple[str, str], float],
    notes: list[str],
) -> Proposal:
    row = draft.rows.iloc[number]
    pair = (row["product"], row["location"])
    why = shared[pair].why if pair in shared else None
    told = explain(draft.found, draft.lines, draft.policy, number, quantity=quantity, changed=why)
    if "shops" in row:
        told = replace(
            told,
            shops=int(row["shops"]),
            in_shops=float(row["in_shops"]),
            sells_itself=bool(row["sells_itself"]),
        )
    periods = draft.lines.on_order.shape[1]
    line = draft.lines.take(slice(number, number + 1))
    stock = _projected(
        line, reaching(demand, periods, future.days)[0], quantity, int(draft.arrives[number])
    )
    doubt, word = facts.doubts.get(pair), _word(future.days)
    level = future.levels.get(row["product"])
    explanation = {
        "sentence": sentence(told, period=word, when=_named(future.starts))
        + level_words(level, word),
        "data": told.data(),
        "level": None if level is None else dict(level),
        # of a warehouse: whose stock and arrivals it has counted
        **({"shops": row["shop_codes"]} if "shops" in row else {}),
        "doubt": None if doubt is None else doubt._asdict(),
        "notes": notes,
        # of its own order
        "served": float(draft.found.served[number]) if why is None else None,
        "from": {
            name: row[f"{name}_from"] for name in ("supplier", "lead", "target", "cost", "holding")
        },
        "abc": row["abc"],
        "lead_days": int(row["lead_days"]),
        "takes_days": int(row["takes_days"]),
        "sells_in": None if pd.isna(row["currency"]) else row["currency"],
        "overrides": overrides_in(
            future, row["product"], int(np.ceil(draft.found.periods[number]))
        ),
        "days": [day.isoformat() for day in future.starts[:periods]],
        # of the days that the forecast has
        **{
            name: np.round(values[: len(future.starts)], 3).tolist()
            for name, values in stock.items()
        },
    }
    source = row["source"] if isinstance(row["source"], str) else None
    price = _known_number(prices.get((row["supplier"], row["product"]), row["order_price"]))
    if source is not None:
        # goods of our own are paid for already
        price = None
    return Proposal(
        supplier=row["supplier"],
        product=row["product"],
        location=row["location"],
        quantity_milli=round(1000 * quantity),
        explanation=explanation,
        at_risk_micros=round(1e6 * float(draft.at_risk[number]) * float(row["price"])),
        on_order_milli=int(row["coming_milli"]),
        price_micros=None if price is None else round(1e6 * price),
        currency=None if price is None or pd.isna(row["order_currency"]) else row["order_currency"],
        source=source,
    )


def _notes(rows: pd.DataFrame, facts: Facts, future: Future) -> dict[int, list[str]]:
    """Return by line what a person should know of its stock and forecast before ordering."""
    found: dict[int, list[str]] = defaultdict(list)
    today = future.starts[0]
    if future.made_on is not None and (today - future.made_on).days > max(
        STALE_DAYS, 2 * future.days
    ):
        told = f"the forecast is of {_day_words(future.made_on)} and knows no sales since"
        found.update({number: [told] for number in range(len(rows))})
    for number in np.flatnonzero((rows["book"] < 0).to_numpy()).tolist():
        book = in_full(float(rows["book"].iloc[number]))
        found[number].append(f"the book says {book}, which cannot be, and counts as none")
    for number in np.flatnonzero(~rows["is_counted"].to_numpy(bool)).tolist():
        found[number].append("its stock was never counted, and counts as none")
    for number in np.flatnonzero((rows["expired"] > 0).to_numpy()).tolist():
        gone = in_full(float(rows["expired"].iloc[number]))
        found[number].append(f"{gone} in stock have expired, and do not count")
    for number in np.flatnonzero(rows["is_last_order"].to_numpy(bool)).tolist():
        last = _day_words(rows["last_order_on"].iloc[number])
        found[number].append(
            f"its last order: nothing is ordered after {last}, and this one lasts as any does"
        )
    due = due_of(rows, facts, today)
    for row in due[due["overdue"]].to_dict("records"):
        told = f"{in_full(row['units'])} that were due {_day_words(row['day'])} are not counted on"
        found[row["row"]].append(told)
    return found


def _day_words(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b %Y}"


def overrides_in(future: Future, product: str, periods: int) -> list[dict[str, Any]]:
    """Return the overrides of a product that touch its first so many periods, as plain values."""
    starts = future.starts
    last = starts[min(periods, len(starts)) - 1] + timedelta(days=round(future.days) - 1)
    names = ("override", "change", "value", "reason", "note")
    return [
        {
            **{name: one[name] for name in names},
            "from": one["starts_on"].isoformat(),
            "to": one["ends_on"].isoformat(),
            "by": one["recorded_by"],
        }
        for one in future.overrides.get(product, ())
        if one["starts_on"] <= last and one["ends_on"] >= starts[0]
    ]


def _projected(
    line: Lines, demand: NDArray[np.float32], quantity: float, arrives: int
) -> dict[str, Floats]:
    """Return quantiles of one line's stock at the end of each period, without and with the order: (T, 3) units.

    demand: (B, T). Stock is less than 0 while more is promised than is there.
    """
    B, T = demand.shape
    coming = line.arriving(T)[0]
    found = {}
    for name, more in (("without", 0.0), ("with", quantity)):
        # below 0: promised to customers, who are served before others when something comes
        stock = np.full(B, line.on_hand[0] - line.reserved[0])
        bands = np.empty((T, len(BAND)))
        for t in range(T):
            stock = stock + coming[t] + (more if t == arrives else 0.0)
            stock = np.maximum(np.minimum(stock, 0.0), stock - demand[:, t])
            bands[t] = np.quantile(stock, BAND)
        found[name] = bands
    return found


def _known_number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _word(days: float) -> str:
    return "day" if days == 1 else "week" if days == 7 else "month"


def _named(starts: list[date]) -> Any:
    """Return what names a period: its first day, as people write it."""

    def name(at: int) -> str:
        step = starts[1] - starts[0] if len(starts) > 1 else timedelta(days=1)
        day = starts[at] if at < len(starts) else starts[-1] + (at - len(starts) + 1) * step
        return f"{day:%a} {day.day} {day:%b}"

    return name

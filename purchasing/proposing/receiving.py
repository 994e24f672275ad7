"""What a location can put away on a day: of more than that some packs wait, and before a peak some come sooner."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from purchasing.proposing.dates import Supplying
from purchasing.proposing.drafts import Draft
from purchasing.proposing.facts import Facts
from purchasing.proposing.lead_days import supplying_of
from purchasing.proposing.shared_lines import Floats, Numbers, SharedLines
from replenishment import fit_delivery, needed_ahead
from stocktide.domain.exact_numbers import in_full

# Days after a delivery that it may come sooner for.
AHEAD = 14


def within_receiving(
    lines: SharedLines,
    drafts: Sequence[Draft],
    facts: Facts,
    waiting: dict[str, str],
    *,
    today: date,
    may_add: bool,
    bound: Collection[str] = (),
) -> set[str]:
    """Fit lines to what their location can put away on the day of arrival; returns the suppliers of what waits.

    What is due on that day already comes first. may_add: packs that later days have no room for come now, where today's
    delivery has; not of suppliers in `bound`. waiting: is told of each location and day whose limit binds.
    """
    waits: set[str] = set()
    supplying = supplying_of(facts)
    for row in facts.terms["receiving_limits"].to_dict("records"):
        location, limit = str(row["location"]), row["units_a_day_milli"] / 1000
        here = (lines.rows["location"] == location).to_numpy()
        for day in sorted(set(lines.rows.loc[here, "arrives_on"])):
            at = np.flatnonzero(here & (lines.rows["arrives_on"] == day))
            due = _due(facts, location, day)
            wanted, room = due + lines.quantity[at].sum(), max(0.0, limit - due)
            ahead = 0.0
            if may_add and wanted < limit:
                expected = _expected(drafts, location)
                ahead = _ahead(lines, at, facts, supplying, expected, limit, location, today, day)
            grid = lines.grid[at]
            fixed = lines.rows["supplier"].iloc[at].isin(bound).to_numpy()
            grid = np.where(fixed[:, None], np.minimum(grid, lines.quantity[at][:, None]), grid)
            fits = fit_delivery(grid, lines.costs[at], lines.quantity[at], room, ahead=ahead)
            lines.take(
                at[fits.sooner > 0],
                fits.quantity[fits.sooner > 0],
                f"{location} has no room for all that is needed later",
            )
            why = f"{location} can put away {in_full(limit)} units on {day:%a} {day.day} {day:%b}"
            lines.take(at, fits.quantity, why)
            if fits.later.any():
                waits |= set(lines.rows["supplier"].iloc[at[fits.later > 0]])
                already = f", {in_full(due)} of them due already" if due else ""
                waiting.setdefault(
                    f"{location} {day}", f"{why}; {in_full(wanted)} are needed{already}"
                )
    return waits


def _due(facts: Facts, location: str, day: date) -> float:
    """Return the units that are on order or in transit, and expected on a day."""
    due = facts.due
    if not len(due):
        return 0.0
    mine = (due["location"] == location) & (due["expected_on"] == day)
    return float(due.loc[mine, "units"].sum())


def _expected(drafts: Sequence[Draft], location: str) -> Floats:
    """Return the units that a location's lines are expected to sell, by day from today on: at most AHEAD days."""
    found = [
        draft.expected[:AHEAD] for draft in drafts if draft.rows["location"].iat[0] == location
    ]
    shortest = min(one.size for one in found)
    return np.asarray(np.sum([one[:shortest] for one in found], axis=0))


def _ahead(
    lines: SharedLines,
    at: Numbers,
    facts: Facts,
    supplying: Mapping[str, Supplying],
    expected: Floats,
    limit: float,
    location: str,
    today: date,
    day: date,
) -> float:
    """Return the units that must come on a day, because the deliveries after it have no room for them."""
    following = [day + timedelta(days=n) for n in range(1, expected.size + 1)]
    rows = lines.rows
    taken = [
        lines.quantity[(rows["location"] == location) & (rows["arrives_on"] == one)].sum()
        for one in following
    ]
    room = [
        max(0.0, limit - _due(facts, location, one) - units)
        for one, units in zip(following, taken, strict=True)
    ]
    arrives = np.zeros(len(following), dtype=np.bool_)
    for supplier in set(rows["supplier"].iloc[at]):
        arrives |= _arrivals(supplying.get(supplier, Supplying()), today, day, len(following))
    return needed_ahead(expected, room, arrives)


def _arrivals(of: Supplying, today: date, day: date, days: int) -> NDArray[np.bool_]:
    """Return on which of the days after `day`, when an order of today arrives, later orders arrive: (days,)."""
    arrives = np.zeros(days, dtype=np.bool_)
    for later in range(1, days + 1):
        ordered = today + timedelta(days=later)
        if of.takes_orders(ordered):
            comes = ordered + timedelta(days=of.first_delivery(ordered, (day - today).days))
            if 0 < (comes - day).days <= days:
                arrives[(comes - day).days - 1] = True
    return arrives

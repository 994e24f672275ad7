"""One sentence for an order line, of the figures that the data holds and no others."""

from collections.abc import Callable

from replenishment.explaining.explanation import Explanation
from stocktide.domain.exact_numbers import in_full


def sentence(
    explanation: Explanation, *, period: str = "day", when: Callable[[int], str] | None = None
) -> str:
    """Return the line's arithmetic in words.

    "14 days' demand 182 ± 41; 95 % needs 256; have 96 on hand + 60 due Tuesday; order 100 = 9 packs of 12 = 108".
    period: its word in the singular; when: names a period by its number, such as "Tuesday"; "in 3 days" unless given.
    """
    e = explanation
    named = when or (lambda at: _ahead(at, period))
    parts = [_demand(e, period), _needs(e), _have(e, named), _order(e)]
    if e.rounding_units > 0 and round(e.rounding_cost, 2) > 0:
        parts.append(f"rounding adds {_units(e.rounding_units)} and costs {e.rounding_cost:,.2f}")
    if e.changed:
        parts.append(f"{e.changed}: order {_units(e.quantity)}")
    return "; ".join(part for part in parts if part)


def _demand(e: Explanation, period: str) -> str:
    # a learnt lead time has a mean of many decimals, of which nobody reads more than one
    periods = round(e.periods, 1)
    many = f"{_units(periods)} {period}'s" if periods == 1 else f"{_units(periods)} {period}s'"
    if e.shops is not None:
        many += f" demand of {_shops(e)}"
    else:
        many += " demand"
    text = f"{many} {e.demand_mean:,.0f} ± {e.demand_sd:,.0f}"
    if round(e.lost):
        text += f", of which {e.lost:,.0f} cannot be met before an order arrives"
    return text


def _needs(e: Explanation) -> str:
    level = _units(e.needs)
    if e.target is None:
        text = f"least cost at {level}"
    elif e.policy == "newsvendor":
        text = f"{_share(e.target)} of seasons need {level}"
    elif e.target_of == "fill rate":
        text = f"a fill rate of {_share(e.target)} needs {level}"
    elif e.target_of == "safety factor":
        text = f"a safety factor of {e.target:.4g} needs {level}"
    else:
        text = f"{_share(e.target)} needs {level}"
    if e.most_sold is not None:
        text += f", no more than the {_units(e.most_sold)} ever sold"
    return text


def _shops(e: Explanation) -> str:
    many = "1 shop" if e.shops == 1 else f"{e.shops:,} shops"
    if not e.shops:
        return "its own customers"
    return f"{many} and its own customers" if e.sells_itself else many


def _have(e: Explanation, named: Callable[[int], str]) -> str:
    text = f"have {_units(e.on_hand)} on hand"
    if e.shops is not None:
        text = f"have {_units(e.on_hand - e.in_shops)} here, {_units(e.in_shops)} in shops"
    if e.reserved:
        text += f" − {_units(e.reserved)} promised"
    # of a warehouse all days are those on which goods are in the shops
    due = "due" if e.shops is None else "in shops"
    return text + "".join(f" + {_units(units)} {due} {named(at)}" for at, units in e.due)


def _order(e: Explanation) -> str:
    if e.wanted <= 0:
        return "order nothing"
    text = f"order {_units(e.wanted)}"
    if e.lot and e.policy == "min_max":
        text += f" with a lot of {_units(e.lot)}"
    if e.too_dear:
        return f"{text} would cost more than it saves: order nothing"
    if e.proposed == 0:
        return f"{text}{_why_nothing(e)}"
    if e.room is not None and e.proposed < e.wanted and not e.rounded_down:
        text += f", room for {_units(max(e.room, 0))}"
    elif e.minimum > e.wanted:
        text += f", at least {_units(e.minimum)}"
    if e.pack != 1:
        number = e.proposed / e.pack
        word = "pack" if number == 1 else "packs"
        return f"{text} = {_units(number)} {word} of {_units(e.pack)} = {_units(e.proposed)}"
    return text if e.proposed == e.wanted else f"{text} = {_units(e.proposed)}"


def _why_nothing(e: Explanation) -> str:
    """Return what made nothing of an order that is wanted."""
    if e.rounded_down:
        return f", less than half of the {_units(e.least)} that can be ordered: order nothing"
    if e.room is None or e.room < e.wanted:
        return ": no room for it"
    return f", at least {_units(e.least)}, room for {_units(e.room)}: order nothing"


def _ahead(at: int, period: str) -> str:
    if at == 0:
        return f"this {period}" if period != "day" else "today"
    return f"in {at} {period}{'' if at == 1 else 's'}"


def _share(value: float) -> str:
    return f"{100 * value:.4g} %"


def _units(value: float) -> str:
    return in_full(value).replace("-", "−")

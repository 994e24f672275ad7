"""The rules: their names, the limits that they judge with, and how an alert reads."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from stocktide.domain.exact_numbers import in_full
from stocktide.domain.late_orders import late_order_words
from stocktide.foundation.settings import Settings

Rule = Literal[
    "out_of_stock",
    "below_reorder_point",
    "negative_balance",
    "sensor_disagrees",
    "silent_feed",
    "reject_storm",
    "late_order",
    "late_transfer",
]
RULES: tuple[Rule, ...] = get_args(Rule)
# Units of what is not about a product.
UNITS = {
    "silent_feed": "s",
    "reject_storm": "share",
    "late_order": "lines",
    "late_transfer": "lines",
}


@dataclass(frozen=True)
class RuleLimits:
    """Limits of the rules. Quantities and times in thousandths, as in the tables; names are the SQL's binds."""

    hysteresis: float
    sensor_milli: int
    sensor_share: float
    sensor_grace_s: float
    silent_milli_min: int
    silent_factor: float
    history_h: float
    storm_minutes: int
    storm_count: int
    storm_milli: int

    def of_pairs(self) -> dict[str, Any]:
        """Those of the rules of stock: what all pairs are judged again for when it changes."""
        names = ("hysteresis", "sensor_milli", "sensor_share", "sensor_grace_s")
        return {name: value for name, value in asdict(self).items() if name in names}

    def of_feeds(self, feeds: Sequence[str] | None = None) -> dict[str, Any]:
        """Those of the rules of feeds. feeds: which are judged (None: all)."""
        pairs = self.of_pairs()
        limits = {name: value for name, value in asdict(self).items() if name not in pairs}
        return {**limits, "feeds": feeds}


def limits_of(settings: Settings) -> RuleLimits:
    """Take the rules' limits from the settings."""
    return RuleLimits(
        hysteresis=settings.alert_hysteresis,
        sensor_milli=round(settings.alert_sensor_units * 1_000),
        sensor_share=settings.alert_sensor_share,
        sensor_grace_s=settings.alert_sensor_grace_s,
        silent_milli_min=round(settings.alert_silent_s_min * 1_000),
        silent_factor=settings.alert_silent_factor,
        history_h=settings.alert_silent_history_h,
        storm_minutes=settings.alert_storm_minutes,
        storm_count=settings.alert_storm_count,
        storm_milli=round(settings.alert_storm_share * 1_000),
    )


def units(milli: int) -> float:
    """Thousandths, as the tables hold them, to what people read."""
    return milli / 1_000


def unit_of(rule: str, product_unit: str | None) -> str:
    """Return the unit of an alert's value and limit: the product's, or that of the rule."""
    return product_unit or UNITS.get(rule, "each")


def message_of(
    rule: str,
    value: float,
    limit: float,
    unit: str,
    *,
    closed_after_s: float | None = None,
    order: Mapping[str, Any] | None = None,
) -> str:
    """Say in a sentence what was found; value and limit in `unit`.

    closed_after_s: that it is over, and lasted so. order: details of an alert about one.
    """
    units = "" if unit == "each" else f" {unit}"
    now, least = in_full(value), in_full(limit)
    if closed_after_s is not None:
        name = rule.replace("_", " ")
        return f"Over after {_lasting(closed_after_s)}: {name}. Now {now}{units}, limit {least}{units}."
    match rule:
        case "out_of_stock":
            return f"Out of stock: {now}{units} on hand."
        case "negative_balance":
            return f"The recorded stock is {now}{units}, which is not possible: count this shelf."
        case "below_reorder_point":
            return f"{now}{units} on hand or to come and not promised, below the reorder point of {least}{units}."
        case "sensor_disagrees":
            more = "less" if value < 0 else "more"
            why = " Probable shrinkage: count this shelf." if value < 0 else " Count this shelf."
            return (
                f"The sensor sees {in_full(abs(value))}{units} {more} than the recorded stock.{why}"
            )
        case "late_order" if order is not None:
            return f"{late_order_words(order)} Ask the supplier."
        case "late_transfer" if order is not None:
            return f"{late_order_words(order, sent=True)} Ask who sent it."
        # as it was told while each shelf had its alert
        case "late_order":
            return f"{now}{units} on order should have come and have not: ask the supplier."
        case "silent_feed":
            return f"Silent for {_lasting(value)}; expected within {_lasting(limit)}."
        case _:
            return f"{value:.0%} of what it sent was refused; {limit:.0%} is the limit."


def _lasting(seconds: float) -> str:
    for size, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"

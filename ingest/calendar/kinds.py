"""The five kinds of plan, and the tables that keep them."""

from collections.abc import Mapping
from typing import Any

from ingest.calendar.checks import faults_of
from ingest.calendar.shapes import SCOPE, ClosureIn, EventIn, PriceIn, PromotionIn, RegressorIn
from ingest.versions.kinds import Kind
from stocktide.foundation.errors import Invalid

# Fields that all kinds have.
SHARED = ("id", "known_since", *SCOPE)


def _kind(name: str, table: str, shape: type[Any]) -> Kind:
    scope = tuple(key for key in SCOPE if key in shape.__struct_fields__)
    return Kind(
        name,
        table,
        shape,
        faults_of,
        scope=scope,
        id_column="plan",
        number="calendar_id",
        columns_of={
            "from_": "starts_on",
            "to": "ends_on",
            "price": "price_micros",
            "state": "is_closed",
        },
        surrogates=frozenset(scope) & {"product", "location"},
    )


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        _kind("events", "calendar_events", EventIn),
        _kind("prices", "planned_prices", PriceIn),
        _kind("promotions", "planned_promotions", PromotionIn),
        _kind("closures", "planned_closures", ClosureIn),
        _kind("regressors", "planned_regressors", RegressorIn),
    )
}


def kind_of(name: str) -> Kind:
    """Return the kind of plan of a name. Raises Invalid."""
    if name not in KINDS:
        raise Invalid("unknown_kind", f"{name!r} is no kind of plan; there are {', '.join(KINDS)}.")
    return KINDS[name]

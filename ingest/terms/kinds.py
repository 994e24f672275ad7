"""The ten kinds of terms, and the tables that keep them."""

from collections.abc import Mapping
from typing import Any

from ingest.terms.checks import MONEY, faults_of
from ingest.terms.shapes import (
    ApprovalRuleIn,
    BuyerBudgetIn,
    PriceBreakIn,
    ReceivingLimitIn,
    ServiceTargetIn,
    ShelfLimitIn,
    StockCostIn,
    SupplierDayIn,
    SupplierIn,
    SupplierProductIn,
)
from ingest.versions.kinds import Kind
from stocktide.foundation.errors import Invalid

SCOPE = ("product", "category", "department", "location", "region", "country")
QUANTITIES = (
    "pack", "minimum", "multiple", "from_quantity", "minimum_units", "truck_units", "capacity", "presentation",
    "units_a_day",
)  # fmt: skip


def _kind(name: str, shape: type[Any], key: tuple[str, ...]) -> Kind:
    fields = shape.__struct_fields__
    # a supplier is made known by its own row
    own = () if shape is SupplierIn else ("supplier",)
    known = tuple(name for name in (*own, *SCOPE) if name in fields)
    return Kind(
        name,
        name.replace("-", "_"),
        shape,
        faults_of,
        scope=known,
        key=key,
        columns_of={
            "from_": "starts_on",
            "to": "ends_on",
            "state": "is_closed",
            **{field: f"{field}_micros" for field in MONEY},
            **{field: f"{field}_milli" for field in QUANTITIES},
        },
        # least cost has no target, and a fill rate is no cycle service
        follows={"target": "measure"},
    )


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        _kind("suppliers", SupplierIn, ("supplier",)),
        _kind("supplier-products", SupplierProductIn, ("supplier", "product")),
        _kind("price-breaks", PriceBreakIn, ("supplier", "product", "from_quantity")),
        _kind("supplier-days", SupplierDayIn, ("supplier", "from_", "to")),
        _kind("service-targets", ServiceTargetIn, ("abc", *SCOPE)),
        _kind("stock-costs", StockCostIn, SCOPE),
        _kind("shelf-limits", ShelfLimitIn, SCOPE),
        _kind("buyer-budgets", BuyerBudgetIn, ("buyer", "from_", "to")),
        _kind("receiving-limits", ReceivingLimitIn, ("location",)),
        _kind("approval-rules", ApprovalRuleIn, ("supplier", "abc", *SCOPE)),
    )
}


def kind_of(name: str) -> Kind:
    """Return the kind of terms of a name. Raises Invalid."""
    if name not in KINDS:
        raise Invalid(
            "unknown_kind", f"{name!r} is no kind of terms; there are {', '.join(KINDS)}."
        )
    return KINDS[name]

"""Terms of buying of the sample chain: its suppliers, and what they sell in cases."""

from typing import Any

from data.chain import CURRENCY, Chain, Product

# What the chain pays of its selling price, and what an order is worth at least.
COST_SHARE = 0.62
MINIMUM_VALUE = 150
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Orders leave when the day is closed; see the timetable of `bookings`.
CUTOFF = "23:30"


def terms_of(chain: Chain) -> dict[str, list[dict[str, Any]]]:
    """Return bodies of PUT /v1/terms/KIND, by the kind's name."""
    suppliers = {
        department.supplier: {
            "supplier": department.supplier,
            "name": department.supplier,
            "currency": CURRENCY,
            "lead_days": department.lead_time_days[1],
            "minimum_value": MINIMUM_VALUE,
            "order_days": ",".join(WEEKDAYS[day] for day in department.review),
            "cutoff": CUTOFF,
        }
        for department in chain.departments
    }
    sold = [
        {
            "supplier": chain.departments[product.department].supplier,
            "product": product.sku,
            "price": cost_of(product),
            "pack": product.case,
        }
        for product in chain.products
    ]
    return {"suppliers": list(suppliers.values()), "supplier-products": sold}


def cost_of(product: Product) -> float:
    """Return what the supplier takes for a unit."""
    return round(product.price_micros / 1e6 * COST_SHARE, 2)

"""A made-up shop that writes exports of Shopify and Stocky, in the older and the newer form, and knows its own sums."""

import csv
import io
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")
ORDERS_OLD = [
    "Name", "Email", "Financial Status", "Paid at", "Fulfillment Status", "Fulfilled at", "Accepts Marketing",
    "Currency", "Subtotal", "Shipping", "Taxes", "Total", "Discount Code", "Discount Amount",
    "Shipping Method", "Created at", "Lineitem quantity", "Lineitem name", "Lineitem price",
    "Lineitem compare at price", "Lineitem sku", "Lineitem requires shipping", "Lineitem taxable",
    "Lineitem fulfillment status", "Billing Name", "Billing Zip", "Notes", "Note Attributes", "Cancelled at",
    "Payment Method", "Refunded Amount", "Vendor", "Outstanding Balance", "Employee", "Location", "Device ID",
    "Id", "Tags", "Risk Level", "Source", "Lineitem discount", "Tax 1 Name", "Tax 1 Value", "Phone",
    "Receipt Number", "Duties",
]  # fmt: skip
RENAMED = {"Lineitem compare at price": "Lineitem compare-at price", "Lineitem sku": "Lineitem SKU",
           "Cancelled at": "Canceled at"}  # fmt: skip
ORDERS_NEW = [RENAMED.get(name, name) for name in ORDERS_OLD]


@dataclass
class Line:
    """A line; off: its own discount."""

    name: str
    quantity: int
    price: Decimal
    sku: str = ""
    off: Decimal = Decimal(0)
    shipped: bool = True

    @property
    def amount(self) -> Decimal:
        return self.quantity * self.price - self.off


@dataclass
class Order:
    """An order; off: its discount beside those of its lines. tax_included: prices include taxes."""

    name: str
    at: datetime
    lines: list[Line]
    off: Decimal = Decimal(0)
    shipping: Decimal = Decimal(0)
    taxes: Decimal = Decimal(0)
    tax_included: bool = True
    currency: str = "EUR"
    status: str = "paid"
    cancelled: bool = False
    refunded: Decimal = Decimal(0)
    location: str = ""
    email: str = "ann@example.com"
    notes: str = ""
    duties: Decimal = Decimal(0)

    @property
    def subtotal(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal(0)) - self.off

    @property
    def total(self) -> Decimal:
        on_top = Decimal(0) if self.tax_included else self.taxes
        return self.subtotal + self.shipping + on_top + self.duties

    def rows(self) -> Iterable[dict[str, str]]:
        """Its rows: all that is of the order stands on the first."""
        created = f"{self.at:%Y-%m-%d %H:%M:%S %z}"
        discounts = self.off + sum((line.off for line in self.lines), Decimal(0))
        first = {
            "Financial Status": self.status, "Currency": self.currency, "Subtotal": f"{self.subtotal:.2f}",
            "Shipping": f"{self.shipping:.2f}", "Taxes": f"{self.taxes:.2f}", "Total": f"{self.total:.2f}",
            "Discount Amount": f"{discounts:.2f}", "Notes": self.notes,
            "Id": "7" + "".join(filter(str.isdigit, self.name)),
            "Cancelled at": created if self.cancelled else "", "Refunded Amount": f"{self.refunded:.2f}",
            "Location": self.location, "Source": "pos" if self.location else "web", "Duties": f"{self.duties:.2f}",
        }  # fmt: skip
        for place, line in enumerate(self.lines):
            yield {
                "Name": self.name, "Email": self.email, "Created at": created, **(first if place == 0 else {}),
                "Lineitem quantity": str(line.quantity), "Lineitem name": line.name,
                "Lineitem price": f"{line.price:.2f}", "Lineitem sku": line.sku,
                "Lineitem requires shipping": str(line.shipped).lower(), "Lineitem discount": f"{line.off:.2f}",
            }  # fmt: skip


@dataclass
class Variant:
    """A variant of a product; options: values beside its title."""

    title: str
    options: Sequence[str]
    sku: str
    price: Decimal
    cost: Decimal
    vendor: str = "Mill"
    stock: dict[str, int | str] = field(default_factory=dict)
    gift_card: bool = False

    @property
    def name(self) -> str:
        return f"{self.title} - {' / '.join(self.options)}" if self.options else self.title

    @property
    def handle(self) -> str:
        return self.title.lower().replace(" ", "-")


def table(names: Sequence[str], rows: Iterable[dict[str, Any]], *, end: str = "\n") -> str:
    """A CSV as the shop writes it; names may be the newer spellings."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end)
    writer.writerow(names)
    old = {new: name for name, new in RENAMED.items()}
    for row in rows:
        writer.writerow([row.get(name, row.get(old.get(name, name), "")) for name in names])
    return text.getvalue()


def orders_csv(orders: Iterable[Order], names: Sequence[str] = ORDERS_OLD) -> str:
    return table(names, (row for order in orders for row in order.rows()))


def _variant(variant: Variant) -> dict[str, Any]:
    options = {f"Option{n} Value": value for n, value in enumerate(variant.options, start=1)}
    return {
        "Handle": variant.handle,
        "Title": variant.title,
        **(options or {"Option1 Value": "Default Title"}),
    }


def products_csv(variants: Iterable[Variant], *, newer: bool = False) -> str:
    """The products; of several variants of one handle only the first row has what is of the product."""
    rows, seen = [], set()
    for variant in variants:
        row = _variant(variant) | {
            "Variant SKU": variant.sku, "Variant Price": f"{variant.price:.2f}", "Cost per item": f"{variant.cost:.2f}",
        }  # fmt: skip
        if variant.handle in seen:
            del row["Title"]
        else:
            row |= {"Vendor": variant.vendor, "Type": "Bread", "Gift Card": str(variant.gift_card).lower(),
                    "Product Category": "Food > Bakery"}  # fmt: skip
            rows.append({"Handle": variant.handle, "Image Src": "a picture"})
            rows.insert(-1, row)
            seen.add(variant.handle)
            continue
        rows.append(row)
    names = ["Handle", "Title", "Vendor", "Product Category", "Type", "Option1 Value", "Option2 Value", "Variant SKU",
             "Variant Price", "Cost per item", "Gift Card", "Image Src"]  # fmt: skip
    if not newer:
        return table(names, rows)
    spelt = {"Handle": "URL handle", "Variant SKU": "SKU", "Variant Price": "Price", "Gift Card": "Gift card",
             "Product Category": "Product category", "Option1 Value": "Option1 value", "Option2 Value": "Option2 value",
             "Image Src": "Product image URL"}  # fmt: skip
    return table(
        [spelt.get(n, n) for n in names],
        [{spelt.get(k, k): v for k, v in row.items()} for row in rows],
    )


INVENTORY = [
    "Handle",
    "Title",
    "Option1 Name",
    "Option1 Value",
    "Option2 Name",
    "Option2 Value",
    "SKU",
    "HS Code",
    "COO",
]
NEWER = ["Location", "Bin name", "Incoming (not editable)", "Unavailable (not editable)", "Committed (not editable)",
         "Available (not editable)", "On hand (current)", "On hand (new)"]  # fmt: skip


def inventory_csv(variants: Sequence[Variant], *, newer: bool = True) -> str:
    """The stock: a row for each location, or, as it was, a column for each."""
    places = sorted({place for variant in variants for place in variant.stock})
    if not newer:
        rows = [_variant(v) | {"SKU": v.sku, **{place: v.stock.get(place, "not stocked") for place in places}}
                for v in variants]  # fmt: skip
        return table([*INVENTORY, *places], rows)
    rows = [
        _variant(variant) | {"SKU": variant.sku, "Location": place, "Available (not editable)": units,
                             "Committed (not editable)": 1, "On hand (current)": _and_committed(units)}
        for variant in variants for place, units in variant.stock.items()
    ]  # fmt: skip
    return table([*INVENTORY, *NEWER], rows)


def _and_committed(units: int | str) -> int | str:
    return units if isinstance(units, str) else units + 1


PURCHASES = ["PO Number", "Supplier", "Status", "SKU", "Product", "Quantity Ordered", "Quantity Received", "Cost Price",
             "Currency", "Ordered At", "Expected At", "Received At", "Location"]  # fmt: skip


def purchases_csv(rows: Iterable[Sequence[object]]) -> str:
    return table(PURCHASES, (dict(zip(PURCHASES, row, strict=True)) for row in rows))


def variants_of(count: int, *, online: str, shop: str) -> list[Variant]:
    """Sourdough, rye and more, each in two sizes, with stock at two places."""
    made = []
    for n in range(count):
        for size in ("S", "L"):
            price = Decimal(300 + 35 * n + (size == "L") * 120) / 100
            stock: dict[str, int | str] = {online: 6 + n, shop: 3}
            made.append(
                Variant(f"Loaf {n}", [size], f"00{n}-{size}", price, price / 2, stock=stock)
            )
    return made


def history(
    variants: Sequence[Variant], *, end: datetime, days: int, seed: int, shop: str
) -> list[Order]:
    """Orders of some days, newest first as Shopify writes them; all kinds of discounts, taxes and ends."""
    draw = random.Random(seed)
    orders: list[Order] = []
    for number in range(days * 6):
        at = end - timedelta(days=number // 6, minutes=draw.randrange(30, 600))
        lines = [
            Line(v.name, draw.randint(1, 3), v.price, v.sku, Decimal(draw.choice([0, 0, 0, 17])) / 100)
            for v in draw.sample(list(variants), draw.randint(1, 3))
        ]  # fmt: skip
        worth = sum((line.amount for line in lines), Decimal(0))
        order = Order(
            f"#{100_000 - number}",
            at.astimezone(ZONE),
            lines,
            off=(worth / 7).quantize(Decimal("0.01")) if draw.random() < 0.2 else Decimal(0),
            shipping=Decimal(draw.choice([0, 490])) / 100,
            taxes=(worth / 9).quantize(Decimal("0.01")),
            tax_included=draw.random() < 0.7,
            location=shop if draw.random() < 0.4 else "",
            email=f"c{draw.randrange(40)}@example.com",
            cancelled=draw.random() < 0.03,
        )
        if draw.random() < 0.05:
            order.status, order.refunded = "refunded", order.total
        elif draw.random() < 0.05:
            order.status, order.refunded = "partially_refunded", Decimal("1.00")
        orders.append(order)
    return orders


def write(path: Path, text: str, *, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path

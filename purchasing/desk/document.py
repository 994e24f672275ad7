"""A purchase order as a PDF: pages that a supplier can read and print, with names in any script."""

import functools
import io
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from stocktide.domain.exact_numbers import MICRO_PLACES, in_full

# A4 upright, inches, and where text stands on it, as shares of the page.
PAGE = (8.27, 11.69)
LEFT, RIGHT, TOP, BOTTOM = 0.07, 0.93, 0.95, 0.07
ROW, SMALL, LARGE = 0.019, 7.5, 16
LINES_FIRST, LINES_MORE = 34, 44
# The first has most of the world's alphabets and comes with the library; the others are taken where the host has them.
FAMILIES = (
    "DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR",
    "WenQuanYi Zen Hei", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Sans Arabic",
)  # fmt: skip
UNKNOWN = "\N{REPLACEMENT CHARACTER}"


class Column(NamedTuple):
    """A column of the lines: its head, where it ends or begins, and how many characters it has room for."""

    head: str
    at: float
    align: str
    room: int


COLUMNS = (
    Column("", 0.07, "left", 4),
    Column("Your code", 0.10, "left", 16),
    Column("Product", 0.225, "left", 26),
    Column("Deliver to", 0.412, "left", 18),
    Column("Expected", 0.556, "left", 10),
    Column("Packs", 0.675, "right", 7),
    Column("Quantity", 0.76, "right", 14),
    Column("Price", 0.84, "right", 12),
    Column("Amount", 0.93, "right", 14),
)


def order_pdf(order: Mapping[str, Any]) -> bytes:
    """Write an order as a PDF; the same order gives the same bytes."""
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure

    pages = list(_pages(order["lines"]))
    told = {"Title": order["order_id"], "Creator": "Stocktide", "CreationDate": order["ordered_at"]}
    file = io.BytesIO()
    with PdfPages(file, metadata=told) as pdf:
        for number, lines in enumerate(pages, start=1):
            figure = Figure(figsize=PAGE)
            top = _head(figure, order) if number == 1 else TOP
            bottom = _table(figure, lines, top)
            if number == len(pages):
                _write(figure, RIGHT, bottom - ROW, _total(order), align="right", weight="bold")
            foot = f"{order['order_id']} · page {number} of {len(pages)}"
            _write(figure, LEFT, BOTTOM / 2, foot)
            pdf.savefig(figure)
    return file.getvalue()


def printable(text: str) -> str:
    """Return text with a mark in place of each character that no font of this host has."""
    known = _known()
    kept = (one for one in text if unicodedata.category(one) != "Cc")
    return "".join(one if ord(one) in known else UNKNOWN for one in kept)


def line_cells(line: Mapping[str, Any]) -> list[str]:
    """Return what stands in the columns of a line."""
    unit = "" if line["unit"] == "each" else f" {line['unit']}"
    is_off = line["state"] == "cancelled" and not line["received"]
    ordered = f"{in_full(line['ordered'])}{unit}"
    if line["state"] == "cancelled" and line["received"]:
        ordered = f"{in_full(line['received'])} of {ordered}"
    return [
        str(line["order_line"]),
        line["supplier_sku"] or line["product"],
        line["product_name"],
        line["location_name"],
        "" if line["expected_on"] is None else f"{line['expected_on']:%Y-%m-%d}",
        "" if line["packs"] is None else in_full(line["packs"]),
        ordered,
        "" if line["price"] is None else _price(line["price"]),
        "cancelled" if is_off else "" if line["amount"] is None else f"{line['amount']:,.2f}",
    ]


def _pages(lines: Sequence[Any]) -> Iterator[Sequence[Any]]:
    yield lines[:LINES_FIRST]
    for start in range(LINES_FIRST, len(lines), LINES_MORE):
        yield lines[start : start + LINES_MORE]


def _head(figure: Any, order: Mapping[str, Any]) -> float:
    """Write whose order it is; returns where the lines begin."""
    _write(figure, LEFT, TOP, f"Purchase order {order['order_id']}", size=LARGE, weight="bold")
    told = [
        f"To: {order['supplier_name']} ({order['supplier']})",
        order["email"] or "",
        f"Ordered: {order['ordered_at']:%Y-%m-%d} by {order['ordered_by']}",
        _expected(order),
    ]
    at = TOP - 0.045
    for text in filter(None, told):
        _write(figure, LEFT, at, _cut(text, 110), size=9)
        at -= ROW
    return at - ROW


def _expected(order: Mapping[str, Any]) -> str:
    """Say when an order is expected: on one day, or from one to another, each line on its own."""
    first, last = order["expected_from"], order["expected_on"]
    if first is None:
        return ""
    day = f"Expected: {first:%Y-%m-%d}"
    return day if first == last else f"{day} to {last:%Y-%m-%d}, each line on its own day"


def _table(figure: Any, lines: Sequence[Any], top: float) -> float:
    """Write lines under their heads; returns where the next text goes."""
    rows = [[column.head for column in COLUMNS], *(line_cells(line) for line in lines)]
    for number, cells in enumerate(rows):
        for column, cell in zip(COLUMNS, cells, strict=True):
            weight = "bold" if number == 0 else "normal"
            text = _cut(cell, column.room)
            at = top - number * ROW
            _write(figure, column.at, at, text, align=column.align, weight=weight)
    return top - len(rows) * ROW


def _total(order: Mapping[str, Any]) -> str:
    if order["total"] is None:
        return "Total: not known, since prices are missing"
    return f"Total {order['total']:,.2f} {order['currency'] or ''}".strip()


def _price(price: float) -> str:
    """Write a price with two digits, or with all that it has."""
    return f"{price:,.2f}" if round(price, 2) == price else in_full(price, MICRO_PLACES)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _write(
    figure: Any,
    x: float,
    y: float,
    text: str,
    *,
    size: float = SMALL,
    align: str = "left",
    weight: str = "normal",
) -> None:
    # names may hold the dollar signs by which the library would begin a formula
    figure.text(
        x, y, printable(text), size=size, ha=align, va="top", weight=weight, family=_families(),
        parse_math=False,
    )  # fmt: skip


@functools.cache
def _families() -> list[str]:
    from matplotlib.font_manager import fontManager

    there = {font.name for font in fontManager.ttflist}
    return [name for name in FAMILIES if name in there]


@functools.cache
def _known() -> frozenset[int]:
    """Return the characters that every weight of a font on this host has."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    known: set[int] = set()
    for name in _families():
        both = [
            set(get_font(findfont(FontProperties(family=name, weight=weight))).get_charmap())
            for weight in ("normal", "bold")
        ]
        known |= both[0] & both[1]
    return frozenset(known)

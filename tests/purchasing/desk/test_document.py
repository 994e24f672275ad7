"""A purchase order on paper."""

import re
from datetime import UTC, date, datetime
from typing import Any

from purchasing.desk.document import LINES_FIRST, UNKNOWN, line_cells, order_pdf, printable

LINE: dict[str, Any] = {
    "order_line": 1, "state": "ordered", "product": "A", "product_name": "$x_2$ 茶 شاي\n", "unit": "kg",
    "supplier_sku": "M-1", "location_name": "Café Łódź", "packs": 2.0, "ordered": 1200.0,
    "price": 1.5, "amount": 1800.0, "received": 0.0, "expected_on": date(2026, 3, 5),
}  # fmt: skip


def order(lines: int) -> dict[str, Any]:
    return {
        "order_id": "PO-1", "supplier": "mill", "supplier_name": "Mühle 磨坊 🌾", "email": None, "currency": "EUR",
        "ordered_by": "anna", "ordered_at": datetime(2026, 3, 2, tzinfo=UTC), "expected_from": date(2026, 3, 5),
        "expected_on": date(2026, 3, 5), "total": 1800.0,
        "lines": [{**LINE, "order_line": number + 1} for number in range(lines)],
    }  # fmt: skip


def test_order_is_printed_on_as_many_pages_as_it_needs_and_twice_the_same() -> None:
    printed = order_pdf(order(LINES_FIRST + 1))
    assert len(re.findall(rb"/Type /Page\b", printed)) == 2
    assert printed == order_pdf(order(LINES_FIRST + 1))


def test_names_in_any_script_are_printed_or_marked_and_formulas_are_text() -> None:
    assert printable("Łódź\n$x$ Тест") == "Łódź$x$ Тест"
    assert printable("\U00017000") == UNKNOWN


def test_line_says_quantity_in_its_unit_and_what_was_cancelled() -> None:
    assert line_cells(LINE)[4:] == ["2026-03-05", "2", "1,200 kg", "1.50", "1,800.00"]
    assert line_cells({**LINE, "price": 0.0125})[7] == "0.0125"
    unpriced = {**LINE, "state": "cancelled", "price": None, "amount": None, "supplier_sku": None}
    assert line_cells(unpriced)[1::7] == ["A", "cancelled"]
    in_part = {**LINE, "state": "cancelled", "received": 200.0, "amount": 300.0}
    assert line_cells(in_part)[6::2] == ["200 of 1,200 kg", "300.00"]

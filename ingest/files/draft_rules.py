"""The rules of a first mapping: which rows are no event, and what the others are."""

import re
from collections.abc import Iterator

from ingest.files.column_guesses import Columns
from ingest.files.raw_table import literal, quoted
from ingest.files.toml_text import toml_text
from stocktide.domain.kinds import RETURN, SALE

STATUS = r"(?i)status|state$|event type"
GOODS = r"(?i)itemization|(item|line|product) ?type"
DEAD = r"(?i)cancel|void|fail|declin|abandon|trash|draft"
NO_GOODS = r"(?i)\b(gift|voucher|custom amount|tip|donation|shipping|fee)"
VALUES_MAX = 30


def leave_out_rules(columns: Columns, footer: str | None) -> list[str]:
    """Return the rules of rows that are no event. footer: SQL of the rows at the end that are totals, if any."""
    lines = ["# CONFIRM: rows that are no event, by reason; the first rule that holds counts."]
    if footer:
        lines += _rule("a total under the rows", footer)
    quantity = columns.role("quantity")
    if quantity and any(re.fullmatch(r"[+-]?0+([.,]0+)?", v) for v in columns.seen[quantity]):
        lines += _rule("no quantity", f"{quoted(quantity)} = 0")
    for name in columns.seen:
        lines += _of_column(columns, name)
    if len(lines) == 1:
        lines += ["# [[leave_out]]", '# reason = "postage"', "# when = \"sku = 'POST'\""]
    return lines


def _of_column(columns: Columns, name: str) -> list[str]:
    """Return the rules that a column's name and values ask for."""
    said, kind = sorted(set(columns.seen[name])), columns.type_of(name)
    if re.search(DEAD, name) and kind.startswith(("DATE", "TIMESTAMP")):
        return _rule("cancelled", f"{columns.carried(name)} IS NOT NULL")
    if re.search(r"(?i)requires shipping", name) and kind == "BOOLEAN":
        return _rule("not shipped: a gift card or a service", f"NOT {quoted(name)}")
    if len(said) > VALUES_MAX:
        return []
    if re.search(GOODS, name):
        return _of_values(columns, name, said, NO_GOODS, "no goods")
    if re.search(STATUS, name):
        return _of_values(columns, name, said, DEAD, "cancelled")
    return []


def _of_values(
    columns: Columns, name: str, said: list[str], pattern: str, reason: str
) -> list[str]:
    found = ", ".join(literal(value) for value in said if re.search(pattern, value))
    has = f"# {toml_text(name)} has: {', '.join(map(toml_text, said))}. Leave out what is no sale."
    if found:
        return [has, *_rule(reason, f"{columns.carried(name)} IN ({found})")]
    return [has] if said and not re.search(r"(?i)state$", name) else []


def _rule(reason: str, when: str) -> list[str]:
    return ["[[leave_out]]", f"reason = {toml_text(reason)}", f"when = {toml_text(when)}"]


def kind_rules(columns: Columns) -> list[str]:
    """Return the rules of sales, and of returns where the file has quantities below zero."""
    quantity = columns.role("quantity")
    parts = ["# CONFIRM: what the other rows are; the first rule that holds counts."]
    parts += _kind(columns, SALE.name, ">", quantity, "")
    if quantity and columns.has_negative(quantity):
        parts += ["", *_kind(columns, RETURN.name, "<", quantity, "-")]
    return parts


def _kind(columns: Columns, kind: str, sign: str, quantity: str | None, minus: str) -> list[str]:
    if quantity is None:
        when, counted = "true", 'quantity = "1"  # CONFIRM: no column looks like a quantity'
    else:
        when = f"{quoted(quantity)} {sign} 0"
        counted = f"quantity = {toml_text(minus + quoted(quantity))}"
    lines = ["[[kind]]", f'kind = "{kind}"', f"when = {toml_text(when)}", "[kind.data]", counted]
    lines += _money(columns, quantity, minus)
    if order := columns.order():
        lines += [f"order_id = {toml_text(quoted(order))}"]
    return lines


def _money(columns: Columns, quantity: str | None, minus: str) -> Iterator[str]:
    """Yield price, total and currency of a line."""
    price, total = columns.role("price"), columns.role("line_total")
    cost = columns.amount(price) if price else None
    paid = columns.amount(total) if total and total not in (price, quantity) else None
    discount = columns.role("discount")
    if cost:
        yield f"price = {toml_text(cost)}  # CONFIRM: of one piece"
    if paid:
        said = toml_text((minus if quantity else "") + paid)
        yield f"line_total = {said}  # CONFIRM: paid for the line, without tax?"
    elif cost and quantity and discount and not minus and (less := columns.amount(discount)):
        said = toml_text(f"{cost} * {quoted(quantity)} - coalesce({less}, 0)")
        yield f"line_total = {said}  # CONFIRM: the discount of the line, not of one piece"
    if cost or paid:
        yield f"currency = {_currency(columns, price, total)}"


def _currency(columns: Columns, *amounts: str | None) -> str:
    named, sign = columns.role("currency"), columns.currency(*amounts)
    if named:
        return toml_text(columns.carried(named))
    return f"\"'{sign or 'EUR'}'\"  # CONFIRM"

"""Guesses about the columns of a file, for somebody to confirm: types, roles, amounts of money."""

import re
from dataclasses import dataclass

from ingest.files.column_types import NUMERIC
from ingest.files.raw_table import quoted

# What a column's name usually says, the likeliest first. Names are compared without spaces, dashes and case, and
# without what stands in brackets.
ROLES = {
    role: words.split()
    for role, words in {
        "id": "lineitemid transactionid receiptid receipt orderid ordernumber invoiceno name id rowid",
        "time": "createdat soldat orderdate datetime timestamp moment invoicedate paidat date day",
        "clock": "time timeofday",
        "zone": "timezone tz",
        "sku": "lineitemsku sku itemsku productid itemid stockcode article articleno productcode product item",
        "name": "lineitemname productname itemname description title item product name",
        "category": "subcategory category productcategory itemcategory",
        "department": "department category",
        "quantity": "lineitemquantity quantity qty itemquantity units itemssold count sales",
        "price": "lineitemprice unitprice price itemprice itemcost",
        "line_total": "linetotal lineamount netsales totalprice linenet lineitemtotal orderlinetotal itemtotal"
        " itemsubtotal sales",
        "discount": "lineitemdiscount itemdiscount linediscount",
        "location": "location locationname store storeid shop branch warehouse city region",
        "currency": "currency ordercurrency currencycode",
    }.items()
}
DAY = r"\d{4}-\d{1,2}-\d{1,2}"
TYPES = {
    "BOOLEAN": r"(?i)true|false|yes|no",
    "BIGINT": r"[+-]?\d{1,15}",
    "DECIMAL": r"[+-]?\d{1,12}(\.\d{1,6})?",
    "DATE": DAY,
    "TIMESTAMPTZ": rf"{DAY}[ T]\d{{1,2}}:\d{{2}}\S* ?(Z|[+-]\d{{2}}:?\d{{2}})",
    "TIMESTAMP": rf"{DAY}[ T]\d{{1,2}}:\d{{2}}.*",
}
COMMA_NUMBER = r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?"
# Whose address a column is of says more than its name: it is no shop's.
BRACKETS = r"(?i)\((?!billing|shipping).*?\)"
SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
SIGN = rf"[{''.join(SIGNS)}]"


@dataclass(frozen=True)
class Columns:
    """The columns of some rows: the values of each that are there, and how many rows were seen."""

    seen: dict[str, list[str]]
    rows: int

    def is_full(self, name: str) -> bool:
        """Return True if every row has the column."""
        return len(self.seen[name]) == self.rows

    def repeats(self, name: str) -> bool:
        """Return True if rows share a value of the column."""
        return len(set(self.seen[name])) < len(self.seen[name])

    def decimal_comma(self) -> bool:
        """Return True if a column is of numbers with a decimal comma."""
        return any(_is_comma(values) for values in self.seen.values())

    def type_of(self, name: str) -> str:
        """Return the narrowest type of all the values; codes, which only look like numbers, are text."""
        values = self.seen[name]
        if not values or name in (self.role("sku"), self.role("id")) or any(map(_is_code, values)):
            return "VARCHAR"
        if _is_comma(values):
            return "DECIMAL"
        fits = (k for k, pattern in TYPES.items() if all(re.fullmatch(pattern, v) for v in values))
        return next(fits, "VARCHAR")

    def role(self, role: str) -> str | None:
        """Return the column that probably has a role, or None; an id stands in every row."""
        bare = {_plain(re.sub(BRACKETS, "", name)): name for name in reversed(self.seen)}
        plain = bare | {_plain(name): name for name in reversed(self.seen)}
        named = (plain[word] for word in ROLES[role] if word in plain)
        return next((name for name in named if role != "id" or self.is_full(name)), None)

    def order(self) -> str | None:
        """Return the column that names the order of a row, or None."""
        name = self.role("id")
        is_order = name is not None and re.search(r"(?i)order|transaction|receipt|invoice", name)
        return name if name is not None and (is_order or self.repeats(name)) else None

    def has_negative(self, name: str) -> bool:
        """Return True if a value of the column begins with a minus."""
        return any(value.startswith("-") for value in self.seen[name])

    def carried(self, name: str) -> str:
        """Return SQL of a column, taken from the order's other rows where only some have it."""
        order = self.role("id")
        if self.is_full(name) or order in (None, name) or not self.repeats(str(order)):
            return quoted(name)
        return f"max({quoted(name)}) OVER (PARTITION BY {quoted(str(order))})"

    def amount(self, name: str) -> str | None:
        """Return SQL of an amount of money, without its sign and thousands marks; None for what is no number."""
        if self.type_of(name) in NUMERIC:
            return quoted(name)
        values = self.seen[name]
        for number, group, decimal in ((_POINTED, ",", "."), (_COMMAED, ".", ",")):
            money = rf"\(?[+-]?({SIGN}\s?)?[+-]?{number}(\s?{SIGN})?\)?"
            if values and all(re.fullmatch(money, value) for value in values):
                bare = f"regexp_replace({quoted(name)}, '[{''.join(SIGNS)}{group})\\s]', '', 'g')"
                bare = bare if decimal == "." else f"replace({bare}, ',', '.')"
                return f"replace({bare}, '(', '-')::DECIMAL(30, 12)"
        return None

    def currency(self, *names: str | None) -> str | None:
        """Return the currency whose sign stands in one of some columns, or None."""
        values = (value for name in names if name for value in self.seen[name])
        return next((SIGNS[v[0]] for value in values if (v := re.search(SIGN, value))), None)


_POINTED = r"\d{1,3}(,?\d{3})*(\.\d+)?"
_COMMAED = r"\d{1,3}(\.?\d{3})*(,\d+)?"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _is_comma(values: list[str]) -> bool:
    return any("," in v for v in values) and all(re.fullmatch(COMMA_NUMBER, v) for v in values)


def _is_code(value: str) -> bool:
    return len(value) > 1 and value[0] == "0" and value.isdigit()

"""Guesses about the columns of a file, for somebody to confirm: types, roles, the order of dates."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.files.raw_table import literal, quoted

# What a column's name usually says, the likeliest first. Names are compared without spaces, dashes and case.
ROLES = {
    role: words.split()
    for role, words in {
        "id": "lineitemid transactionid receiptid receipt orderid ordernumber invoiceno name id rowid",
        "time": "createdat soldat orderdate datetime timestamp moment invoicedate paidat date day",
        "clock": "time timeofday",
        "sku": "lineitemsku sku itemsku productid itemid stockcode article articleno productcode product item",
        "name": "lineitemname productname itemname description title item product name",
        "quantity": "lineitemquantity quantity qty itemquantity units count sales",
        "price": "lineitemprice unitprice price itemprice itemcost itemsubtotal",
        "line_total": "linetotal lineamount netsales totalprice linenet",
        "location": "location locationname store storeid shop branch warehouse city region",
        "currency": "currency ordercurrency currencycode",
    }.items()
}
DAY = r"\d{4}-\d{1,2}-\d{1,2}"
TYPES = {
    "BOOLEAN": r"(?i)true|false|yes|no",
    "BIGINT": r"[+-]?\d{1,15}",
    "DOUBLE": r"[+-]?\d{1,13}(\.\d{1,6})?",
    "DATE": DAY,
    "TIMESTAMPTZ": rf"{DAY}[ T]\d{{1,2}}:\d{{2}}\S* ?(Z|[+-]\d{{2}}:?\d{{2}})",
    "TIMESTAMP": rf"{DAY}[ T]\d{{1,2}}:\d{{2}}.*",
}
COMMA_NUMBER = r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?"
OTHER_DAY = re.compile(r"(\d{1,2})([./-])(\d{1,2})[./-](\d{4})( .*)?")


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
        return any(self._is_comma(values) for values in self.seen.values())

    def type_of(self, name: str) -> str:
        """Return the narrowest type of all the values; codes, which only look like numbers, are text."""
        values = self.seen[name]
        if not values or name in (self.role("sku"), self.role("id")) or any(map(_is_code, values)):
            return "VARCHAR"
        if self._is_comma(values):
            return "DOUBLE"
        fits = (k for k, pattern in TYPES.items() if all(re.fullmatch(pattern, v) for v in values))
        return next(fits, "VARCHAR")

    def role(self, role: str) -> str | None:
        """Return the column that probably has a role, or None; an id stands in every row."""
        plain = {re.sub(r"[^a-z]", "", name.lower()): name for name in reversed(self.seen)}
        named = (plain[word] for word in ROLES[role] if word in plain)
        return next((name for name in named if role != "id" or self.is_full(name)), None)

    def has_negative(self, name: str) -> bool:
        """Return True if a value of the column begins with a minus."""
        return any(value.startswith("-") for value in self.seen[name])

    def states(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the columns that say what became of a row (cancelled, refunded), with some of their values."""
        for name, values in self.seen.items():
            if values and re.search(
                r"status|state$|cancel|event type|itemization", name, re.IGNORECASE
            ):
                yield name, sorted(set(values))[:6]

    def time(self) -> tuple[str, str] | None:
        """Return the SQL of the event's time, and what to confirm about it; None if no column looks like one."""
        name = self.role("time")
        if name is None:
            return None
        clock, kind = self.role("clock"), self.type_of(name)
        if kind == "DATE":
            if clock and clock != name:
                return f"{quoted(name)} || ' ' || {quoted(clock)}", "when it happened"
            return f"{quoted(name)} + INTERVAL 12 HOUR", "the export knows no time of day: noon"
        if kind.startswith("TIMESTAMP"):
            return quoted(name), "when it happened"
        return self._other_day(name)

    def _other_day(self, name: str) -> tuple[str, str]:
        parts = [found for value in self.seen[name] if (found := OTHER_DAY.fullmatch(value))]
        if len(parts) < max(1, len(self.seen[name])):
            return quoted(name), "its form is not known: see Types in docs/mappings.md"
        mark = parts[0][2]
        first, second = max(int(p[1]) for p in parts), max(int(p[3]) for p in parts)
        order = ("%d", "%m") if first > 12 or (second <= 12 and mark == ".") else ("%m", "%d")
        form = f"{order[0]}{mark}{order[1]}{mark}%Y"
        sure = "day and month" if max(first, second) <= 12 else "the form"
        if parts[0][5]:
            return (
                f"strptime({quoted(name)}, {literal(form + ' %H:%M')})",
                f"{sure}, and that of the time of day",
            )
        return (
            f"strptime({quoted(name)}, {literal(form)}) + INTERVAL 12 HOUR",
            f"{sure}; without a time of day, noon",
        )

    def _is_comma(self, values: list[str]) -> bool:
        return any("," in v for v in values) and all(re.fullmatch(COMMA_NUMBER, v) for v in values)

    def text_when_joined(self) -> Iterator[str]:
        """Yield the columns that must stay text because the time is put together of them."""
        name, clock = self.role("time"), self.role("clock")
        if name and clock and clock != name and self.type_of(name) == "DATE":
            yield from (name, clock)


def _is_code(value: str) -> bool:
    return len(value) > 1 and value[0] == "0" and value.isdigit()

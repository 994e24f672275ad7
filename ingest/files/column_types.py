"""A column's text becomes its declared type whole, or nothing: no rounding, no dropped offset, no dropped PM."""

import re
from collections.abc import Collection
from typing import NamedTuple

from ingest.files.dialect import Dialect
from ingest.files.raw_table import literal, quoted

# A double keeps so many digits exactly.
DOUBLE_DIGITS = 15
DAY = r"\d{4,6}[-/]\d{1,2}[-/]\d{1,2}"
CLOCK = r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,6}0*)?)?"
OFFSET = r" ?([Zz]|UTC|GMT|[+-](0\d|1[0-4])(:?[0-5]\d)?)| [A-Za-z]+/[A-Za-z_/+-]+"
HALF_DAY = r" ?([AaPp]\.?[Mm]\.?)"
ENDLESS = r"[+-]?[Ii][Nn][Ff]([Ii][Nn][Ii][Tt][Yy])?"
HALF_DAY_FORMS = ("%Y-%m-%d %I:%M%p", "%Y-%m-%d %I:%M:%S%p", "%Y-%m-%d %I:%M:%S.%f%p")
TIMES = ("TIMESTAMP", "TIMESTAMPTZ")
NUMERIC = ("BIGINT", "DECIMAL", "DOUBLE")
# A decimal keeps 6 places, as a price does; what is computed of several keeps theirs.
DECIMAL_PLACES = 6
DECIMAL = f"DECIMAL(18, {DECIMAL_PLACES})"
CURRENCY = re.compile(r"[$€£¥₹₽]|\b[A-Z]{3}\b")


class Marks(NamedTuple):
    """Decimal and thousands mark of the numbers in a file; thousands: "" where there are none.

    doubted: nothing in the file proves that a point is the decimal mark, and some numbers have a comma for it.
    """

    decimal: str = "."
    thousands: str = ""
    doubted: bool = False

    @classmethod
    def of(cls, dialect: Dialect | None) -> "Marks":
        """Return those of a dialect; JSON and Parquet write numbers one way."""
        return cls() if dialect is None else cls(dialect.decimal, dialect.thousands)

    def number(self, *, whole: bool) -> str:
        """Return the pattern of a number as it is written with these marks."""
        groups = rf"|\d{{1,3}}({self._thousands()}\d{{3}})+" if self.thousands else ""
        point = r"[^\s\S]" if self.doubted else re.escape(self.decimal)
        rest = rf"({point}0+)?" if whole else rf"({point}\d*)?"
        start = rf"(\d+{groups}){rest}"
        return rf"[+-]?{start}" if whole else rf"[+-]?({start}|{point}\d+)([eE][+-]?\d+)?"

    def plain(self, value: str) -> str:
        """Return SQL that writes such a number with a point and without thousands marks."""
        if self.thousands:
            value = f"regexp_replace({value}, {literal(self._thousands())}, '', 'g')"
        return value if self.decimal == "." else f"replace({value}, {literal(self.decimal)}, '.')"

    def _thousands(self) -> str:
        # a space is often one that does not break
        return "[ \u00a0\u202f]" if self.thousands == " " else re.escape(self.thousands)


def point_evidence(columns: Collection[str]) -> str:
    """Return the query of whether numbers in columns of `raw` have a decimal comma, and whether one proves a point.

    1.234 proves nothing: the point may part thousands.
    """
    comma = r"[+-]?(\d+|\d{1,3}(\.\d{3})+),(\d{1,2}|\d{4,})|[+-]?\d{1,3}(\.\d{3})+,\d+"
    point = r"[+-]?(\d*\.(\d{1,2}|\d{4,})|\d{4,}\.\d{3}|0*\.\d+|\d{1,3}(,\d{3})+\.\d+)"
    commas = " OR ".join(_like(f"trim({quoted(c)})", comma) for c in columns)
    points = " OR ".join(_like(f"trim({quoted(c)})", point) for c in columns)
    return f"SELECT coalesce(bool_or({commas}), false), coalesce(bool_or({points}), false) FROM raw"  # noqa: S608


def parsed_times(column: str) -> list[str]:
    """Return SQL of two helping columns of times: the local time, and the instant where there is an offset."""
    value, names = f"trim({quoted(column)})", time_parts(column)
    both = zip((_local(value), _with_offset(value)), names, strict=True)
    return [f"{sql} AS {name}" for sql, name in both]


def instant_of_text(sql: str) -> str:
    """Return SQL of the instant that an expression of text names; it fails where that is no whole time."""
    value = f"trim({sql})"
    local, instant = _local(value), _with_offset(value)
    return (
        f"CASE WHEN {instant} IS NOT NULL THEN {instant}"
        f" WHEN ({local})::TIMESTAMPTZ::TIMESTAMP = ({local}) THEN ({local})::TIMESTAMPTZ"
        f" WHEN {value} <> '' THEN ('no whole time: ' || {value})::TIMESTAMPTZ END"
    )


def _local(value: str) -> str:
    plain, half = rf"{DAY}([ T]{CLOCK})?|{ENDLESS}", rf"{DAY}[ T]{CLOCK}{HALF_DAY}"
    spelled = f"replace(replace(upper({value}), '/', '-'), 'T', ' ')"
    spelled = f"regexp_replace({spelled}, ' ?([AP])\\.?M\\.?$', '\\1M')"
    forms = ", ".join(map(literal, HALF_DAY_FORMS))
    return (
        f"CASE WHEN {_like(value, plain)} THEN TRY_CAST({value} AS TIMESTAMP)"
        f" WHEN {_like(value, half)} THEN try_strptime({spelled}, [{forms}]) END"
    )


def converted(column: str, kind: str, marks: Marks) -> str:
    """Return SQL that gives a column of text as its type, NULL where the text is empty or is not wholly of the type.

    For a time it reads the columns of `parsed_times`.
    """
    value = f"trim({quoted(column)})"
    if kind == "BOOLEAN":
        forms = "(?i)true|false|t|f|yes|no|y|n|1|0"
        return f"CASE WHEN {_like(value, forms)} THEN TRY_CAST({value} AS BOOLEAN) END"
    if kind == "BIGINT":
        whole = f"TRY_CAST(TRY_CAST({marks.plain(value)} AS DECIMAL(38, 9)) AS BIGINT)"
        return f"CASE WHEN {_like(value, marks.number(whole=True))} THEN {whole} END"
    if kind == "DECIMAL":
        return _decimal(value, marks)
    if kind == "DOUBLE":
        return _double(value, marks)
    if kind == "DATE":
        day = rf"{DAY}([ T]0?0:00(:00(\.0+)?)?)?"
        return f"CASE WHEN {_like(value, day)} THEN TRY_CAST({value} AS DATE) END"
    return _time(column, kind) if kind in TIMES else quoted(column)


def refusal(kind: str, value: str, marks: Marks) -> str:
    """Return why a text is refused as a type, with the forms that are accepted."""
    hint = ""
    if kind in NUMERIC:
        hint = _number_hint(kind, value, marks)
    elif kind in ("DATE", *TIMES):
        hint = _time_hint(value, kind)
    shown = value if len(value) <= 60 else value[:60] + "…"
    return f"{shown!r} is not a {kind}; accepted: {accepted(kind, marks)}{hint}."


def accepted(kind: str, marks: Marks) -> str:
    """Return the forms of a type, as examples."""
    point, group = marks.decimal, marks.thousands
    day = "2026-03-01"
    clocks = f"{day} 21:15[:30], {day} 09:15 PM, either T or a space between"
    return {
        "BOOLEAN": "true, false, yes, no, 1, 0",
        "BIGINT": f"1{group}234, -5",
        "DECIMAL": f"1{group}234{point}5, -5, at most {DECIMAL_PLACES} decimals and 12 digits before them",
        "DOUBLE": f"1{group}234{point}5, -5, 1e3, at most {DOUBLE_DIGITS} digits",
        "DATE": f"{day}, year first",
        "TIMESTAMP": f"{clocks}, with Z or -0500 behind it if it is not of the mapping's time zone",
        "TIMESTAMPTZ": f"{clocks}, with Z, -05:00 or -0500 behind it; without, it is of the mapping's time zone",
    }.get(kind, "any text")


def _like(value: str, pattern: str) -> str:
    return f"regexp_full_match({value}, {literal(pattern)})"


def time_parts(column: str) -> tuple[str, str]:
    """Return the names of the helping columns of a column of times: local time, instant."""
    return quoted(f"_local of {column}"), quoted(f"_instant of {column}")


def _time(column: str, kind: str) -> str:
    """Return SQL of a time; none of an hour that clocks skip, or where a local time could be another instant."""
    local, instant = time_parts(column)
    there = f"{local}::TIMESTAMPTZ::TIMESTAMP = {local}"
    if kind == "TIMESTAMPTZ":
        return f"CASE WHEN {instant} IS NOT NULL THEN {instant} WHEN {there} THEN {local}::TIMESTAMPTZ END"
    once = f"{instant}::TIMESTAMP::TIMESTAMPTZ = {instant}"
    return f"CASE WHEN {once} THEN {instant}::TIMESTAMP WHEN {there} THEN {local} END"


def _double(value: str, marks: Marks) -> str:
    plain = marks.plain(value)
    mantissa = f"regexp_replace({plain}, '[eE].*', '')"
    digits = f"length(trim(regexp_replace({mantissa}, '[^0-9]', '', 'g'), '0'))"
    number = f"TRY_CAST({plain} AS DOUBLE)"
    exact = f"{digits} <= {DOUBLE_DIGITS} OR {number}::VARCHAR = {plain}"
    return (
        f"CASE WHEN {_like(value, marks.number(whole=False))} THEN CASE WHEN {exact} THEN {number} END"
        f" WHEN {_like(value, f'(?i)[+-]?nan|{ENDLESS}')} THEN TRY_CAST({value} AS DOUBLE) END"
    )


def _decimal(value: str, marks: Marks) -> str:
    plain = marks.plain(value)
    is_exact = _like(plain, rf"[+-]?\d*(\.\d{{0,{DECIMAL_PLACES}}}0*)?")
    is_number = _like(value, marks.number(whole=False))
    return f"CASE WHEN {is_number} AND {is_exact} THEN TRY_CAST({plain} AS {DECIMAL}) END"


def sql_type(kind: str) -> str:
    """Return DuckDB's name of a declared type in full."""
    return DECIMAL if kind == "DECIMAL" else kind


def written_decimal(sql: str) -> str:
    """Return SQL of a decimal as text without the zeros that computing adds."""
    return f"regexp_replace(({sql})::VARCHAR, '(\\.\\d+?)0+$', '\\1')"


def _with_offset(value: str) -> str:
    zulu = f"regexp_replace({value}, ' ?([Zz]|UTC|GMT)$', '+00:00')"
    whole = f"regexp_replace({zulu}, ' ?([+-]\\d{{2}}):?(\\d{{2}})$', '\\1:\\2')"
    whole = f"regexp_replace({whole}, ' ?([+-]\\d{{2}})$', '\\1:00')"
    pattern = rf"{DAY}[ T]{CLOCK}({OFFSET})"
    return f"CASE WHEN {_like(value, pattern)} THEN TRY_CAST({whole} AS TIMESTAMPTZ) END"


def _number_hint(kind: str, value: str, marks: Marks) -> str:
    if CURRENCY.search(value):
        return "; leave the currency out: give it as currency = \"'EUR'\" in the mapping, and export plain numbers"
    if marks.doubted or (marks == Marks() and "," in value):
        return '; for 1.234,5 set decimal = "," and thousands = "." in [file], for 1,234.5 thousands = ","'
    if re.fullmatch(marks.number(whole=False), value):
        return (
            "; for parts declare it DOUBLE or DECIMAL"
            if kind == "BIGINT"
            else "; for more digits declare it VARCHAR"
        )
    if re.search(r"[.,'\s]", value):
        return "; set decimal and thousands in [file] as the file writes them"
    return ""


def _time_hint(value: str, kind: str) -> str:
    if re.match(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}", value):
        return "; for another order declare it VARCHAR and use strptime(column, '%m/%d/%Y') with the file's own order"
    if kind == "DATE":
        return "; a time of day would be lost: declare it TIMESTAMP"
    if re.search(r"\d{2}:\d{2}", value) and re.match(DAY, value):
        return "; a time that clocks skip or pass twice that night needs its offset and the type TIMESTAMPTZ"
    return ""

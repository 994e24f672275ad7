"""How a delimited file is written: declared in a mapping's `[file]`, or found, and always shown."""

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import msgspec

DELIMITERS = (",", ";", "\t", "|")
DECIMALS = (".", ",")
THOUSANDS = (",", ".", " ", "'", "\u2019")
# So many lines are kept back while a file is read.
FOOTER_LINES_MAX = 100
DOUBLED, BACKSLASH = '"', "\\"


class FileOptions(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The table `[file]` of a mapping; what is left out is found on the whole file, or is the usual one.

    quote: "" means that no field is quoted. escape: what stands before a quote inside a quoted field; a quote means
    that it is doubled. skip_lines: lines before the header. skip_footer: lines after the last row, blank ones not
    counted.
    """

    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    comment: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    skip_lines: int | None = None
    skip_footer: int | None = None


@dataclass(frozen=True)
class Dialect:
    """A dialect in full. header_line: the line of the header, from 1. found: names of what nobody declared.

    skip_footer: how many last lines are no rows. newline: how lines end, with their number. thousands: "" where there
    are none.
    """

    encoding: str
    delimiter: str
    quote: str
    escape: str
    comment: str
    decimal: str
    thousands: str
    newline: str
    header_line: int
    found: tuple[str, ...] = ()
    skip_footer: int = 0

    @cached_property
    def csv_arguments(self) -> dict[str, Any]:
        """Return the arguments of `csv.reader`."""
        # QUOTE_MINIMAL reads quotes, QUOTE_NONE (3) takes them as text
        return {
            "delimiter": self.delimiter,
            "quotechar": self.quote or None,
            "quoting": 0 if self.quote else 3,
            "doublequote": True,
            "escapechar": self.escape if self.escape not in ("", self.quote) else None,
            "strict": True,
        }

    def shown(self) -> dict[str, Any]:
        """Return it for people and reports: each part, and which of them were found."""
        parts = asdict(self)
        if not self.skip_footer:
            del parts["skip_footer"]
        parts["escape"] = "doubled quote" if self.escape == self.quote else self.escape
        return {**parts, "found": list(self.found)}


def words(shown: Mapping[str, Any]) -> str:
    """Describe a dialect as `Dialect.shown` gives it in one line."""
    named = {"\t": "tab", " ": "space", "": "none"}
    parts = ("encoding", "delimiter", "quote", "escape", "comment", "decimal", "thousands")
    said = "; ".join(f"{name} {named.get(shown[name], shown[name])}" for name in parts)
    place = f"header in line {shown['header_line']}; lines end with {shown['newline']}"
    if footer := shown.get("skip_footer"):
        place += f"; lines left out at the end: {footer}"
    found = ", ".join(shown["found"]).replace("_", " ")
    return f"{said}; {place}. Found, not declared: {found}."


def option_faults(options: FileOptions) -> Iterator[str]:
    """Yield what is wrong with a table `[file]`, key first."""
    one = "one character, such as"
    if options.delimiter is not None and len(options.delimiter) != 1:
        yield f'delimiter: {options.delimiter!r}; give {one} "," or "\\t".'
    if options.quote is not None and len(options.quote) > 1:
        yield f"quote: {options.quote!r}; give one character, or an empty text where no field is quoted."
    if options.escape is not None and len(options.escape) != 1:
        yield f"escape: {options.escape!r}; give {one} the quote (it is doubled) or a backslash."
    if options.comment is not None and not options.comment.strip():
        yield f"comment: {options.comment!r}; give what such a line begins with, such as #."
    if options.skip_lines is not None and options.skip_lines < 0:
        yield f"skip_lines: {options.skip_lines}; give the number of lines before the header, 0 or more."
    if options.skip_footer is not None and not 0 <= options.skip_footer <= FOOTER_LINES_MAX:
        yield f"skip_footer: {options.skip_footer}; give the lines after the last row, 0 to {FOOTER_LINES_MAX}."
    yield from _mark_faults(options)
    if options.encoding is not None and not _is_text_encoding(options.encoding):
        yield f"encoding: {options.encoding!r} is not known; give utf-8, cp1252, latin-1 or utf-16, say."


def _mark_faults(options: FileOptions) -> Iterator[str]:
    decimal = options.decimal or "."
    if decimal not in DECIMALS:
        yield f'decimal: {decimal!r}; give "." or ",".'
    if options.thousands is not None and options.thousands not in ("", *THOUSANDS):
        yield f"thousands: {options.thousands!r}; give one of {' '.join(map(repr, THOUSANDS))}."
    elif options.thousands == decimal:
        yield f"thousands: {decimal!r} is the decimal mark; give another, or set decimal."
    quote = '"' if options.quote is None else options.quote
    if options.delimiter and options.delimiter in (quote, "\n", "\r"):
        yield f"delimiter: {options.delimiter!r} cannot be the quote or a line's end."


def _is_text_encoding(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding
    except LookupError:
        return False

"""A kind of row that is never overwritten: the fields that a sender fills in, and the table that keeps them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from stocktide.domain.exact_numbers import INT64_MAX, NotExact, Written, scaled_exactly
from stocktide.foundation.errors import Invalid

# What is wrong: a code, the field, and why.
Fault = tuple[str, str, str]
# What all kinds have beside their own fields; the id has a name of its own in each family of tables.
COMMON = ("content_hash", "known_since", "recorded_by")
AUDIT = ("known_since", "recorded_at", "recorded_by", "withdrawn_at", "withdrawn_by")
# Columns that keep decimals as whole numbers, by the end of their names: how many places.
PLACES = {"_micros": 6, "_milli": 3}


@dataclass(frozen=True)
class Kind:
    """One kind of row.

    name: on routes, and of the list in a body. table: keeps it. shape: the struct that senders fill in; its field
    `known_since` says since when it was decided. faults_of: yields what keeps a row from being recorded, beyond the
    types of its fields; given the row and now. scope: fields that must name something known.
    key: the fields that make a row's id; none: the sender gives one, or it follows from the content.
    id_column, number: columns of the id, and of the row's number. columns_of: columns that are named otherwise than the
    field that fills them. surrogates: fields that are kept by the surrogate key of what they name. follows: fields that
    mean something only with the value that another one has, by that one.
    """

    name: str
    table: str
    shape: type[Any]
    faults_of: Callable[[Any, datetime], Iterator[Fault]]
    scope: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    id_column: str = "term"
    number: str = "term_id"
    columns_of: Mapping[str, str] = field(default_factory=dict)
    surrogates: frozenset[str] = frozenset()
    follows: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, str]:
        """Return the table's columns beside those that all kinds have, by the field that fills them."""
        names = self.shape.__struct_fields__
        own = (name for name in names if name not in ("id", "known_since"))
        return {name: self.column(name) for name in own}

    def column(self, name: str) -> str:
        """Return the column of a field."""
        return f"{name}_id" if name in self.surrogates else self.columns_of.get(name, name)

    @property
    def fields(self) -> tuple[str, ...]:
        """Return all fields, as senders write them."""
        names: tuple[str, ...] = self.shape.__struct_encode_fields__
        return names

    @property
    def required(self) -> set[str]:
        """Return the fields that a row must have, as senders write them."""
        return {field.encode_name for field in msgspec.structs.fields(self.shape) if field.required}

    @property
    def without_null(self) -> set[str]:
        """Return the fields whose default is a value, as senders write them: null is that."""
        fields = msgspec.structs.fields(self.shape)
        return {
            field.encode_name
            for field in fields
            if not field.required and field.default is not None
        }


def refusal(kind: str, row: int, fault: Fault) -> Invalid:
    """Make the error for one row of a call."""
    code, name, why = fault
    return Invalid(code, f"{kind}[{row}].{name}: {why}", row=row, field=name)


def stored(column: str, value: Any) -> Any:
    """Return a field's value as its column takes it."""
    if value is None:
        return None
    if places := _places(column):
        return scaled_exactly(value, places, INT64_MAX // 10**places)
    return value == "closed" if column == "is_closed" else msgspec.to_builtins(value)


def sent(column: str, value: Any) -> Any:
    """Return what a column keeps as its sender wrote it: the inverse of `stored`."""
    if value is None:
        return None
    if places := _places(column):
        return value / 10**places
    return ("closed" if value else "open") if column == "is_closed" else value


def written(column: str, value: Any) -> Any:
    """Return what a column keeps as a sender may write it again: decimals with all their digits."""
    if value is not None and (places := _places(column)):
        return f"{Decimal(value).scaleb(-places):f}"
    return sent(column, value)


def is_decimal(value: Written, column: str, *, positive: bool = False) -> bool:
    """Return True if a number can be kept by a column of decimals, and is not below zero (positive: above it)."""
    places = _places(column) or 0
    try:
        scaled = scaled_exactly(value, places, INT64_MAX // 10**places)
    except NotExact:
        return False
    return scaled > 0 if positive else scaled >= 0


def content_of(row: Any) -> dict[str, Any]:
    """Return what makes two rows the same: all fields but the id and when it was decided."""
    fields: dict[str, Any] = msgspec.to_builtins(row)
    return {name: value for name, value in fields.items() if name not in ("id", "known_since")}


def _places(column: str) -> int | None:
    return next((places for end, places in PLACES.items() if column.endswith(end)), None)

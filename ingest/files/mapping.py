"""A mapping file: which column feeds which field, what kind a row is, and which rows are no event at all."""

import hashlib
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, get_type_hints
from zoneinfo import available_timezones

import msgspec

from ingest.ledger.dimensions import LocationIn, ProductIn
from ingest.parsing.kinds import DATA_TYPES
from stocktide.foundation.errors import Invalid

# What a column may be declared as; DuckDB's names.
COLUMN_TYPES = frozenset(
    {"VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMPTZ"}
)


class LeaveOut(msgspec.Struct, forbid_unknown_fields=True):
    """Rows that are no event: why, and the SQL condition that finds them."""

    reason: str
    when: str


class KindRule(msgspec.Struct, forbid_unknown_fields=True):
    """Rows that are events of one kind: the SQL condition, and an SQL expression a field of the event's data."""

    kind: str
    when: str
    data: dict[str, str]


class EventFields(msgspec.Struct, forbid_unknown_fields=True):
    """SQL expressions of the event's id and time."""

    id: str
    time: str


class Mapping(msgspec.Struct, forbid_unknown_fields=True):
    """A mapping as its TOML file says it. Expressions are SQL (DuckDB) over the declared columns and `line`."""

    name: str
    timezone: str
    source: str
    columns: dict[str, str]
    event: EventFields
    product: dict[str, str]
    location: dict[str, str]
    kind: list[KindRule]
    leave_out: list[LeaveOut] = []
    line_within: str | None = None

    def sha256(self) -> bytes:
        """Hash of what it says, however its file is written: 32 bytes."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).digest()


def open_mapping(name: str) -> Mapping:
    """Read a mapping by path, or one that we ship by its name. Raises Invalid that names file and key."""
    path = Path(name)
    shipped = files("ingest").joinpath("mappings", f"{name}.toml")
    try:
        if path.suffix != ".toml" and shipped.is_file():
            return parse_mapping(shipped.read_text("utf-8"), name)
        return parse_mapping(path.read_text("utf-8"), name)
    except UnicodeDecodeError as error:
        raise Invalid("mapping_encoding", f"{name}: not UTF-8 text (byte {error.start}).") from None
    except OSError as error:
        known = sorted(
            entry.name.removesuffix(".toml")
            for entry in files("ingest").joinpath("mappings").iterdir()
            if entry.name.endswith(".toml")
        )
        raise Invalid(
            "mapping_missing",
            f"{name}: {error.strerror}. Give a .toml file, or one of: {', '.join(known)}.",
        ) from None


def parse_mapping(text: str, name: str) -> Mapping:
    """Parse and check a mapping. Raises Invalid that names file and key."""
    try:
        mapping = msgspec.convert(tomllib.loads(text), Mapping)
    except tomllib.TOMLDecodeError as error:
        raise Invalid("mapping_syntax", f"{name}: {error}.") from None
    except msgspec.ValidationError as error:
        raise Invalid("mapping_key", f"{name}: {error}.") from None
    _check_names(mapping, name)
    return mapping


def _check_names(mapping: Mapping, name: str) -> None:
    _check_timezone(mapping.timezone, name)
    for column, kind in mapping.columns.items():
        if kind not in COLUMN_TYPES:
            raise Invalid(
                "mapping_type",
                f"{name}: columns.{column}: type {kind!r}; there are {', '.join(sorted(COLUMN_TYPES))}.",
            )
    if not mapping.kind:
        raise Invalid("mapping_kind", f"{name}: no [[kind]] says what a row is.")
    if mapping.line_within is not None and mapping.line_within not in mapping.columns:
        raise Invalid(
            "mapping_column",
            f"{name}: line_within: {mapping.line_within!r} is not among [columns].",
        )
    _check_fields(mapping.product, ProductIn, {"sku"}, f"{name}: product", given={"replaces"})
    _check_fields(mapping.location, LocationIn, {"code"}, f"{name}: location")
    for number, rule in enumerate(mapping.kind):
        place = f"{name}: kind[{number}]"
        if rule.kind not in DATA_TYPES:
            raise Invalid(
                "mapping_kind",
                f"{place}: kind {rule.kind!r} is unknown; there are {', '.join(DATA_TYPES)}.",
            )
        _check_fields(
            rule.data, DATA_TYPES[rule.kind], set(), f"{place}.data", given={"product", "location"}
        )


def _check_timezone(timezone: str, name: str) -> None:
    if timezone not in available_timezones():
        raise Invalid(
            "mapping_timezone",
            f"{name}: {timezone!r} is not a known time zone, such as Europe/London.",
        )


def _check_fields(
    said: dict[str, str],
    struct: type[Any],
    needed: set[str],
    place: str,
    *,
    given: frozenset[str] | set[str] = frozenset(),
) -> None:
    known = set(get_type_hints(struct)) - given - {"attributes"}
    unknown = sorted(set(said) - known)
    if unknown:
        raise Invalid(
            "mapping_field",
            f"{place}.{unknown[0]}: no such field; there are {', '.join(sorted(known))}.",
        )
    missing = sorted(needed - set(said))
    if missing:
        raise Invalid("mapping_field", f"{place}.{missing[0]} is missing.")

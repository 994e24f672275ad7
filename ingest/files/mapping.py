"""A mapping file: which column feeds which field, what kind a row is, and which rows are left out."""

import hashlib
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, get_type_hints
from zoneinfo import available_timezones

import msgspec

from ingest.files.dialect import FileOptions, option_faults
from ingest.ledger.dimensions import LocationIn, ProductIn
from ingest.parsing.kinds import DATA_TYPES
from stocktide.foundation.errors import Invalid

# What a column may be declared as; DuckDB's names.
COLUMN_TYPES = frozenset(
    {"VARCHAR", "BIGINT", "DECIMAL", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMPTZ"}
)
# Names of our own columns beside those of the file.
RESERVED = frozenset(
    {"_row", "_file_line", "_bad", "_original", "_left", "_left_out", "_rule", "_unsure", "_open"}
)


class LeaveOut(msgspec.Struct, forbid_unknown_fields=True):
    """Rows that are left out: why, and the SQL condition that finds them."""

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
    """A mapping as in its TOML file. Expressions are SQL (DuckDB) over the declared columns and `line`."""

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
    file: FileOptions = FileOptions()

    def sha256(self) -> bytes:
        """Return the hash of what it says, however its file is written: 32 bytes."""
        said = msgspec.to_builtins(self, order="sorted")
        if self.file == FileOptions():
            del said["file"]  # as files that were taken before the table existed are known
        elif self.file.skip_footer is None:
            del said["file"]["skip_footer"]  # likewise
        return hashlib.sha256(msgspec.json.encode(said)).digest()


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
        entries = files("ingest").joinpath("mappings").iterdir()
        known = sorted(e.name.removesuffix(".toml") for e in entries if e.name.endswith(".toml"))
        why = f"{error.strerror}. Give a .toml file, or one of: {', '.join(known)}."
        raise Invalid("mapping_missing", f"{name}: {why}") from None


def parse_mapping(text: str, name: str) -> Mapping:
    """Parse and check a mapping. Raises Invalid that names file and key."""
    try:
        mapping = msgspec.convert(tomllib.loads(text), Mapping)
    except tomllib.TOMLDecodeError as error:
        raise Invalid("mapping_syntax", f"{name}: {error}.") from None
    except msgspec.ValidationError as error:
        raise Invalid("mapping_key", f"{name}: {error}.") from None
    for code, why in _faults_of(mapping):
        raise Invalid(code, f"{name}: {why}")
    return mapping


def _faults_of(mapping: Mapping) -> Iterator[tuple[str, str]]:
    """Yield codes and descriptions of what is wrong. Later checks rely on earlier ones: stop at the first fault."""
    if mapping.timezone not in available_timezones():
        why = f"{mapping.timezone!r} is not a known time zone, such as Europe/London."
        yield "mapping_timezone", why
    if not mapping.columns:
        yield (
            "mapping_column",
            "[columns] names no column of the file; name those that the mapping uses.",
        )
    folded: dict[str, str] = {}
    for column, kind in mapping.columns.items():
        if (other := folded.setdefault(column.lower(), column)) != column:
            why = (
                f"differs from {other!r} only in case, which SQL does not tell apart; declare one."
            )
            yield "mapping_column", f"columns.{column}: {why}"
        if kind not in COLUMN_TYPES:
            types = ", ".join(sorted(COLUMN_TYPES))
            yield "mapping_type", f"columns.{column}: type {kind!r}; there are {types}."
        if column.lower() in RESERVED:
            yield (
                "mapping_column",
                f"columns.{column}: the name is ours; rename the column in the file.",
            )
    yield from (("mapping_file", f"file.{fault}") for fault in option_faults(mapping.file))
    if not mapping.kind:
        yield "mapping_kind", "no [[kind]] says what a row is."
    if mapping.line_within is not None and mapping.line_within not in mapping.columns:
        yield "mapping_column", f"line_within: {mapping.line_within!r} is not among [columns]."
    yield from _field_faults("product", mapping.product, ProductIn, {"replaces"}, needed="sku")
    yield from _field_faults("location", mapping.location, LocationIn, set(), needed="code")
    for number, rule in enumerate(mapping.kind):
        if rule.kind not in DATA_TYPES:
            known = ", ".join(DATA_TYPES)
            yield (
                "mapping_kind",
                f"kind[{number}]: kind {rule.kind!r} is unknown; there are {known}.",
            )
        given = {"product", "location"}
        yield from _field_faults(f"kind[{number}].data", rule.data, DATA_TYPES[rule.kind], given)


def _field_faults(
    place: str, said: dict[str, str], struct: type[Any], given: set[str], needed: str | None = None
) -> Iterator[tuple[str, str]]:
    """Yield fields that the struct does not have, or that are `given` already, and the `needed` one if missing."""
    known = set(get_type_hints(struct)) - given - {"attributes"}
    for name in sorted(set(said) - known):
        fields = ", ".join(sorted(known))
        yield "mapping_field", f"{place}.{name}: no such field; there are {fields}."
    if needed is not None and needed not in said:
        yield "mapping_field", f"{place}.{needed} is missing."

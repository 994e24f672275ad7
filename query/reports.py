"""Reports: each is one statement in sql/reports over the documented tables, with parameters that it declares.

Every named metric is a report without parameters.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from query.metrics import all_metrics
from stocktide.foundation.database import sql
from stocktide.foundation.errors import Invalid, NotFound
from stocktide.foundation.stored_text import is_storable

Kind = Literal["text", "date", "integer", "number", "boolean"]
Value = str | date | int | float | bool | None
TYPES: Mapping[Kind, str] = {
    "text": "VARCHAR",
    "date": "DATE",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
}
TEXT_CHARACTERS_MAX = 1_000
INTEGER_MAX = 2**63 - 1
_DECLARED = re.compile(
    r"^-- parameter (?P<name>\w+) (?P<kind>\w+)(?: = (?P<default>[^:]+))?: (?P<meaning>.+)$"
)
_NAME = re.compile(r"\$(\w+)")
# A line of a report in whose place expressions stand that several reports share.
_PART = re.compile(r"^-- part (\w+)(,?)$", re.MULTILINE)
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a report. default: what it is where it is left out, None for nothing."""

    name: str
    kind: Kind
    meaning: str
    default: Value = None


@dataclass(frozen=True)
class Report:
    """A report. text: the statement that computes it, with $name for each parameter."""

    name: str
    definition: str
    parameters: Sequence[Parameter]
    text: str


@cache
def all_reports() -> Mapping[str, Report]:
    """Return every report and metric by its name."""
    folder = files("sql").joinpath("reports")
    names = sorted(path.name.removesuffix(".sql") for path in folder.iterdir())
    reports = [parse_report(name, with_parts(sql(f"reports/{name}"))) for name in names]
    metrics = [Report(one.name, one.definition, (), one.text) for one in all_metrics()]
    return {one.name: one for one in [*metrics, *reports]}


def find_report(name: str) -> Report:
    """Return a report or metric by its name. Raises NotFound that lists all of them."""
    found = all_reports()
    if name not in found:
        raise NotFound(
            "report_missing", f"There is no report {name!r}. There are {', '.join(found)}."
        )
    return found[name]


def with_parts(text: str) -> str:
    """Put the expressions of sql/report_parts in place of the lines that name them."""
    return _PART.sub(lambda found: sql(f"report_parts/{found[1]}").rstrip() + found[2], text)


def parse_report(name: str, text: str) -> Report:
    """Read a report: the comment at its head is its definition, with a line for each parameter."""
    head: list[str] = []
    parameters = []
    for line in text.splitlines():
        if not line.startswith("-- "):
            break
        declared = _DECLARED.match(line)
        if declared is None:
            head.append(line.removeprefix("-- "))
        else:
            parameters.append(_parameter(declared.groupdict()))
    return Report(name, " ".join(head), tuple(parameters), text)


def _parameter(declared: dict[str, str]) -> Parameter:
    kind = next(kind for kind in get_args(Kind) if kind == declared["kind"])
    bare = Parameter(declared["name"], kind, declared["meaning"])
    default = None if declared["default"] is None else value_of(bare, declared["default"])
    return Parameter(bare.name, kind, bare.meaning, default)


def values_of(report: Report, given: Mapping[str, str]) -> dict[str, Value]:
    """Return the value of each parameter, read from texts as an address has them. Raises Invalid."""
    known = {one.name: one for one in report.parameters}
    for name in given:
        if name not in known:
            takes = ", ".join(known) or "none"
            raise Invalid(
                "report_parameter",
                f"The report {report.name} has no parameter {name!r}; it takes {takes}.",
                field=name,
            )
    return {
        name: value_of(one, given[name]) if name in given else one.default
        for name, one in known.items()
    }


def value_of(parameter: Parameter, text: str) -> Value:
    """Read the value of a parameter from a text; an empty one is its default. Raises Invalid."""
    if text == "":
        return parameter.default
    try:
        return _read(parameter.kind, text)
    except ValueError:
        raise Invalid(
            "report_parameter",
            f"{parameter.name}: {text[:100]!r} is not a value of type {parameter.kind}.",
            field=parameter.name,
        ) from None


def _read(kind: Kind, text: str) -> Value:
    if len(text) > TEXT_CHARACTERS_MAX or not is_storable(text):
        raise ValueError
    if kind == "text":
        return text
    if kind == "boolean":
        if text not in _BOOLEANS:
            raise ValueError
        return _BOOLEANS[text]
    if kind == "date":
        return date.fromisoformat(text)
    number = int(text) if kind == "integer" else float(text)
    # infinities and what is no number compare with nothing
    if not abs(number) <= INTEGER_MAX:
        raise ValueError
    return number


def filled(report: Report, values: Mapping[str, Value]) -> str:
    """Return a report's statement with the values of its parameters in their places, to be read and changed."""
    kinds = {one.name: one.kind for one in report.parameters}
    lines = []
    for line in report.text.splitlines():
        if line.startswith("-- parameter "):
            continue
        # a comment may name what it likes
        code, dashes, comment = line.partition("--")
        text = _NAME.sub(lambda found: literal(kinds[found[1]], values[found[1]]), code)
        lines.append(text + dashes + comment)
    return "\n".join(lines) + "\n"


def literal(kind: Kind, value: Value) -> str:
    """Write a value as SQL does."""
    if value is None:
        return f"NULL::{TYPES[kind]}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, int | float):
        # in brackets, for a minus behind another begins a comment; of an integer DuckDB chooses the type by its size,
        # here as where it is bound
        return f"({value!r}::DOUBLE)" if kind == "number" else f"({value})"
    return "'" + value.replace("'", "''") + "'"

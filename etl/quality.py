"""Rules of quality: each is one query of sql/quality over the lake, and lists the rows that fail it."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow.csv as pa_csv
import sqlalchemy as sa

from etl.delta import open_table, watermark_of
from etl.dimensions import read_dimensions
from etl.tables.schemas import KEPT
from etl.tables.workbench import Workbench, opened
from stocktide.foundation.database import sql, statement
from stocktide.foundation.errors import NotFound
from stocktide.foundation.lake import Lake

Severity = Literal["error", "warning", "notice"]
# Of numbers of rows that fail: the table that has their codes, and the code.
CODES = {
    "product_id": ("products", "products.sku"),
    "location_id": ("locations", "locations.code AS location"),
}
# Days that a check looks at, counted back from the newest day with data; rows that fail and are kept as examples.
DAYS, SAMPLE_MAX = 35, 20
_HEAD = re.compile(
    r"-- DuckDB\. (?P<what>.*)\n-- severity: (?P<severity>\w+)\n-- of: (?P<table>\w+)\n"
)


@dataclass(frozen=True)
class Rule:
    """A rule. table: whose rows it looks at. text: the query of the rows that fail."""

    name: str
    what: str
    severity: Severity
    table: str
    text: str


@dataclass(frozen=True)
class Found:
    """What a rule found: of how many rows how many fail, and some of these. what: what fails, in words."""

    rule: str
    what: str
    severity: Severity
    rows: int
    failed: int
    sample: Sequence[dict[str, Any]]


@cache
def all_rules() -> Sequence[Rule]:
    """Read every rule, by name. A file that does not begin with its three lines is a mistake of ours."""
    folder = files("sql").joinpath("quality")
    return [
        _read(name.removesuffix(".sql")) for name in sorted(path.name for path in folder.iterdir())
    ]


def _read(name: str) -> Rule:
    text = sql(f"quality/{name}")
    head = _HEAD.match(text)
    assert head is not None, f"sql/quality/{name}.sql does not begin with its three lines"  # noqa: S101
    assert head["severity"] in get_args(Severity), name  # noqa: S101
    return Rule(name, head["what"], head["severity"], head["table"], text)  # type: ignore[arg-type]


def check_quality(engine: sa.Engine, lake: Lake) -> list[Found]:
    """Check the newest days of the lake by every rule, and keep what was found. An empty lake has nothing to check."""
    with _opened(engine, lake) as (bench, since):
        if since is None:
            return []
        found = [_check(bench, rule, since) for rule in all_rules()]
    with engine.begin() as connection:
        for one in found:
            binds = {**vars(one), "since": since, "sample": json.dumps(one.sample, default=str)}
            connection.execute(statement("etl/note_quality"), binds)
    return found


def write_failing(engine: sa.Engine, lake: Lake, name: str, path: Path) -> None:
    """Write all rows that fail a rule by now as CSV, the newest first, with codes in place of numbers.

    Raises NotFound for a rule that does not exist.
    """
    rule = next((one for one in all_rules() if one.name == name), None)
    if rule is None:
        known = ", ".join(one.name for one in all_rules())
        raise NotFound("rule_missing", f"There is no rule {name!r}. There are {known}.")
    with _opened(engine, lake) as (bench, since):
        # of an empty lake every rule has its columns and no rows
        failed = _failed(bench, rule, since or date.max)
        columns = ", ".join([*failed.codes, *failed.others])
        rows = f"FROM failed f {failed.joins} ORDER BY f.day DESC"
        reader = bench.engine.read(f"SELECT {columns} {rows}")
        with pa_csv.CSVWriter(path, reader.schema) as file:
            for batch in reader:
                file.write_batch(batch)


@dataclass(frozen=True)
class Failed:
    """Columns of the rows that fail: codes of products and locations with the joins that give them, and the others."""

    codes: Sequence[str]
    joins: str
    others: Sequence[str]


def _failed(bench: Workbench, rule: Rule, since: date) -> Failed:
    """Make the table `failed`, and describe it."""
    bench.engine.make("failed", rule.text, {"since": since})
    names = bench.engine.read("FROM failed LIMIT 0").read_all().column_names
    found = {name: code for name, code in CODES.items() if name in names}
    joins = (f"LEFT JOIN {table} USING ({name})" for name, (table, _) in found.items())
    others = [f"f.{name}" for name in names if name not in CODES]
    return Failed([code for _, code in found.values()], " ".join(joins), others)


@contextmanager
def _opened(engine: sa.Engine, lake: Lake) -> Iterator[tuple[Workbench, date | None]]:
    """Open the tables that rules look at; gives the day after which they look, None for an empty lake."""
    movements = open_table(lake, "movements")
    with opened(lake, read_dimensions(engine), before=watermark_of(movements)) as bench:
        for table in KEPT.values():
            bench.show(table)
        bench.engine.make("movements", "FROM all_movements", view=True)
        ((newest,),) = bench.engine.rows("SELECT max(day) FROM daily_demand")
        yield bench, None if newest is None else newest - timedelta(days=DAYS)


def _check(bench: Workbench, rule: Rule, since: date) -> Found:
    binds = {"since": since}
    counted = f"SELECT count(*) FROM {rule.table} WHERE day > $since"  # noqa: S608 - ours
    ((rows,),) = bench.engine.rows(counted, binds)
    _failed(bench, rule, since)
    newest = bench.engine.read(f"FROM failed ORDER BY day DESC LIMIT {SAMPLE_MAX}").read_all()
    return Found(
        rule.name,
        rule.what,
        rule.severity,
        rows,
        bench.count("failed"),
        newest.to_pylist(),
    )

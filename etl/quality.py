"""Rules of quality: each is one query of sql/quality over the lake, and lists the rows that fail it."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

import sqlalchemy as sa

from etl.delta import open_table, watermark_of
from etl.dimensions import read_dimensions
from etl.tables.schemas import KEPT
from etl.tables.workbench import Workbench, opened
from stocktide.foundation.database import sql, statement
from stocktide.foundation.lake import Lake

Severity = Literal["error", "warning", "notice"]
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
    movements = open_table(lake, "movements")
    if movements is None:
        return []
    with opened(lake, read_dimensions(engine), before=watermark_of(movements)) as bench:
        for table in KEPT.values():
            bench.show(table)
        bench.engine.make("movements", "FROM all_movements", view=True)
        ((newest,),) = bench.engine.rows("SELECT max(day) FROM daily_demand")
        if newest is None:
            return []
        since = newest - timedelta(days=DAYS)
        found = [_check(bench, rule, since) for rule in all_rules()]
    with engine.begin() as connection:
        for one in found:
            binds = {**vars(one), "since": since, "sample": json.dumps(one.sample, default=str)}
            connection.execute(statement("etl/note_quality"), binds)
    return found


def _check(bench: Workbench, rule: Rule, since: date) -> Found:
    binds = {"since": since}
    counted = f"SELECT count(*) FROM {rule.table} WHERE day > $since"  # noqa: S608 - ours
    ((rows,),) = bench.engine.rows(counted, binds)
    bench.engine.make("failed", rule.text, binds)
    newest = bench.engine.read(f"FROM failed ORDER BY day DESC LIMIT {SAMPLE_MAX}").read_all()
    return Found(
        rule.name,
        rule.what,
        rule.severity,
        rows,
        bench.count("failed"),
        newest.to_pylist(),
    )

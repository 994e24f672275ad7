"""Commands that prove every copy of the ledger's rows, and make them again."""

import sys
from typing import TYPE_CHECKING

import click

from stocktide.entrypoints.cli.access import as_json
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.foundation.errors import Invalid
from stocktide.foundation.lake import Lake

if TYPE_CHECKING:
    from etl import Check


@click.command()
@click.option(
    "--part", "parts", multiple=True, help="Only this part, as `--json` names it; may be repeated."
)
@as_json
def check(as_json: bool, parts: tuple[str, ...]) -> None:
    """Check every copy of the ledger's rows against a fresh fold: stock, lake and what pages read. Exit 1 if not."""
    from etl import check_all

    settings = load_settings()
    with services_for(settings, "stocktide check") as (engine, _):
        result = check_all(
            engine,
            Lake(settings.lake_root),
            half_life_s=settings.trend_half_life_h * 3600,
            begin=_tell,
            wanted=lambda name: not parts or name in parts,
        )
    if len(result.findings) < len(parts):
        known = {found.part for found in result.findings}
        unknown = next(name for name in parts if name not in known)
        raise Invalid(
            "check_part", f"There is no part {unknown!r}; `stocktide check --json` names all."
        )
    _show(result, as_json=as_json)


@click.command()
@as_json
def rebuild(as_json: bool) -> None:
    """Make every copy of the ledger's rows again: stock, lake and what pages read; then check. Events wait."""
    from etl import check_all, rebuild_lake
    from etl.sql_engine import chosen_engine
    from ingest.ledger.rebuild import rebuild_folds
    from stocktide.foundation.runs import RUN_S_MAX, when_free

    settings = load_settings()
    lake, half_life_s = Lake(settings.lake_root), settings.trend_half_life_h * 3600
    with services_for(settings, "stocktide rebuild") as (engine, _):
        _tell("stock, commitments, lots, costs, corrections, identities")
        with engine.begin() as connection:
            rebuild_folds(connection, half_life_s=half_life_s)
        _tell("the lake and what is served from it")
        with chosen_engine(settings) as by:
            when_free(lambda: rebuild_lake(engine, lake, by=by), patience_s=RUN_S_MAX)
        result = check_all(engine, lake, half_life_s=half_life_s, begin=_tell)
    _show(result, as_json=as_json)


def _tell(part: str) -> None:
    say(f"… {part}", error=True)


def _show(result: "Check", *, as_json: bool) -> None:
    if as_json:
        print_json(result.as_dict())
    else:
        columns = ["what must hold", "holds", "figures", "waiting", "seconds"]
        print_table("Check", columns, result.rows())
    if result.repair is not None:
        say(result.repair, error=True)
    sys.exit(0 if result.holds else 1)

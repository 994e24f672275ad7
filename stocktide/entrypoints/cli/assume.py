"""`stocktide forecast --assume`: the published forecast under other assumptions, as a table, JSON or CSV."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stocktide.entrypoints.cli.access import command_line_user
from stocktide.entrypoints.cli.context import load_config, load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.foundation.errors import Invalid
from stocktide.foundation.lake import Lake

if TYPE_CHECKING:
    import sqlalchemy as sa

    from forecasting import Assumed

# A screen of them; all are in the file of --out.
NODES_SHOWN = 25


def tell_assumed(files: Sequence[Path], *, out: Path | None, as_json: bool) -> None:
    """Predict again under the plans of the files, and print or write what differs. Nothing is recorded or published."""
    import forecasting
    from ingest.calendar import put_changes, read_changes

    changes = [change for file in files for change in read_changes(file)]
    settings = load_settings()
    spec = forecasting.spec_from_toml(load_config(settings))

    def change(connection: "sa.Connection") -> None:
        put_changes(connection, changes, by=command_line_user())

    with services_for(settings, "stocktide forecast --assume") as (engine, _):
        made = forecasting.assume_published(engine, Lake(settings.lake_root), spec, change)
    if out is not None:
        _write(made, out)
    if as_json:
        print_json(_document(made))
        return
    _print(made)
    if out is not None:
        say(f"{out}: every item and period.")


def _write(made: "Assumed", out: Path) -> None:
    """Write every node and period as CSV. Raises Invalid (`bad_option`) where the file cannot be written."""
    try:
        made.table().to_csv(out, index=False, date_format="%Y-%m-%d")
    except OSError as error:
        raise Invalid(
            "bad_option", f"--out {out} cannot be written: {error.strerror or error}."
        ) from None


def _document(made: "Assumed") -> dict[str, object]:
    """Build the JSON document: the total, the notes, and a row per period of every node that changes."""
    table = made.table(changed=True)
    table["ds"] = table["ds"].dt.strftime("%Y-%m-%d")
    return {
        "version": made.version,
        "cutoff": made.cutoff,
        "frequency": made.frequency,
        "total": made.total,
        "difference": made.difference,
        "warnings": list(made.warnings),
        "nodes": table.to_dict("records"),
    }


def _print(made: "Assumed") -> None:
    nodes = made.by_node()
    if len(nodes):
        title = f"Version {made.version} as published and as assumed, units"
        print_table(title, list(nodes.columns), nodes.head(NODES_SHOWN).to_numpy().tolist())
    if len(nodes) > NODES_SHOWN:
        say(f"{len(nodes) - NODES_SHOWN:,} more items change; --out FILE.csv lists them all.")
    for warning in made.warnings:
        say(warning, error=True)
    say(made.total)

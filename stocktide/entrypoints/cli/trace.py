"""Command `trace`: follow one event to every row, forecast and alert that it went into."""

from typing import Any

import click

from stocktide.entrypoints.cli.access import as_json
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say


@click.command()
@click.argument("source")
@click.argument("event_id", metavar="ID")
@as_json
def trace(source: str, event_id: str, as_json: bool) -> None:
    """Show where the event ID of SOURCE went: rows of ledger and lake, forecasts made of it, alerts raised since."""
    from query.lineage.trace import trace_event
    from query.report_engine import Reports

    settings = load_settings()
    with services_for(settings, "stocktide trace") as (engine, _):
        reports = Reports(engine, settings)
        try:
            found = trace_event(engine, reports, source, event_id)
        finally:
            reports.close()
    if as_json:
        print_json(found)
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    said = (
        f"{found['source']} {found['id']}: {found['outcome']}, {found['state'].replace('_', ' ')}."
    )
    say(f"{said} {found['words']}".rstrip())
    for one in found["refused"]:
        say(f"Refused: reject {one['reject_id']} ({one['state']}), {one['message']}")
    if found["outcome"] != "accepted":
        return
    for link in ("corrected_by", "corrects"):
        if other := found[link]:
            say(f"{link.replace('_', ' ').capitalize()}: {other['source']} {other['id']}")
    columns = ["entry_id", "kind", "product", "location", "day", "quantity"]
    _table("Ledger", columns, found["entries"])
    rows = [
        {**row, "key": key_words(row["key"]), "version": _version(row)} for row in found["rows"]
    ]
    _table("Lake", ["table", "key", "version", "run_id", "is_there"], rows)
    runs = [
        {**run, "items": ", ".join(node["label"] for node in run["nodes"])}
        for run in found["forecasts"]["runs"]
    ]
    columns = ["forecast_run_id", "version", "status", "published", "cutoff", "items"]
    _table(f"Forecasts, {found['forecasts']['found']} in all", columns, runs)
    columns = ["alert_id", "rule", "product", "location", "opened_at", "closed_at"]
    _table(f"Alerts since, {found['alerts']['found']} in all", columns, found["alerts"]["alerts"])
    bought = [key_words(row["key"]) for row in found["rows"] if row["table"] == "purchases"]
    say(f"Purchase orders: {', '.join(bought) or 'none'}.")


def key_words(key: dict[str, Any]) -> str:
    """Return the key of a row in one line."""
    return ", ".join(f"{name} {value}" for name, value in key.items() if value is not None)


def _version(row: dict[str, Any]) -> str:
    version = "-" if row["version"] is None else str(row["version"])
    return f"{version} or before" if row["or_before"] else version


def _table(title: str, columns: list[str], rows: list[dict[str, Any]]) -> None:
    if rows:
        shown = [[_cell(name, row[name]) for name in columns] for row in rows]
        print_table(title, [name.replace("_", " ") for name in columns], shown)


def _cell(name: str, value: Any) -> Any:
    """Return a value as the table shows it; a number that names something has no thousands apart."""
    return str(value) if name.endswith("_id") and value is not None else value

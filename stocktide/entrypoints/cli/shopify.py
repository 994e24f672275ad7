"""The import of exports of Shopify and Stocky: files become ledger and lake, with our sums beside theirs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.etl import land
from stocktide.entrypoints.cli.output import print_json, print_table, progress, say
from stocktide.foundation.errors import Invalid

if TYPE_CHECKING:
    from ingest.shopify import Options, Report
    from ingest.shopify.reconciliation import Sums

NAME = "shopify"
MOMENT = click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"])


def are_exports(paths: Sequence[Path]) -> bool:
    """Return True if all paths are folders, or files with a header that is known."""
    from ingest.shopify import is_export

    return all(path.is_dir() or (path.is_file() and is_export(path)) for path in paths)


def options_of(
    timezone: str | None, online: str | None, counted_at: datetime | None, shop: str | None
) -> "Options":
    """Return what exports do not say. Raises Invalid."""
    from zoneinfo import ZoneInfo, available_timezones

    from ingest.shopify import Options

    if timezone is not None and timezone not in available_timezones():
        raise Invalid(
            "bad_timezone", f"{timezone!r} is not a known time zone, such as Europe/Berlin."
        )
    zone = timezone or "UTC"
    moment = None if counted_at is None else counted_at.replace(tzinfo=ZoneInfo(zone))
    return Options(zone, online, None if moment is None else moment.astimezone(UTC), shop)


def import_exports(
    paths: Sequence[Path], options: "Options", *, dry_run: bool, etl: bool, as_json: bool
) -> bool:
    """Import exports, bring the lake up to the ledger, and tell; returns False if nothing could be recorded."""
    import ingest.shopify
    from ingest.recording.recording import Recorder

    settings = load_settings()
    if dry_run:
        report = ingest.shopify.dry_run_exports(paths, options, settings)
    else:
        with services_for(settings, "stocktide import") as (engine, services):
            with progress("importing", "events") as advance:
                recorder = Recorder(engine, settings)
                report = ingest.shopify.import_exports(paths, options, recorder, advance)
            if etl:
                land(engine, services, settings, wait=True)
            else:
                report.next.insert(0, "stocktide etl")
    if as_json:
        print_json(report.as_dict())
    else:
        _tell(report)
    return not report.tally.all_rejected


def _tell(report: "Report") -> None:
    files = [
        [file.name, file.kind, file.read, sum(file.left_out.values()), file.refused]
        for file in report.files
    ]
    print_table("Files", ["file", "recognised as", "rows", "left out", "refused"], files)
    title = "Events that an empty ledger would get" if report.dry_run else "Events"
    print_table(title, ["outcome", "events"], report.tally.rows())
    for currency, sums in sorted(report.sums.items()):
        _tell_sums(currency, sums, dry_run=report.dry_run)
    made = [f"{report.products:,} products", f"{report.locations:,} locations"]
    made += [f"{count:,} {name}" for name, count in report.terms.items()]
    say(f"Told of: {', '.join(made)}.")
    for reason, message in report.tally.examples.items():
        say(f"{reason}, for example: {message}")
    for note in [*report.notes, *report.tally.warnings]:
        say(f"Note: {note}")
    for step in report.next:
        say(f"Next: {step}")


def _tell_sums(currency: str, sums: "Sums", *, dry_run: bool) -> None:
    told = sums.as_dict()
    ours = "would be recorded" if dry_run else "in the ledger"
    left_out = [
        [f"left out: {reason}", None, told[f"left_out: {reason}"]] for reason in sums.left_out
    ]
    rows = [
        ["units", told["units"], told["recorded_units"]],
        ["lines before discounts", told["gross"], None],
        ["discounts", told["discounts"], None],
        ["sales", None, told["recorded"]],
        *left_out,
        ["subtotal", told["subtotal_file"], sums_text(sums)],
        ["shipping", told["shipping"], told["shipping"]],
        ["taxes on top", told["taxes"], told["taxes"]],
        ["duties and others", told["other"], told["other"]],
        ["total", told["total_file"], told["total"]],
        ["difference", None, told["total_difference"]],
        ["paid back", told["refunded"], None],
        ["… as returns", None, told["returned"]],
        ["… their shipping and taxes", None, told["refunded_shipping_and_taxes"]],
        ["… of unknown goods", None, told["refunded_of_unknown_goods"]],
    ]
    # amounts are text, so that none is rounded: they stand to the right by spaces
    width = max(len(cell or "") for _, *cells in rows for cell in cells)
    shown = [[name, *(f"{cell or '':>{width}}" for cell in cells)] for name, *cells in rows]
    orders, lines = (
        f"{many:,} {noun}{'' if many == 1 else 's'}"
        for many, noun in ((sums.orders, "order"), (sums.lines, "line"))
    )
    title = f"{currency}: {orders}, {lines}"
    print_table(title, ["", "files", ours], shown)


def sums_text(sums: "Sums") -> str:
    """Return what recorded and named lines come to."""
    from ingest.shopify.reconciliation import in_cents

    return in_cents(sums.file["subtotal"] - sums.difference)

"""Import of exports: products and locations, then stock, sales and purchases, then terms; and the proof of the sums."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa

from ingest.files.importing import Advance, noting
from ingest.ledger.own_numbers import read_own_numbers
from ingest.parsing.events import Fault
from ingest.parsing.parser import EventParser
from ingest.recording.feed_limits import permitted_of_feed
from ingest.recording.recording import Recorder
from ingest.shopify.inventory import drafts_of
from ingest.shopify.master_data import known_before, make_known, products_of, put_all_terms
from ingest.shopify.order_lines import recorded_lines
from ingest.shopify.purchases import Purchases, order_drafts, receipt_drafts
from ingest.shopify.reading import Exports, Known, Options, read_exports
from ingest.shopify.reconciliation import count_refused, prove, sums_of
from ingest.shopify.report import Report
from ingest.shopify.revising import (
    Revision,
    Sent,
    encoded,
    known_events,
    removed_lines,
    revise,
    withdraw,
)
from ingest.shopify.rows import Refused
from ingest.shopify.sales import Draft
from ingest.shopify.telling import tell
from stocktide.foundation.database import statement
from stocktide.foundation.runs import recorded_run
from stocktide.foundation.settings import Settings

FEED = "import shopify"
EVENT_TYPE, ROW_TYPE = "application/cloudevents+json", "text/csv"
ORDERS, INVENTORY, PURCHASES = "orders", "inventory", "purchases"
CHUNK = 5_000


def import_exports(
    paths: Sequence[Path], options: Options, recorder: Recorder, advance: Advance
) -> Report:
    """Import files and folders of exports. Raises Invalid for a file that is not one; a row's fault is kept instead.

    Run again, also over exports that overlap, it records what is new, and what was said otherwise meanwhile.
    """
    with recorded_run(recorder.engine, "import") as run:
        run.detail.update(file=", ".join(path.name for path in paths)[:500], mapping="shopify")
        exports = read_exports(paths, options, known_before(recorder))
        report, note = Report(), noting(recorder.engine, run, advance)
        with recorder.engine.begin() as connection:
            make_known(connection, exports, options.timezone, report)
        refused: set[str] = set()
        purchases, report.renumbered = _apart(recorder.engine, exports.purchases, options)
        exports = replace(exports, purchases=purchases)
        for revision in _revisions(recorder, exports, options):
            _record(recorder, revision, report, note)
            refused |= revision.refused
        _keep(recorder, exports.refused, report)
        with recorder.engine.begin() as connection:
            put_all_terms(connection, exports, report)
        report.sums = sums_of(exports.orders, exports.sales)
        count_refused(report.sums, exports.sales, refused)
        names = [order.name for order in exports.orders.orders]
        prove(recorder.engine, options.source(ORDERS), report.sums, names)
        tell(report, exports)
        run.detail.update(report.as_dict())
    return report


def dry_run_exports(paths: Sequence[Path], options: Options, settings: Settings) -> Report:
    """Tell what an import would do to an empty ledger: by the same reading, without a database."""
    exports = read_exports(paths, options, Known(currency=settings.currency))
    report, parser = Report(dry_run=True), EventParser(settings)
    refused: set[str] = set()
    for what, drafts in _drafts(exports):
        for draft in drafts:
            report.tally.read += 1
            parsed = encoded(parser, options.source(what), draft).parsed
            if isinstance(parsed, Fault):
                report.tally.reject(parsed)
                refused.add(draft.key)
            else:
                report.tally.outcomes[f"event: {parsed.kind}"] += 1
    for row in exports.refused:
        report.tally.read += 1
        report.tally.reject(row.fault)
    report.products, report.locations = len(products_of(exports)), len(exports.places)
    report.sums = sums_of(exports.orders, exports.sales)
    count_refused(report.sums, exports.sales, refused)
    tell(report, exports)
    return report


def _drafts(exports: Exports) -> Iterator[tuple[str, Iterator[Draft]]]:
    """Yield what an empty ledger would be sent, by the last part of its source."""
    for counted in exports.inventories:
        yield INVENTORY, drafts_of(counted.counts, counted.key, counted.at)
    yield ORDERS, (draft for sale in exports.sales.sales for draft in sale.drafts)
    yield PURCHASES, order_drafts(exports.purchases.lines)
    yield PURCHASES, receipt_drafts(exports.purchases.lines, {})


def _revisions(recorder: Recorder, exports: Exports, options: Options) -> Iterator[Revision]:
    """Yield what is to be recorded, source by source."""
    source = options.source(INVENTORY)
    for counted in exports.inventories:
        drafts = list(drafts_of(counted.counts, counted.key, counted.at))
        before = known_events(recorder.engine, source, [draft.key for draft in drafts])
        # the same content is the same count, whenever its file was copied
        at = min(before.values(), default=counted.at)
        yield revise(recorder, source, drafts_of(counted.counts, counted.key, at))
    source = options.source(ORDERS)
    gone = [*exports.sales.withdrawn, *removed_lines(recorder, source, exports.sales.lines)]
    yield withdraw(recorder, source, [key for one in gone for key in (one, f"{one}:refund")])
    yield revise(recorder, source, (draft for sale in exports.sales.sales for draft in sale.drafts))
    source, told = options.source(PURCHASES), exports.purchases
    orders = sorted(
        {*(line.number for line in told.lines), *(line.number for line in told.withdrawn)}
    )
    purchases = told.as_recorded(recorded_lines(recorder.engine, source, orders))
    lines = purchases.lines
    yield withdraw(recorder, source, [line.key for line in purchases.withdrawn])
    yield revise(recorder, source, order_drafts(lines))
    received = _received(recorder.engine, source, orders)
    yield revise(recorder, source, receipt_drafts(lines, received))


def _apart(engine: sa.Engine, told: Purchases, options: Options) -> tuple[Purchases, list[str]]:
    """Return purchase orders numbered apart from the order desk's, and which had a number of the desk's.

    What is recorded already keeps its number.
    """
    orders = sorted(
        {*(line.number for line in told.lines), *(line.number for line in told.withdrawn)}
    )
    before = recorded_lines(engine, options.source(PURCHASES), orders)
    with engine.connect() as connection:
        taken = read_own_numbers(connection, orders) - {line.number for line in before}
    return (told.numbered_apart(taken) if taken else told), sorted(taken)


def _received(engine: sa.Engine, source: str, orders: list[str]) -> dict[tuple[str, int], Decimal]:
    with engine.connect() as connection:
        binds = {"source": source, "orders": orders}
        rows = connection.execute(statement("ingest/received_of_orders"), binds)
        return {(row.order_id, row.order_line): Decimal(row.received_milli) / 1000 for row in rows}


def _record(recorder: Recorder, revision: Revision, report: Report, advance: Advance) -> None:
    report.unchanged += revision.unchanged
    report.edited += revision.edited
    report.taken_back += revision.taken_back
    report.tally.read += len(revision.sent) + revision.unchanged
    if revision.unchanged:
        report.tally.outcomes["duplicate"] += revision.unchanged
    for start in range(0, len(revision.sent), CHUNK):
        part: Sequence[Sent] = revision.sent[start : start + CHUNK]
        allowed = permitted_of_feed(recorder.engine, FEED, [one.parsed for one in part])
        outcomes = recorder.record_parsed(FEED, EVENT_TYPE, [one.raw for one in part], allowed)
        for outcome in outcomes:
            report.tally.add(outcome)
        advance(report.tally.accounted, report.tally.read)
    report.tally.check()


def _keep(recorder: Recorder, refused: Sequence[Refused], report: Report) -> None:
    """Keep rows that are no event, with their reasons."""
    report.tally.read += len(refused)
    for start in range(0, len(refused), CHUNK):
        part = refused[start : start + CHUNK]
        faults = [one.fault for one in part]
        for outcome in recorder.record_parsed(FEED, ROW_TYPE, [one.raw for one in part], faults):
            report.tally.add(outcome)

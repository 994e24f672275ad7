"""The desk orders by events: what stands between buying and the ledger, which do not know each other."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingest.recording.recording import FeedRequest, Recorder, record_requests
from purchasing.desk.shell import Desk, Record
from purchasing.proposing.arrays import Future
from purchasing.proposing.facts import Doubt, Doubts
from purchasing.proposing.prepare import Defaults
from purchasing.proposing.run import ReadFutures, from_today
from stocktide.foundation.errors import NotFound
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings

if TYPE_CHECKING:
    from stocktide.entrypoints.levels import Recent

FEED = "order desk"


def recording(recorder: Recorder) -> Record:
    """Return what records events in the caller's transaction, so that a line and its order are one."""

    def record(connection: sa.Connection, events: Sequence[bytes]) -> list[tuple[str, str]]:
        request = FeedRequest(
            FEED, "application/cloudevents+json", events, recorder.desk_parser.parse_all(events)
        )
        (outcomes,) = record_requests(connection, recorder.ledger, [request])
        return [
            (outcome.name, outcome.fault.message if outcome.fault else "") for outcome in outcomes
        ]

    return record


def desk_of(recorder: Recorder) -> Desk:
    """Return the desk of a process that records events."""
    limit = recorder.settings.order_second_approval
    micros = None if limit is None else limit * 1_000_000
    return Desk(recording(recorder), second_from_micros=micros, currency=recorder.settings.currency)


def defaults_of(settings: Settings) -> Defaults:
    """Return what holds where no term says anything else."""
    return Defaults(
        fill_rate=settings.order_fill_rate,
        lead_days=settings.order_lead_days,
        holding_rate=settings.order_holding_rate,
        move_worth=settings.order_move_worth,
    )


def futures_of(
    engine: sa.Engine,
    lake: Lake,
    *,
    today: date,
    within: Collection[str] | None = None,
    now: datetime | None = None,
) -> ReadFutures:
    """Return what reads the paths of the published forecast, one location after the other.

    They are at the level of what was sold after it was made, and have the overrides in force.

    within: of these locations alone. now: sales up to then count (None: up to now). When called it raises NotFound
    without a published forecast that has paths, or one whose leaves have no location.
    """
    from forecasting.overriding.adjusted import read_adjusted
    from forecasting.overriding.futures import Told, adjust_location
    from forecasting.path_store import path_locations, read_lineage, read_paths
    from stocktide.entrypoints.levels import lately_of, moved, read_recent, told_of

    # forecast and overrides of one moment
    isolated = engine.execution_options(isolation_level="REPEATABLE READ")
    # the same at each reading: what is drafted and what is told come of one level
    recents: dict[int, Recent] = {}

    def read() -> tuple[int, Iterator[Future]]:
        with isolated.connect() as connection:
            run = connection.execute(
                sa.text("SELECT forecast_run_id FROM published_forecast")
            ).scalar_one_or_none()
            adjusted = read_adjusted(connection, today=today)
        if run is None:
            raise NotFound(
                "no_forecast", "No forecast is published; run `stocktide forecast` first."
            )
        lineage = read_lineage(lake, run)
        if run not in recents:
            recents[run] = read_recent(engine, lake, lineage, now=now or datetime.now(UTC))
        places = path_locations(lake, run)
        if None in places:
            raise NotFound(
                "no_locations", "The forecast knows no locations: an order needs a place to go to."
            )

        def each() -> Iterator[Future]:
            for place in places:
                if within is not None and place not in within:
                    continue
                paths = read_paths(lake, location=place, run=run)
                lately = lately_of(recents[run], place, paths)
                values = paths.values if lately is None else moved(paths, lately)
                told: Told = {}
                if adjusted is not None:
                    factor = None if lately is None else lately.factor
                    at_level = replace(paths, values=values)
                    values, told = adjust_location(at_level, str(place), adjusted, factor)
                yield from_today(
                    str(place),
                    paths.leaves,
                    paths.days,
                    values,
                    frequency=lineage.frequency,
                    today=today,
                    overrides=told,
                    levels={} if lately is None else told_of(paths, lately),
                    sold=None if lately is None else lately.sold,
                )

        return run, each()

    return read


def doubts_of(engine: sa.Engine, settings: Settings) -> Callable[[], Doubts]:
    """Return what reads the shelves that are probably empty though the book has stock: those of the count list."""
    from query.report_engine import Reports

    def read() -> Doubts:
        reports = Reports(engine, settings)
        try:
            result = reports.answer("health_phantom", {})
            with result.spool:
                rows = result.reader().read_all().to_pylist()
        finally:
            reports.close()
        return {
            (row["sku"], row["code"]): Doubt(round(row["chance"], 3), row["days_without"])
            for row in rows
        }

    return read

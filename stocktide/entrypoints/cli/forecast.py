"""Commands of the forecast: retrain, the versions and who decided on them, drift, and pictures of nodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stocktide.domain.rhythm import rhythm_of
from stocktide.entrypoints.cli.access import as_json, command_line_user
from stocktide.entrypoints.cli.assume import tell_assumed
from stocktide.entrypoints.cli.context import load_config, load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.foundation.errors import Invalid, Transient
from stocktide.foundation.lake import Lake

if TYPE_CHECKING:
    import sqlalchemy as sa

    from forecasting.publishing.registry import VersionChange
    from stocktide.foundation.settings import Settings

WHY = click.option(
    "--reason", default="no reason given", show_default=True, help="Reason; saved in the history."
)


@click.group(invoke_without_command=True)
@click.option(
    "--assume",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Plans to assume, as `calendar import` reads them: what would the published forecast be? Publishes nothing.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV file to write the result to: every item and period.",
)
@as_json
@click.pass_context
def forecast(
    context: click.Context, files: tuple[Path, ...], out: Path | None, as_json: bool
) -> None:
    """Retrain, compare with the current version, and publish the better one; or run one of the commands below."""
    if context.invoked_subcommand is not None:
        if files or out is not None:
            raise Invalid(
                "bad_option", f"{context.invoked_subcommand} does not take --assume or --out here."
            )
    elif files:
        tell_assumed(files, out=out, as_json=as_json)
    elif out is not None:
        raise Invalid("bad_option", "--out goes with --assume FILE.")
    else:
        _retrain(as_json)


def _retrain(as_json: bool) -> None:
    import forecasting
    from forecasting.spark_blocks import chosen_blocks

    settings = load_settings()
    spec = forecasting.spec_from_toml(load_config(settings))
    store = forecasting.TrackingStore.of(settings)
    with services_for(settings, "stocktide forecast") as (engine, _), chosen_blocks(settings):
        report = forecasting.run_forecast(
            engine,
            Lake(settings.lake_root),
            spec,
            mlflow=store,
            progress=lambda step: say(f"{step} …", error=True),
            home=settings.home,
        )
        _follow(settings, engine)
    if as_json:
        print_json({**asdict(report), "method": spec.method})
        return
    hidden = ("wape", "horizon_days", "frequency", "rhythm_warning", "warnings")
    rows = [[name, value] for name, value in asdict(report).items() if name not in hidden]
    ahead = rhythm_of(report.frequency).counted(report.horizon_days)
    print_table("Forecast", ["what", "value"], [*rows, ["ahead", ahead]])
    errors = [[level, *wape] for level, wape in report.wape.items()]
    held_out = f"WAPE on the held-out {rhythm_of(report.frequency).many}"
    print_table(held_out, ["level", "published", "seasonal naive"], errors)
    for warning in report.warnings:
        say(warning, error=True)
    if report.rhythm_warning:
        say(report.rhythm_warning, error=True)


@forecast.command()
@as_json
def refresh(as_json: bool) -> None:
    """Fit the current version to the days that have come since, without a backtest, and publish it."""
    import forecasting

    settings = load_settings()
    spec = forecasting.spec_from_toml(load_config(settings))
    with services_for(settings, "stocktide forecast refresh") as (engine, _):
        report = forecasting.run_refresh(
            engine,
            Lake(settings.lake_root),
            spec,
            progress=lambda step: say(f"{step} …", error=True),
        )
        _follow(settings, engine)
    if as_json:
        print_json({"published": False} if report is None else asdict(report))
    elif report is None:
        say("Nothing to refresh: no new days since the current version.")
    else:
        say(f"Version {report.version} is published, in {report.seconds:.0f} s. {report.reason}")


def _follow(settings: "Settings", engine: "sa.Engine") -> None:
    """Point MLflow's aliases at the tables' versions; a store that is down is reported and follows next time."""
    from forecasting.publishing.experiment import TrackingStore, follow_registry

    try:
        follow_registry(TrackingStore.of(settings), engine)
    except Transient as error:
        say(f"{error.message}. Its aliases follow with the next run.", error=True)


@forecast.command()
@click.option(
    "--to", type=int, help="A version that was published before; default: the previous one."
)
@WHY
@as_json
def rollback(to: int | None, reason: str, as_json: bool) -> None:
    """Publish the previous version again."""
    from forecasting.publishing.registry import rollback as roll_back

    with _deciding("stocktide forecast rollback") as connection:
        outcome = roll_back(connection, by=command_line_user(), reason=reason, to=to)
    _tell(outcome, as_json)


@forecast.command()
@click.argument("version", type=int)
@WHY
@as_json
def promote(version: int, reason: str, as_json: bool) -> None:
    """Publish VERSION, whatever its score."""
    from forecasting.publishing.registry import promote as make_champion

    with _deciding("stocktide forecast promote") as connection:
        outcome = make_champion(connection, version, by=command_line_user(), reason=reason)
    _tell(outcome, as_json)


@contextmanager
def _deciding(owner: str) -> Iterator["sa.Connection"]:
    settings = load_settings()
    with services_for(settings, owner) as (engine, _):
        with engine.begin() as connection:
            yield connection
        _follow(settings, engine)


def _tell(outcome: "VersionChange", as_json: bool) -> None:
    if as_json:
        print_json(asdict(outcome))
        return
    published = f"Version {outcome.version} (run {outcome.forecast_run_id}) is published"
    say(f"{published} in place of version {outcome.replaced}.")


@forecast.command()
@click.option("--limit", default=20, show_default=True, help="Most versions to list.")
@as_json
def history(limit: int, as_json: bool) -> None:
    """List the versions, newest first: what was decided, by whom and why."""
    from forecasting.publishing.registry import list_versions

    with (
        services_for(load_settings(), "stocktide forecast history") as (engine, _),
        engine.connect() as connection,
    ):
        versions = list_versions(connection, limit=limit)
    if as_json:
        print_json(versions)
        return
    columns = (
        "version",
        "status",
        "cutoff",
        "score",
        "champion_score",
        "kept",
        "decided_by",
        "reason",
    )
    print_table("Versions", columns, [[one[name] for name in columns] for one in versions])


@forecast.command()
@as_json
def drift(as_json: bool) -> None:
    """Compare the published forecast with newer actuals; ask for retraining where the error is too large."""
    from forecasting.publishing.drift import check_drift
    from stocktide.foundation.jobs import defer_job
    from stocktide.foundation.runs import recorded_run, single_flight

    settings = load_settings()
    with services_for(settings, "stocktide forecast drift") as (engine, _):
        with single_flight(engine, "drift") as free:
            if not free:
                say("A check is already running.", error=True)
                return
            with recorded_run(engine, "drift") as run:
                report = check_drift(
                    engine, now=datetime.now(UTC), ask=lambda: defer_job(engine, "forecast")
                )
                run.detail.update(asdict(report))
        _follow(settings, engine)
    if as_json:
        print_json(asdict(report))
        return
    rhythm = rhythm_of(report.frequency)
    last = "none yet" if report.last_day is None else rhythm.named(report.last_day)
    say(f"{rhythm.counted(report.judged)} judged, the last one {last}.")
    for level, day in report.alarmed:
        say(f"Alarm at level {level}, {rhythm.named(day)}: the error is larger than expected.")
    if report.asked:
        say("Retraining was asked for.")


@forecast.command()
@click.argument("node")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="PNG to write."
)
@click.option("--paths", is_flag=True, help="Sample paths instead of bands.")
@click.option("--dark", is_flag=True, help="With a dark background.")
def plot(node: str, out: Path, paths: bool, dark: bool) -> None:
    """Draw NODE's forecast and its components. NODE: a unique id such as S1/FR-001, or level/unique id."""
    from dashboard.forecasts.node_picture import draw_node

    with services_for(load_settings(), "stocktide forecast plot") as (engine, _):
        drawn = draw_node(engine, node, paths=paths, dark=dark)
    out.write_bytes(drawn.png)
    say(f"{out}: {drawn.title}")

"""Command of replays: play the chain's own history through order policies."""

from datetime import UTC, datetime
from pathlib import Path

import click

from stocktide.entrypoints.cli.access import as_json, command_line_user
from stocktide.entrypoints.cli.context import load_config, load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.foundation.errors import Invalid

OWNER = "stocktide replay"
JOB = "replay"
SHOWN = ("fill_rate", "cycle_service", "mean_stock", "missed", "wasted", "orders", "cost")


@click.command()
@click.option("--weeks", default=26, show_default=True, help="Weeks of history to play.")
@click.option("--target", "targets", multiple=True, type=float, default=(0.90, 0.95, 0.97, 0.99),
              show_default=True, help="Fill rates to order for; give it more than once.")  # fmt: skip
@click.option("--lead", default=7, show_default=True, help="Days from order to delivery.")
@click.option(
    "--lead-spread", default=0, show_default=True, help="Days more or less, at random; 0: fixed."
)
@click.option("--review", default=7, show_default=True, help="Days between two orders.")
@click.option("--seeds", default=3, show_default=True, help="Draws of the lead times.")
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), help="HTML file to print."
)
@as_json
def replay(
    weeks: int,
    targets: tuple[float, ...],
    lead: int,
    lead_spread: int,
    review: int,
    seeds: int,
    report: Path | None,
    as_json: bool,
) -> None:
    """Play history through order policies: what each would have sold, missed, held and cost."""
    from catalog.replay_report import replay_html
    from catalog.replay_words import headline
    from catalog.replays import keep_replay
    from forecasting.spec import spec_from_toml
    from stocktide.entrypoints.ordering import defaults_of
    from stocktide.entrypoints.replaying import ReplayOptions, replay_chain
    from stocktide.foundation.lake import Lake
    from stocktide.foundation.runs import recorded_run

    _check(weeks, targets, lead, lead_spread, review, seeds)
    settings, now = load_settings(), datetime.now(UTC)
    options = ReplayOptions(weeks, tuple(sorted(targets)), lead, lead_spread, review, seeds)
    with services_for(settings, OWNER) as (engine, _), recorded_run(engine, JOB) as run:
        result = replay_chain(
            engine,
            Lake(settings.lake_root),
            spec_from_toml(load_config(settings)),
            options,
            defaults=defaults_of(settings),
            now=now,
            run=run,
            tell=(lambda _: None) if as_json else say,
        )
        with engine.begin() as connection:
            number = keep_replay(connection, result, by=command_line_user())
        run.detail.update(replay_id=number, items=result["items"], took=result["seconds"])
    if report is not None:
        report.write_text(replay_html(result, made=now.date()), "utf-8")
    if as_json:
        print_json({"replay": number, **result})
        return
    rows = [
        [f"{one['name']} {one['knob']:g}", *(round(one[name], 3) for name in SHOWN)]
        for one in result["policies"]
    ]
    print_table(f"Replay {number}", ["policy", *SHOWN], rows)
    say(headline(result))


def _check(
    weeks: int, targets: tuple[float, ...], lead: int, spread: int, review: int, seeds: int
) -> None:
    """Refuse what no replay can be made of. Raises Invalid."""
    from stocktide.entrypoints.replaying import WEEKS_MIN

    least = {
        "--weeks": (weeks, WEEKS_MIN),
        "--review": (review, 1),
        "--seeds": (seeds, 1),
        "--lead": (lead, 0),
        "--lead-spread": (spread, 0),
    }
    for name, (told, fewest) in least.items():
        if told < fewest:
            raise Invalid("bad_option", f"{name} is {told}; it is at least {fewest}.")
    if any(not 0 < target < 1 for target in targets):
        raise Invalid("bad_option", "A target is a fill rate between 0 and 1, such as 0.97.")

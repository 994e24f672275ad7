"""Commands of the rejects desk: look at what was refused, fix it, record it again, or drop it."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from stocktide.entrypoints.cli.access import as_json, command_line_user, instant_of
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.foundation.errors import Invalid
from stocktide.foundation.field_values import value_of

OWNER = "stocktide rejects"
FOR_REASON = click.option(
    "--for", "for_reason", help="All open ones for this reason, such as unknown_product."
)
FOR_FIELD = click.option("--field", help="With --for: only with this field.")
FOR_FEED = click.option("--feed", help="With --for: only of this feed.")
FOR_SOURCE = click.option("--source", help="With --for: only of this source.")


@click.group()
def rejects() -> None:
    """List, show, fix, replay, drop and reopen refused input."""


@rejects.command("list")
@click.option("--groups", is_flag=True, help="By reason, field, feed and source.")
@click.option("--state", default="open", show_default=True,
              type=click.Choice(["open", "replayed", "dropped"]))  # fmt: skip
@click.option("--feed", help="Only of this feed.")
@click.option("--reason", help="Only for this reason, such as unknown_product.")
@click.option("--since", help="Only last seen at or after; a date (UTC) or an instant.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 500))
@as_json
def rejects_list(
    groups: bool,
    state: str,
    feed: str | None,
    reason: str | None,
    since: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List rejects, the newest first, without what was sent."""
    from ingest.rejects.rejects import Wanted, group_rejects, list_rejects

    wanted = Wanted(feed=feed, reason=reason, since=instant_of(since, "--since"))
    look = group_rejects if groups else list_rejects
    with services_for(load_settings(), OWNER) as (engine, _), engine.connect() as connection:
        listed = look(connection, wanted, state=state, limit=limit)
    if as_json:
        print_json(listed)
        return
    columns = (
        ["reason", "field", "feed", "source", "rejects", "times_seen", "sample_message"]
        if groups
        else ["reject_id", "reason", "field", "feed", "event_id", "times_seen", "message"]
    )
    rows = [[_cell(row, column) for column in columns] for row in listed]
    print_table("Rejects", columns, rows)


def _cell(row: dict[str, Any], column: str) -> Any:
    return str(row[column]) if column == "reject_id" else row[column]


@rejects.command("show")
@click.argument("reject_id", type=int)
def rejects_show(reject_id: int) -> None:
    """Show one reject as JSON: what was sent, why it was refused, and how to fix it."""
    from ingest.recording.recording import Recorder
    from ingest.rejects.rejects import read_reject

    settings = load_settings()
    with services_for(settings, OWNER) as (engine, _):
        print_json(read_reject(Recorder(engine, settings), reject_id))


@rejects.command("mend")
@click.argument("reject_id", type=int)
@click.option("--set", "edits", multiple=True, metavar="FIELD=VALUE",
              help="Set a field to another value, such as data.product=A; null removes it.")  # fmt: skip
@click.option(
    "--raw", type=click.File("rb"), help="A file with the whole event; - is standard input."
)
@click.option(
    "--reason", default="", help="Reason, saved in the history; required unless --dry-run."
)
@click.option("--dry-run", is_flag=True, help="Show what would happen; record nothing.")
@as_json
def rejects_mend(
    reject_id: int, edits: Sequence[str], raw: Any, reason: str, dry_run: bool, as_json: bool
) -> None:
    """Record a reject with some fields changed, or as another event. Exit 1 when it fails again."""
    from ingest.rejects.attempts import Audit

    if bool(edits) == (raw is not None):
        raise Invalid("usage", "Give either --set FIELD=VALUE, or --raw FILE.")
    sent = raw.read() if raw is not None else dict(edit_of(text) for text in edits)
    settings = load_settings()
    with services_for(settings, OWNER) as (engine, _):
        told = _replayer(engine, settings).fix(
            reject_id, sent, Audit("mend", command_line_user(), reason), dry_run=dry_run
        )
    _tell(told, dry_run=dry_run, as_json=as_json)


@rejects.command("replay")
@click.argument("reject_ids", type=int, nargs=-1)
@FOR_REASON
@FOR_FIELD
@FOR_FEED
@FOR_SOURCE
@click.option("--set", "edit", metavar="FIELD=VALUE", help="Set a field to another value.")
@click.option("--was", help="With --set: only where the field has this value now.")
@click.option(
    "--reason", default="", help="Reason, saved in the history; required unless --dry-run."
)
@click.option("--dry-run", is_flag=True, help="Show what would happen; record nothing.")
@as_json
def rejects_replay(
    reject_ids: Sequence[int],
    for_reason: str | None,
    field: str | None,
    feed: str | None,
    source: str | None,
    edit: str | None,
    was: str | None,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Record rejects again, by id or all with one reason. Exit 1 when some still fail."""
    from ingest.rejects.attempts import Audit
    from ingest.rejects.rejects import Wanted

    _check_choice(reject_ids, for_reason)
    wanted = Wanted(reason=for_reason, field=field, feed=feed, source=source)
    ids = list(reject_ids) or None
    changed = _edit(edit, was)
    settings = load_settings()
    after: int | None = 0
    reports: list[dict[str, Any]] = []
    with services_for(settings, OWNER) as (engine, _):
        replayer = _replayer(engine, settings)
        while after is not None:
            told = (
                replayer.try_out(wanted, ids, changed, after=after)
                if dry_run
                else replayer.replay(
                    wanted, ids, changed, Audit("replay", command_line_user(), reason), after=after
                )
            )
            reports.append(told)
            # a trial tells of the first ones: what they change would have to stay for the next
            after = None if dry_run else told["next"]
    _tell(_sum(reports), dry_run=dry_run, as_json=as_json)


@rejects.command("drop")
@click.argument("reject_ids", type=int, nargs=-1)
@FOR_REASON
@FOR_FIELD
@FOR_FEED
@FOR_SOURCE
@click.option("--reason", required=True, help="Reason, saved in the history.")
def rejects_drop(
    reject_ids: Sequence[int],
    for_reason: str | None,
    field: str | None,
    feed: str | None,
    source: str | None,
    reason: str,
) -> None:
    """Close rejects that will never be recorded, by id or all with one reason. They stay stored."""
    from ingest.rejects.rejects import Wanted, drop_group, drop_rejects

    _check_choice(reject_ids, for_reason)
    by = command_line_user()
    with services_for(load_settings(), OWNER) as (engine, _):
        if reject_ids:
            with engine.begin() as connection:
                told = drop_rejects(connection, list(reject_ids), by=by, reason=reason)
            say(f"{told['dropped']:,} dropped, {told['not_open']:,} were not open.")
            return
        wanted = Wanted(reason=for_reason, field=field, feed=feed, source=source)
        dropped, more = 0, True
        while more:
            with engine.begin() as connection:
                more = bool(some := drop_group(connection, wanted, by=by, reason=reason))
            dropped += some
    say(f"{dropped:,} dropped.")


@rejects.command("reopen")
@click.argument("reject_ids", type=int, nargs=-1, required=True)
@click.option("--reason", required=True, help="Reason, saved in the history.")
def rejects_reopen(reject_ids: Sequence[int], reason: str) -> None:
    """Reopen rejects that were dropped."""
    from ingest.rejects.rejects import reopen_rejects

    with services_for(load_settings(), OWNER) as (engine, _), engine.begin() as connection:
        told = reopen_rejects(connection, list(reject_ids), by=command_line_user(), reason=reason)
    say(f"{told['reopened']:,} open again, {told['not_dropped']:,} were not dropped.")


def _check_choice(reject_ids: Sequence[int], for_reason: str | None) -> None:
    if bool(reject_ids) == (for_reason is not None):
        raise Invalid("usage", "Name rejects by id, or all for a reason by --for REASON.")


def edit_of(text: str) -> tuple[str, Any]:
    """Split FIELD=VALUE; the value has the field's type, null removes the field. Raises Invalid."""
    field, equals, value = text.partition("=")
    if not equals or not field:
        raise Invalid("usage", f"--set needs FIELD=VALUE, not {text!r}.")
    return field, None if value == "null" else value_of(field, value)


def _edit(text: str | None, was: str | None) -> Any:
    import msgspec

    from ingest.rejects.attempts import Edit

    if text is None:
        if was is not None:
            raise Invalid("usage", "--was goes with --set FIELD=VALUE.")
        return None
    field, value = edit_of(text)
    return Edit(field, value, msgspec.UNSET if was is None else edit_of(f"{field}={was}")[1])


def _replayer(engine: Any, settings: Any) -> Any:
    from ingest.recording.recording import Recorder
    from ingest.rejects.replay import Replayer

    return Replayer(Recorder(engine, settings))


def _sum(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sum the reports of several calls into one; samples and changes are those of the first."""
    counted = (
        "taken",
        "accepted",
        "duplicate",
        "conflict",
        "rejected",
        "not_events",
        "left_alone",
        "closed",
    )
    sums = {name: sum(report[name] for report in reports) for name in counted}
    failing = [group for report in reports for group in report["failing"]]
    return {**reports[0], **sums, "failing": failing, "next": reports[-1]["next"]}


def _tell(told: dict[str, Any], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        names = (
            "accepted",
            "duplicate",
            "conflict",
            "rejected",
            "not_events",
            "left_alone",
            "closed",
        )
        rows = [[name.replace("_", " "), told[name]] for name in names]
        if dry_run:
            rows.append(["products whose balance changes", told["products_changed"]])
        print_table("Would be" if dry_run else "Replayed", ["outcome", "events"], rows)
        for group in told["failing"]:
            say(f"{group['count']:,} still fail for {group['reason']}: {group['sample_message']}")
    if told["conflict"] + told["rejected"]:
        sys.exit(1)

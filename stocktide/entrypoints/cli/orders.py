"""Commands of the order desk: propose what to order, and list its lines."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from stocktide.entrypoints.cli.access import as_json, command_line_user
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.foundation.errors import Invalid

OWNER = "stocktide orders"
# So many lines that risk most are told after a run.
SHOWN = 3


@click.group()
def orders() -> None:
    """Propose what to order, and list what stands on the order desk."""


@orders.command("propose")
@as_json
def orders_propose(as_json: bool) -> None:
    """Propose what to order today. The worker does it every morning; what buyers decided stays."""
    from purchasing.desk.listing import list_lines
    from purchasing.proposing.run import JOB, propose_today
    from stocktide.entrypoints.ordering import defaults_of, doubts_of, futures_of
    from stocktide.foundation.lake import Lake
    from stocktide.foundation.local_days import business_day
    from stocktide.foundation.runs import recorded_run

    def tell(line: str) -> None:
        if not as_json:
            say(line)

    settings, now = load_settings(), datetime.now(UTC)
    with services_for(settings, OWNER) as (engine, _), recorded_run(engine, JOB) as run:
        with engine.connect() as connection:
            today = business_day(connection, now)
        futures = futures_of(engine, Lake(settings.lake_root), today=today)
        done = propose_today(
            engine,
            futures,
            today=today,
            now=now,
            defaults=defaults_of(settings),
            by=command_line_user(),
            read_doubts=doubts_of(engine, settings),
            tell=tell,
        )
        run.detail.update(done)
        with engine.connect() as connection:
            first = list_lines(connection, state="open", limit=SHOWN).lines
    if as_json:
        print_json({**done, "first": [_said(line) for line in first]})
        return
    say(
        f"{done['opened']:,} lines opened, {done['renewed']:,} renewed, {done['withdrawn']:,} withdrawn, "
        f"{done['beside']:,} beside what buyers decided."
    )
    for line in first:
        say(_said(line))


@orders.command("list")
@click.option("--state", default="open", show_default=True, help="open, ordered, rejected, …")
@click.option("--supplier", help="Only of this supplier.")
@click.option("--limit", default=50, show_default=True, help="At most so many.")
@as_json
def orders_list(state: str, supplier: str | None, limit: int, as_json: bool) -> None:
    """List lines of the order desk, those first that risk most."""
    from purchasing.desk.listing import list_lines

    with services_for(load_settings(), OWNER) as (engine, _), engine.connect() as connection:
        lines, found, *_ = list_lines(connection, state=state, supplier=supplier, limit=limit)
    if as_json:
        print_json({"lines": lines, "found": found})
        return
    columns = ["line_id", "supplier", "product", "location", "quantity", "amount", "at_risk"]
    rows = [[*(line[name] for name in columns), _why(line)] for line in lines]
    print_table(f"{len(lines):,} of {found:,} lines", [*columns, "why"], rows)


@orders.command("notify")
@as_json
def orders_notify(as_json: bool) -> None:
    """Send the digest of orders, or a notice that the night failed, if it was not sent. The worker looks often."""
    from stocktide.entrypoints.notices import channels_of, send_due

    settings = load_settings()
    if not channels_of(settings):
        raise Invalid(
            "no_channel",
            "Set STOCKTIDE_DIGEST_TO or STOCKTIDE_DIGEST_WEBHOOK_URL; see docs/orders.md.",
        )
    with services_for(settings, OWNER) as (engine, _):
        done = send_due(engine, settings, datetime.now(UTC))
    if as_json:
        print_json(done)
    else:
        say(f"Sent: {', '.join(done['sent']) or 'nothing, as nothing was due'}.")


@orders.command("print")
@click.argument("order_id")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def orders_print(order_id: str, file: Path) -> None:
    """Write a purchase order to FILE as PDF, for its supplier."""
    from purchasing.desk.document import order_pdf
    from purchasing.desk.purchase_order import read_order

    with services_for(load_settings(), OWNER) as (engine, _), engine.connect() as connection:
        order = read_order(connection, order_id)
    file.write_bytes(order_pdf(order))
    say(f"{file}: {order_id} with {len(order['lines']):,} lines")


def _said(line: dict[str, Any]) -> str:
    """Return what a line orders, where, from whom, and why."""
    supplier = f" from {line['supplier']}" if line["supplier"] else ""
    return f"{line['product']} at {line['location']}{supplier}: {_why(line)}"


def _why(line: dict[str, dict[str, str]]) -> str:
    return line["explanation"].get("sentence", "")

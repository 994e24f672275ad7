"""Commands that remove products and locations made by mistake."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from stocktide.entrypoints.cli.access import instant_of
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import say
from stocktide.foundation.errors import Invalid

if TYPE_CHECKING:
    from ingest.ledger.removal import Table

SINCE = click.option(
    "--made-since", help="All made since a date (UTC) or an instant to which nothing refers."
)


@click.group()
def remove() -> None:
    """Remove products and locations made by mistake, while nothing refers to them and nothing else runs."""


@remove.command("products")
@click.argument("skus", nargs=-1)
@SINCE
def remove_products(skus: Sequence[str], made_since: str | None) -> None:
    """Remove products by SKU, all or none, or those made since a moment."""
    _remove("products", skus, made_since)


@remove.command("locations")
@click.argument("codes", nargs=-1)
@SINCE
def remove_locations(codes: Sequence[str], made_since: str | None) -> None:
    """Remove locations by code, all or none, or those made since a moment."""
    _remove("locations", codes, made_since)


def _remove(table: "Table", codes: Sequence[str], made_since: str | None) -> None:
    from ingest.ledger.removal import remove_codes, remove_made_since

    since = instant_of(made_since, "--made-since")
    if bool(codes) == (since is not None):
        raise Invalid("usage", f"Name the {table} to remove, or give --made-since INSTANT.")
    with services_for(load_settings(), "stocktide remove") as (engine, _):
        # a connection of ours in the pool would count as somebody else's
        engine.dispose()
        with engine.begin() as connection:
            if since is None:
                told = remove_codes(connection, table, codes)
            else:
                told = remove_made_since(connection, table, since)
    left = f", {told.left:,} left because something refers to them" if told.left else ""
    say(f"{told.removed:,} {table} removed{left}.")

"""Commands of customers: who is behind a pseudonym, erasing one, who did either, and what customers will be worth."""

import sys

import click

from stocktide.entrypoints.cli.access import as_json, command_line_user
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say

OWNER = "stocktide customers"
REASON = click.option("--reason", required=True, help="Why; it is saved in the audit log.")


@click.group()
def customers() -> None:
    """Show who is behind a pseudonym, erase a customer, list who did either; predict what customers will buy."""


@customers.command("show")
@click.argument("pseudonym")
@REASON
@as_json
def customers_show(pseudonym: str, reason: str, as_json: bool) -> None:
    """Show the id that a pseudonym stands for."""
    from stocktide.foundation.customer_keys import customer_keys
    from stocktide.foundation.customers import resolve_customer

    settings = load_settings()
    with services_for(settings, OWNER) as (engine, _), engine.begin() as connection:
        keys, by = customer_keys(settings), command_line_user()
        shown = resolve_customer(connection, keys, pseudonym, by=by, reason=reason)
    if as_json:
        print_json(shown)
        return
    say(f"Erased {shown['erased_at']}." if shown["id"] is None else shown["id"])


@customers.command("erase")
@click.argument("customer")
@REASON
@as_json
def customers_erase(customer: str, reason: str, as_json: bool) -> None:
    """Erase a customer by pseudonym or by the sender's id; `-` reads it from standard input."""
    from forecasting.customer_values import forget_erased
    from ingest.customers.erasure import erase_customer, purge_erased
    from stocktide.foundation.customer_keys import customer_keys, is_pseudonym
    from stocktide.foundation.lake import Lake

    def tell(line: str) -> None:
        if not as_json:
            say(line)

    settings = load_settings()
    if customer == "-":
        customer = sys.stdin.readline().rstrip("\r\n")
    is_known = is_pseudonym(customer)
    pseudonym, customer_id = (customer, None) if is_known else (None, customer)
    with services_for(settings, OWNER) as (engine, _):
        with engine.begin() as connection:
            keys, by = customer_keys(settings), command_line_user()
            done = erase_customer(
                connection, keys, pseudonym=pseudonym, customer_id=customer_id, by=by, reason=reason
            )
        forget_erased(engine, Lake(settings.lake_root))
        done["purged"] = purge_erased(engine, tell)
    if as_json:
        print_json(done)
        return
    say(
        f"{done['pseudonym']} is erased; {done['rejects_deleted']:,} rejects deleted, "
        f"{done['statements_changed']:,} statements changed."
    )
    if done["epcis_events"]:
        say(f"{done['epcis_events']:,} EPCIS events hold the same text; they are kept unchanged.")


@customers.command("log")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 500))
@as_json
def customers_log(limit: int, as_json: bool) -> None:
    """List who resolved or erased which customer, the newest first."""
    from stocktide.foundation.customers import list_accesses

    with services_for(load_settings(), OWNER) as (engine, _), engine.connect() as connection:
        listed = list_accesses(connection, limit=limit)
    if as_json:
        print_json(listed)
        return
    columns = ["at", "action", "pseudonym", "asked_by", "reason"]
    rows = [[str(row[column]) for column in columns] for row in listed]
    print_table("Customers shown and erased", columns, rows)


@customers.command("values")
@as_json
def customers_values(as_json: bool) -> None:
    """Predict what each customer will buy in the next 12 months. The worker does it every night."""
    from forecasting.customer_values import JOB, value_customers
    from stocktide.foundation.lake import Lake
    from stocktide.foundation.runs import recorded_run

    def tell(line: str) -> None:
        if not as_json:
            say(line)

    settings = load_settings()
    with (
        services_for(settings, OWNER) as (engine, _),
        recorded_run(engine, JOB) as run,
    ):
        done = value_customers(engine, Lake(settings.lake_root), tell=tell)
        run.detail.update(done)
    if as_json:
        print_json(done)
        return
    for currency, said in done["currencies"].items():
        for why in said["why"]:
            say(f"{currency or 'no currency'}: {why}.")

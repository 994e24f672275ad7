"""Commands of alerts: what is open, who has taken it on, and who is notified."""

from datetime import datetime
from typing import Any

import click

from stocktide.entrypoints.cli.access import as_json, command_line_user, instant_of, names_of
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.foundation.errors import Invalid

OWNER = "stocktide alerts"


@click.group()
def alerts() -> None:
    """List, acknowledge and silence alerts, and manage webhooks."""


@alerts.command("run", hidden=True)
def alerts_run() -> None:
    """Evaluate rules and send webhooks until stopped; `stocktide up` does this for you."""
    from alerts.process import run_alerts
    from stocktide.foundation.database import create_engine
    from stocktide.foundation.telemetry import configure_logs

    settings = load_settings()
    configure_logs()
    if not settings.database_url:
        raise Invalid(
            "setting_missing", "Set STOCKTIDE_DATABASE_URL, or let `stocktide up` start this part."
        )
    run_alerts(create_engine(settings.database_url), settings)


@alerts.command("list")
@click.option("--all", "everything", is_flag=True, help="Closed ones, too.")
@click.option("--rule", help="Only this rule, such as out_of_stock.")
@click.option("--location", help="Only this location.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 500))
@as_json
def alerts_list(
    everything: bool, rule: str | None, location: str | None, limit: int, as_json: bool
) -> None:
    """List alerts, the newest first."""
    from alerts.listing import Wanted, list_alerts

    wanted = Wanted(open=None if everything else True, rule=rule, location=location)
    with services_for(load_settings(), OWNER) as (engine, _), engine.connect() as connection:
        listed = list_alerts(connection, wanted, limit=limit)
    if as_json:
        print_json(listed)
        return
    columns = ["id", "state", "subject", "since", "taken on by", "message"]
    print_table("Alerts", columns, [_row(alert) for alert in listed])


def _row(alert: dict[str, Any]) -> list[Any]:
    return [
        str(alert["alert_id"]),
        alert["state"],
        alert["feed"] or alert["order_id"] or f"{alert['product']} at {alert['location']}",
        f"{alert['since']:%Y-%m-%d %H:%M}",
        alert["acknowledged_by"],
        alert["message"],
    ]


@alerts.command("acknowledge")
@click.argument("alert_id", type=int)
@click.option("--reason", required=True, help="Saved in the alert's history.")
def alerts_acknowledge(alert_id: int, reason: str) -> None:
    """Acknowledge an alert: somebody has taken it on."""
    from alerts.triage import acknowledge

    with services_for(load_settings(), OWNER) as (engine, _), engine.begin() as connection:
        acknowledge(connection, alert_id, by=command_line_user(), reason=reason)
    say(f"Alert {alert_id} is acknowledged.")


@alerts.command("silence")
@click.argument("alert_id", type=int)
@click.option("--until", required=True, help="A date (UTC) or an instant; a past one ends it.")
@click.option("--reason", required=True, help="Saved in the alert's history.")
def alerts_silence(alert_id: int, until: str, reason: str) -> None:
    """Send nothing of an alert's rule and subject to webhooks until then."""
    from alerts.triage import silence

    instant = instant_of(until, "--until")
    assert isinstance(instant, datetime)  # noqa: S101 - the option is required
    with services_for(load_settings(), OWNER) as (engine, _), engine.begin() as connection:
        silence(connection, alert_id, until=instant, by=command_line_user(), reason=reason)
    say(f"Alert {alert_id} is silenced until {instant:%Y-%m-%d %H:%M %Z}.")


@alerts.group()
def webhooks() -> None:
    """Manage the webhooks that are notified of alerts."""


@webhooks.command("add")
@click.argument("name")
@click.argument("url")
@click.option("--rules", help="Only these rules, such as out_of_stock,silent_feed.")
@click.option("--locations", help="Only alerts at these locations, such as S1,S2.")
def webhooks_add(name: str, url: str, rules: str | None, locations: str | None) -> None:
    """Create a webhook and print its secret, this once."""
    from alerts.addresses import allowed_by
    from alerts.signature import secret_text
    from alerts.webhooks import Filters, create_webhook

    settings = load_settings()
    filters = Filters(names_of(rules), names_of(locations))
    with services_for(settings, OWNER) as (engine, _), engine.begin() as connection:
        _, secret = create_webhook(
            connection, name, url, filters, by=command_line_user(), allowed=allowed_by(settings)
        )
    click.echo(secret_text(secret))


@webhooks.command("list")
@as_json
def webhooks_list(as_json: bool) -> None:
    """List the webhooks, never their secrets."""
    from alerts.webhooks import list_webhooks

    with services_for(load_settings(), OWNER) as (engine, _), engine.connect() as connection:
        listed = list_webhooks(connection)
    if as_json:
        print_json(listed)
        return
    columns = ["webhook_id", "name", "url", "rules", "locations", "active", "waiting", "dead"]
    rows = [[_listed(webhook[column]) for column in columns] for webhook in listed]
    print_table("Webhooks", columns, rows)


def _listed(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value


@webhooks.command("remove")
@click.argument("webhook_id", type=int)
def webhooks_remove(webhook_id: int) -> None:
    """Delete a webhook, and what was not sent to it yet."""
    from alerts.webhooks import delete_webhook

    with services_for(load_settings(), OWNER) as (engine, _), engine.begin() as connection:
        delete_webhook(connection, webhook_id)
    say(f"Webhook {webhook_id} is deleted.")


@webhooks.command("retry")
@click.argument("webhook_id", type=int)
def webhooks_retry(webhook_id: int) -> None:
    """Send what was given up once more."""
    from alerts.webhooks import retry_dead

    with services_for(load_settings(), OWNER) as (engine, _), engine.begin() as connection:
        count = retry_dead(connection, webhook_id)
    say(f"{count:,} deliveries wait again.")

"""Commands of access: keys of feeds and services, users of the dashboard."""

import os
import pwd
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.foundation.errors import Invalid

if TYPE_CHECKING:
    import sqlalchemy as sa

    from stocktide.foundation.keys import Limits

as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document instead of a table."
)


@click.group()
def keys() -> None:
    """Manage the keys of feeds, readers and services."""


@keys.command("create")
@click.argument("name")
@click.option("--scope", default="ingest", show_default=True, help="ingest, read or operate.")
@click.option("--kinds", help="Only these kinds of event, such as sale,return.")
@click.option("--locations", help="Only events at these locations, such as S1,S2.")
@click.option(
    "--source",
    multiple=True,
    help="Only this source; PREFIX* is all that begin so. Repeat it for several.",
)
@click.option("--rate", type=float, help="At most so many events a second, of each API process.")
@click.option("--expires", help="Until when it may be used: a date (UTC) or an instant.")
@click.option("--expect-every", help="A pause longer than this, such as 15m, raises an alert.")
def keys_create(name: str, **given: Any) -> None:
    """Create a key and print it, this once."""
    from stocktide.foundation.keys import create_key

    scope: str = given.pop("scope")
    limits = _limits(**given)
    with (
        services_for(load_settings(), "stocktide keys") as (engine, _),
        engine.begin() as connection,
    ):
        text = create_key(connection, name, scope, limits)
    click.echo(text)
    if scope != "read" and limits.sources is None:
        say(f"{name} may speak for any source; --source binds a key to its own.", error=True)


def _limits(
    kinds: str | None,
    locations: str | None,
    source: Sequence[str],
    rate: float | None,
    expires: str | None,
    expect_every: str | None,
) -> "Limits":
    """Read the options of a key. Raises Invalid that names the option."""
    from stocktide.foundation.keys import Limits

    return Limits(
        kinds=names_of(kinds),
        locations=names_of(locations),
        sources=source or None,
        rate=rate,
        expires_at=instant_of(expires, "--expires"),
        expect_every_s=_seconds(expect_every, "--expect-every"),
    )


def names_of(text: str | None) -> list[str] | None:
    """Split names at commas; None if the option was not given."""
    return None if text is None else [name.strip() for name in text.split(",")]


def instant_of(text: str | None, option: str) -> datetime | None:
    """Parse a date (UTC) or an instant; None if the option was not given. Raises Invalid that names the option."""
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(
            "bad_option", f"{option} {text!r}: give a date such as 2027-01-01, or an instant."
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def _seconds(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    number, unit = text[:-1], text[-1:]
    if unit not in UNITS_S or not number.isascii() or not number.isdigit() or len(number) > 9:
        raise Invalid(
            "bad_option", f"{option} {text!r}: give a number and s, m, h or d, as in 15m."
        )
    return int(number) * UNITS_S[unit]


@keys.command("list")
@as_json
def keys_list(as_json: bool) -> None:
    """List the keys, never their text: what each may do, and when it was last seen."""
    from stocktide.foundation.keys import list_keys

    with (
        services_for(load_settings(), "stocktide keys") as (engine, _),
        engine.connect() as connection,
    ):
        listed = [key.shown() for key in list_keys(connection)]
    if as_json:
        print_json(listed)
        return
    columns = ["name", "scope", "may", "last seen", "state"]
    print_table("Keys", columns, [_row(key) for key in listed])


def _row(key: dict[str, Any]) -> list[Any]:
    said = [
        ",".join(key["kinds"] or []),
        f"at {','.join(key['locations'])}" if key["locations"] else "",
        f"for {' '.join(key['sources'])}" if key["sources"] else "",
        f"{key['rate']:g}/s" if key["rate"] else "",
        f"every {key['expect_every_s']} s" if key["expect_every_s"] else "",
    ]
    ends = f"until {key['expires_at']:%Y-%m-%d %H:%M}" if key["expires_at"] else "valid"
    if key["expires_at"] and key["expires_at"] <= datetime.now(UTC):
        ends = "expired"
    state = f"revoked {key['revoked_at']:%Y-%m-%d %H:%M}" if key["revoked_at"] else ends
    return [
        key["name"],
        key["scope"],
        "; ".join(part for part in said if part) or "all",
        key["last_used_at"] and f"{key['last_used_at']:%Y-%m-%d %H:%M}",
        state,
    ]


@keys.command("revoke")
@click.argument("name")
def keys_revoke(name: str) -> None:
    """Revoke a key: within a second no process accepts it any more."""
    from stocktide.foundation.keys import revoke_key

    with (
        services_for(load_settings(), "stocktide keys") as (engine, _),
        engine.begin() as connection,
    ):
        revoke_key(connection, name)
    say(f"{name} is revoked.")


@click.group()
def users() -> None:
    """Manage the people who sign in to the dashboard."""


role_option = click.option(
    "--role", default="viewer", show_default=True, help="viewer, buyer, planner or operator."
)


@contextmanager
def _users() -> Iterator[tuple[Any, "sa.Connection"]]:
    """Give the module of users, and a transaction on their database."""
    from stocktide.foundation import users

    with (
        services_for(load_settings(), "stocktide users") as (engine, _),
        engine.begin() as connection,
    ):
        yield users, connection


@users.command("list")
@as_json
def users_list(as_json: bool) -> None:
    """List who may sign in: role, rights, last sign-in."""
    with _users() as (users, connection):
        listed = users.list_people(connection)
    if as_json:
        print_json(listed)
        return
    columns = ["username", "role", "personal", "disabled_at", "signed_in_at"]
    rows = [["" if row[name] is None else str(row[name]) for name in columns] for row in listed]
    print_table("Users", columns, rows)


@users.command("create")
@click.argument("name")
@role_option
@click.password_option()
def users_create(name: str, role: str, password: str) -> None:
    """Create a user."""
    with _users() as (users, connection):
        users.set_user(connection, name, password, role)
    say(f"{name} may sign in as {role}.")


# the name of before
users.add_command(users_create, "add")


@users.command("password")
@click.argument("name")
@click.password_option()
def users_password(name: str, password: str) -> None:
    """Set a user's password, and nothing else."""
    with _users() as (users, connection):
        is_enabled = users.set_password(connection, name, password)
    say(f"{name} has a new password.{_unless(is_enabled, name)}")


@users.command("role")
@click.argument("name")
@click.argument("role")
def users_role(name: str, role: str) -> None:
    """Set a user's role: viewer, buyer, planner or operator."""
    with _users() as (users, connection):
        is_enabled = users.set_role(connection, name, role)
    say(f"{name} is {role} from the next sign-in.{_unless(is_enabled, name)}")


def _unless(is_enabled: bool, name: str) -> str:
    return "" if is_enabled else f" {name} stays disabled; stocktide users enable {name} ends that."


@users.command("disable")
@click.argument("name")
def users_disable(name: str) -> None:
    """Disable a user: they cannot sign in from now on."""
    with _users() as (users, connection):
        users.disable_user(connection, name)
    say(f"{name} is disabled.")


@users.command("enable")
@click.argument("name")
def users_enable(name: str) -> None:
    """Let a disabled user sign in again."""
    with _users() as (users, connection):
        users.enable_user(connection, name)
    say(f"{name} may sign in again.")


@users.command("personal")
@click.argument("name")
@click.option("--take", is_flag=True, help="Take the right away.")
@click.option("--reason", required=True, help="Why; it is saved in the audit log.")
def users_personal(name: str, take: bool, reason: str) -> None:
    """Give a user the right to see who customers are, and to erase them; no role has it."""
    with _users() as (users, connection):
        users.set_personal(connection, name, given=not take, by=command_line_user(), reason=reason)
    say(f"{name} may {'no longer ' if take else ''}see who customers are.")


@users.command("personal-log")
@as_json
def users_personal_log(as_json: bool) -> None:
    """List who was given the right to see who customers are, or lost it, the newest first."""
    with _users() as (users, connection):
        listed = users.list_personal(connection)
    if as_json:
        print_json(listed)
        return
    columns = ["at", "username", "given", "changed_by", "reason"]
    rows = [[str(row[column]) for column in columns] for row in listed]
    print_table("Who may see who customers are", columns, rows)


def command_line_user() -> str:
    """Return the system user of this process, for histories; environment variables could be set by anybody."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    return f"{name} (command line)"

"""Commands of access: keys of feeds and services, users of the dashboard."""

import click

from stocktide.cli_output import print_json, print_table, say
from stocktide.home import services_for
from stocktide.settings import load_settings

as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document instead of a table."
)


@click.group()
def keys() -> None:
    """Keys of feeds, readers and services."""


@keys.command("create")
@click.argument("name")
@click.option("--scope", default="ingest", show_default=True, help="ingest, read or operate.")
def keys_create(name: str, scope: str) -> None:
    """Make a key and print it, this once."""
    from stocktide.keys import create_key

    with (
        services_for(load_settings(), "stocktide keys") as (engine, _),
        engine.begin() as connection,
    ):
        text = create_key(connection, name, scope)
    click.echo(text)


@keys.command("list")
@as_json
def keys_list(as_json: bool) -> None:
    """List the keys, never their text."""
    from dataclasses import asdict

    from stocktide.keys import list_keys

    with (
        services_for(load_settings(), "stocktide keys") as (engine, _),
        engine.connect() as connection,
    ):
        listed = [asdict(key) for key in list_keys(connection)]
    if as_json:
        print_json(listed)
        return
    columns = ["name", "scope", "created_at", "last_used_at", "revoked_at"]
    print_table("Keys", columns, [[key[column] for column in columns] for key in listed])


@keys.command("revoke")
@click.argument("name")
def keys_revoke(name: str) -> None:
    """End a key at once."""
    from stocktide.keys import revoke_key

    with (
        services_for(load_settings(), "stocktide keys") as (engine, _),
        engine.begin() as connection,
    ):
        revoke_key(connection, name)
    say(f"{name} is revoked.")


@click.group()
def users() -> None:
    """People who sign in to the dashboard."""


@users.command("add")
@click.argument("name")
@click.option("--role", default="viewer", show_default=True, help="viewer, planner or operator.")
@click.password_option()
def users_add(name: str, role: str, password: str) -> None:
    """Add a user."""
    from stocktide.users import set_user

    with (
        services_for(load_settings(), "stocktide users") as (engine, _),
        engine.begin() as connection,
    ):
        set_user(connection, name, password, role)
    say(f"{name} may sign in as {role}.")


@users.command("password")
@click.argument("name")
@click.option("--role", default="operator", show_default=True, help="viewer, planner or operator.")
@click.password_option()
def users_password(name: str, role: str, password: str) -> None:
    """Give a user a new password and role."""
    from stocktide.users import set_user

    with (
        services_for(load_settings(), "stocktide users") as (engine, _),
        engine.begin() as connection,
    ):
        set_user(connection, name, password, role, replace=True)
    say(f"{name} has a new password.")


@users.command("disable")
@click.argument("name")
def users_disable(name: str) -> None:
    """Keep a user out from now on."""
    from stocktide.users import disable_user

    with (
        services_for(load_settings(), "stocktide users") as (engine, _),
        engine.begin() as connection,
    ):
        disable_user(connection, name)
    say(f"{name} is disabled.")

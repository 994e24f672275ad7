"""The parts' roles in the database: none is a superuser, none owns anything, each changes what its part changes."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import sqlalchemy as sa
from psycopg.errors import InsufficientPrivilege

from etl.run import run_etl
from forecasting.publishing.publish import publish
from forecasting.publishing.registry import promote, rollback
from ingest.recording.recording import Recorder
from stocktide.foundation.database import create_engine
from stocktide.foundation.embedded import load_secrets
from stocktide.foundation.home import ROLES, role_password, role_url, running_services
from stocktide.foundation.jobs import defer_job
from stocktide.foundation.lake import Lake
from stocktide.foundation.retention import delete_aged
from stocktide.foundation.settings import load_settings
from tests.conftest import AsPart
from tests.forecasting.publications import publication
from tests.ingest.samples import event

DENIED = "permission denied|must be owner"


@pytest.mark.parametrize("part", sorted(ROLES))
def test_a_part_signs_in_as_a_role_that_owns_nothing(as_part: AsPart, part: str) -> None:
    with as_part(part).connect() as connection:
        assert connection.execute(sa.text("SELECT current_user")).scalar_one() == ROLES[part]
        may = connection.execute(
            sa.text(
                "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication,"
                " EXISTS (SELECT FROM pg_shdepend WHERE refobjid = r.oid AND deptype = 'o')"
                " FROM pg_roles r WHERE rolname = current_user"
            )
        ).one()
    assert not any(may)


REFUSED = {
    "reader": [
        "SELECT password_hash FROM users",
        "SELECT raw FROM rejects",
        "SELECT pseudonym FROM customers",
        "INSERT INTO products (sku) VALUES ('A')",
        "SELECT ensure_ledger_partitions(current_date, 1)",
    ],
    "api": [
        "CREATE TABLE mine (x int)",
        "DROP TABLE products",
        "ALTER TABLE products ADD COLUMN x int",
        "DELETE FROM ledger",
        "UPDATE ledger SET kind = 'sale'",
        "TRUNCATE rejects",
        "DELETE FROM rejects",
        "DELETE FROM alerts",
        "DELETE FROM customers",
        "DELETE FROM customer_accesses",
        "SELECT rewrite_erased()",
        "UPDATE users SET role = 'operator'",
        "INSERT INTO access_keys (name, scope, key_hash) VALUES ('x', 'operate', 'x')",
        "UPDATE access_keys SET locations = NULL",
        "INSERT INTO daily_demand DEFAULT VALUES",
        "DELETE FROM forecast_runs",
        "SELECT grant_to_part('stocktide_api', 'ALL', ARRAY['users'])",
        "COPY products TO PROGRAM 'true'",
        "COPY products TO '/tmp/x'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
    "worker": [
        "CREATE TABLE mine (x int)",
        "SELECT password_hash FROM users",
        "SELECT key_hash FROM access_keys",
        "SELECT wrapped_key FROM customers",
        "UPDATE customers SET purged_at = now()",
        "UPDATE sessions SET ended_at = NULL",
        "INSERT INTO ledger DEFAULT VALUES",
        "UPDATE products SET name = 'x'",
        "UPDATE stock SET on_hand_milli = 0",
        "UPDATE rejects SET state = 'open'",
        "DELETE FROM products",
        "COPY products TO PROGRAM 'true'",
        "SELECT ensure_ledger_partitions(current_date, 1)",
    ],
}


@pytest.mark.parametrize(("part", "query"), [(p, q) for p, some in REFUSED.items() for q in some])
def test_a_part_may_not_do_what_is_not_its_own(as_part: AsPart, part: str, query: str) -> None:
    with (
        as_part(part).begin() as connection,
        pytest.raises(sa.exc.ProgrammingError, match=DENIED),
    ):
        connection.execute(sa.text(query))


def test_the_api_gets_its_partitions_from_a_function_of_the_owner(
    as_part: AsPart, database: sa.Engine
) -> None:
    with as_part("api").begin() as connection:
        connection.execute(sa.text("SELECT ensure_ledger_partitions('2041-06-15', 1)"))
    with database.connect() as connection:
        owner = connection.execute(
            sa.text("SELECT relowner::regrole::text FROM pg_class WHERE relname = 'ledger_2041_06'")
        ).scalar_one()
        assert owner == connection.execute(sa.text("SELECT current_user")).scalar_one()


def test_every_table_can_be_read_by_the_part_that_needs_it(as_part: AsPart) -> None:
    """A new table needs its grants: whoever makes one calls grant_to_part."""
    query = sa.text(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
        " AND NOT relispartition AND NOT has_table_privilege(current_user, oid, 'SELECT') ORDER BY 1"
    )
    unread = {}
    for part in ("api", "worker"):
        with as_part(part).connect() as connection:
            unread[part] = list(connection.execute(query).scalars())
    secret = ["access_keys", "customers", "open_sessions", "people", "personal_rights", "users"]
    assert unread == {"api": [], "worker": secret}


@pytest.fixture
def embedded(home: Path) -> Iterator[dict[str, str]]:
    """The addresses of the parts' roles in a home's own database."""
    settings = load_settings(home=home)
    with running_services(settings, "stocktide etl"):
        yield {part: role_url(settings, part) for part in ROLES}


def test_only_the_etl_makes_temporary_tables(embedded: dict[str, str]) -> None:
    may = {}
    for part, url in embedded.items():
        engine = create_engine(url)
        with engine.connect() as connection:
            may[part] = connection.execute(
                sa.text("SELECT has_database_privilege(current_database(), 'TEMP')")
            ).scalar_one()
        engine.dispose()
    assert may == {"reader": False, "api": False, "worker": True}


def test_each_role_has_a_password_of_its_own_that_tells_no_other(home: Path) -> None:
    known = load_secrets(home)
    made = {role_password(known, part) for part in ROLES}
    assert len(made | set(known.values())) == len(known) + 2
    assert role_password({**known, "postgres": "other"}, "api") not in made


def test_a_database_that_is_given_is_used_as_it_is(home: Path) -> None:
    settings = load_settings(home=home, database_url="postgresql://me@db/x")
    assert {role_url(settings, part) for part in ROLES} == {"postgresql://me@db/x"}


# Which part runs the statements of a folder; files that the other one runs, or a command as the owner.
RUNS = {
    "etl": "worker",
    "forecasting": "worker",
    "alerts": "worker",
    "ingest": "api",
    "catalog": "api",
    "stocktide": "api",
    "query": "api",
}
# People decide these by the API; the others are the schema's own, or of the command that looks at all.
BY_API = ("acknowledge_alert", "silence_subject", "put_reorder_points")
# No part gives anybody the right to see who customers are: the owner does, on the command line.
BY_OWNER = ("change_personal_right",)
STATEMENTS = sorted(
    path
    for folder in RUNS
    for path in Path(str(files("sql"))).joinpath(folder).rglob("*.sql")
    # `stocktide rebuild` is the owner's
    # views of the query stage and metrics are DuckDB's
    if not {"rebuild", "views"} & {*path.parts} and path.stem not in BY_OWNER
)


def test_each_part_may_run_its_own_statements(as_part: AsPart) -> None:
    """EXPLAIN looks at rights as the statement itself would; what it cannot plan without values says another error."""
    engines = {part: as_part(part) for part in ("api", "worker")}
    planned, denied = 0, []
    for path in STATEMENTS:
        folder = path.relative_to(str(files("sql"))).parts[0]
        part = "api" if path.stem in BY_API else RUNS[folder]
        text = re.sub(r"(?<!:):(?=[a-z])\w+", "NULL", path.read_text("utf-8"))
        with engines[part].connect() as connection:
            try:
                connection.exec_driver_sql(f"EXPLAIN {text.replace('%', '%%')}")
                planned += 1
            except sa.exc.DBAPIError as error:
                if isinstance(error.orig, InsufficientPrivilege):
                    denied.append((part, path.name, str(error.orig)))
    assert denied == []
    assert planned > 100


def test_the_worker_lands_publishes_and_decides_in_its_role(
    as_part: AsPart, tmp_path: Path
) -> None:
    api, worker = as_part("api"), as_part("worker")
    settings = load_settings(create_on_first_sight=True)
    raws = [json.dumps(event("sale", f"e{n}")).encode() for n in range(3)]
    Recorder(api, settings).record("till", "application/cloudevents+json", raws)
    report = run_etl(worker, Lake(str(tmp_path / "lake")))
    assert report.landed.rows == 3
    for _ in range(2):
        publish(worker, publication(), run_id=None)
    with api.begin() as connection:
        rollback(connection, by="anna", reason="too much")
    with worker.begin() as connection:
        promote(connection, 2, by="worker", reason="better")
    delete_aged(worker, settings, lambda _line: None)
    assert defer_job(worker, "etl")
    assert defer_job(api, "forecast")

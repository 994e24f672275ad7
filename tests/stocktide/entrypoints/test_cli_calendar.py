import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from ingest.ledger.dimensions import ProductIn, put_products
from stocktide.entrypoints.cli.main import cli
from stocktide.foundation.errors import Invalid, NotFound, StocktideError

Command = Callable[..., Result]
FILE = (
    "id,product,from,to,discount\np1,A,2027-03-01,2027-03-14,0.3\np2,A,2027-06-01,2027-06-14,0.2\n"
)


@pytest.fixture
def command(database: sa.Engine, home: Path) -> Command:
    """Run `stocktide calendar …` on the test's database; what it raises of ours goes on to the test."""
    with database.begin() as connection:
        put_products(connection, [ProductIn("A")])
    environment = {
        "STOCKTIDE_HOME": str(home),
        "STOCKTIDE_DATABASE_URL": database.url.set(drivername="postgresql").render_as_string(
            hide_password=False
        ),
        "STOCKTIDE_REDIS_URL": "redis://localhost",
    }

    def run(*arguments: str) -> Result:
        done = CliRunner().invoke(cli, ["calendar", *arguments], env=environment)
        if isinstance(done.exception, StocktideError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done

    return run


def test_plans_are_imported_listed_and_withdrawn(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "promotions.csv"
    file.write_text(FILE)
    done = command("import", "promotions", str(file))
    assert "promotions: 2 recorded, 0 changed, 0 known before." in done.output
    again = json.loads(command("import", "promotions", str(file), "--json").stdout)
    assert again == {"recorded": 0, "changed": 0, "unchanged": 2, "warnings": []}
    listed = json.loads(command("list", "promotions", "--since", "2027-05-01", "--json").stdout)
    assert [plan["id"] for plan in listed] == ["p2"]
    assert "(command line)" in listed[0]["recorded_by"]
    assert "p1" in command("list", "promotions", "--until", "2027-05-01").output
    assert "p1 is withdrawn" in command("withdraw", "promotions", "p1").output
    left = command("list", "promotions", "--csv").stdout.splitlines()
    assert len(left) == 2
    assert left[1].startswith("p2,")
    assert "p1" in command("list", "promotions", "--history").output


def test_wrong_kind_file_day_and_plan_are_named(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "promotions.csv"
    file.write_text(FILE.replace("A,", "Z,"))
    with pytest.raises(NotFound, match="no product 'Z'"):
        command("import", "promotions", str(file))
    with pytest.raises(Invalid, match="'fairs' is no kind of plan; there are events, prices"):
        command("import", "fairs", str(file))
    with pytest.raises(Invalid, match="'fairs' is no kind of plan"):
        command("list", "fairs")
    with pytest.raises(Invalid, match="--since 'soon'"):
        command("list", "events", "--since", "soon")
    with pytest.raises(NotFound, match="no plan 'p9'"):
        command("withdraw", "promotions", "p9")

"""`stocktide import` of exports: recognised by their headers, tried without a database."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stocktide.entrypoints.cli.main import cli
from stocktide.foundation.errors import Invalid, StocktideError
from tests.ingest.shopify.shop import Line, Order, orders_csv, write

AT = datetime(2026, 8, 1, 12, tzinfo=UTC)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    order = Order("#1", AT, [Line("Loaf", 2, Decimal("2.50"), "L")], off=Decimal("0.75"))
    return write(tmp_path / "orders_export.csv", orders_csv([order]))


def run(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(cli, ["import", *map(str, arguments)])
    if isinstance(done.exception, StocktideError):
        raise done.exception
    return done


def test_an_export_is_recognised_with_and_without_the_word(export: Path) -> None:
    alone = json.loads(run(export, "--dry-run", "--json").stdout)
    named = json.loads(run("shopify", export.parent, "--dry-run", "--json").stdout)
    assert alone == named
    assert alone["reconciliation"]["EUR"]["recorded"] == "4.25"


def test_a_dry_run_tells_files_sums_and_what_to_do(export: Path) -> None:
    write(export.parent / "customers.csv", "First Name,Last Name\n")
    said = run("shopify", export.parent, "--dry-run").stdout
    for part in (
        "Shopify orders",
        "4.25",
        "would be recorded",
        "customers.csv",
        "Next: Export the inventory",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("more", "code"), [(["--timezone", "Mars"], "bad_timezone"), (["nowhere.csv"], "file_missing")]
)
def test_what_is_wrong_is_said_at_once(export: Path, more: list[str], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        run("shopify", export, *more, "--dry-run")
    assert refused.value.code == code
    assert run(export, export, "--mapping", "m5").exit_code == 2

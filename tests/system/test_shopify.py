"""The road from Shopify: three exports, three commands on an empty home, and a proposal that explains itself."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.forked import run_command
from tests.ingest.shopify.shop import (
    history,
    inventory_csv,
    orders_csv,
    products_csv,
    variants_of,
    write,
)
from tests.system.running import environment_of

pytestmark = pytest.mark.system
# Enough to choose from, and what a small shop's first forecast does not need is left out.
CONFIG = """
[hierarchy]
levels = [[], ["location", "product"]]
[forecast]
horizon_days = 28
frequency = "D"
candidates = ["seasonal_naive"]
backtest_origins = 2
"""


def test_three_exports_become_an_explained_proposal_in_three_commands(
    database_url: str, tmp_path: Path
) -> None:
    variants = variants_of(3, online="Bakery", shop="Market")
    end = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    orders = history(variants, end=end, days=70, seed=5, shop="Market")
    folder = tmp_path / "exports"
    folder.mkdir()
    write(folder / "orders_export.csv", orders_csv(orders))
    write(folder / "products_export.csv", products_csv(variants, newer=True))
    write(folder / "inventory_export.csv", inventory_csv(variants))
    write(tmp_path / "stocktide.toml", CONFIG)
    # the servers are the session's; the home is empty
    environment = environment_of(tmp_path / "home", database_url=database_url)

    def run(*command: str) -> str:
        done = run_command(*command, environment=environment, folder=tmp_path, seconds=240)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    told = json.loads(run("import", "shopify", str(folder), "--json"))
    run("forecast")
    said = run("orders", "propose", "--json")

    sums = told["reconciliation"]["EUR"]
    assert Decimal(sums["total"]) == sum((order.total for order in orders), Decimal(0))
    assert told["next"] == ["stocktide forecast", "stocktide orders propose"]
    done = json.loads(said[said.index("{") :])
    assert done["opened"] > 0
    product, place, sentence = re.fullmatch(
        r"(\S+) at (\w+) from Mill: (.+)", done["first"][0]
    ).groups()  # type: ignore[union-attr]  # asserted by the next lines
    assert product in {variant.sku for variant in variants}
    assert place in ("Bakery", "Market")
    said_by = re.fullmatch(
        r"\d+ days' demand \d+ ± \d+, .+ needs [\d.]+; have \d+ on hand; order (?:[\d.]+ = )?(\d+)",
        sentence,
    )
    assert said_by is not None, sentence
    assert int(said_by[1]) > 0

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from forecasting import ForecastSpec, run_forecast
from forecasting.lake_demand import read_demand
from forecasting.lake_successions import read_successions
from forecasting.nodes.succession_table import succession_table
from ingest.ledger.dimensions import ProductIn, Replaced, put_products
from ingest.ledger.successions import put_successions
from stocktide.foundation.lake import Lake
from stocktide.foundation.successions import Succession
from tests.forecasting.lakes import FIRST, chain_rows, demand_row, write_lake

PAIRS = (("location", "product"),)
LATER = datetime(2026, 1, 1, tzinfo=UTC)
DAYS, SWAP = 160, 152
LEVELS = ((), ("category",), ("product",), ("location", "product"))
SPEC = ForecastSpec(
    levels=LEVELS,
    horizon_days=14,
    candidates=("WLSS additive", "seasonal_naive"),
    backtest_origins=2,
)


def swapped(*products: int, by: int, day: int) -> list[dict[str, object]]:
    """Give a chain in which one product sells what others did, from a day on, and nothing before."""
    rows = pd.DataFrame(chain_rows(DAYS)).query("product_id != @by")
    taken = rows["product_id"].isin(products) & (rows["day"] >= FIRST + timedelta(days=day))
    rows = rows.assign(product_id=rows["product_id"].mask(taken, by))
    sold = rows.groupby(["product_id", "location_id", "day"])["sold_milli"].sum().reset_index()
    return [
        demand_row(
            row["product_id"],
            row["location_id"],
            (row["day"] - FIRST).days,
            row["sold_milli"] / 1000,
        )
        for row in sold.to_dict("records")
    ]


def one(predecessor: str, successor: str, day: int, share: float = 1.0) -> Succession:
    return Succession(predecessor, successor, FIRST + timedelta(days=day), share)


def leaf_units(lake: Lake, *rows: Succession, best_sellers: int | None = None) -> dict[str, float]:
    demand = read_demand(
        lake, PAIRS, now=LATER, best_sellers=best_sellers, successions=succession_table(rows)
    )
    names = demand.leaves["location"] + "/" + demand.leaves["product"]
    return dict(zip(names, demand.units.sum(axis=1).tolist(), strict=True))


def test_a_product_that_has_not_sold_yet_is_a_leaf_wherever_its_predecessor_sells(
    tmp_path: Path,
) -> None:
    rows = [demand_row(1, place, day, 2) for place in (1, 3) for day in range(20)]
    lake = write_lake(tmp_path, [*rows, demand_row(2, 1, 19, 5)])
    assert leaf_units(lake) == {"S1/P1": 40, "S1/P2": 5, "S3/P1": 40}
    chain = (one("P1", "P3", 10, 0.5), one("P3", "P4", 30))
    assert leaf_units(lake, *chain) == {
        "S1/P1": 30, "S1/P2": 5, "S1/P3": 10, "S1/P4": 0,
        "S3/P1": 30, "S3/P3": 10, "S3/P4": 0,
    }  # fmt: skip
    # the lake does not know it yet, or nobody sold what it replaces
    assert leaf_units(lake, one("P1", "P9", 30)) == leaf_units(lake)
    assert leaf_units(lake, one("P3", "P4", 10)) == leaf_units(lake)


def test_products_of_one_line_are_best_sellers_together(tmp_path: Path) -> None:
    sold = {1: 9.0, 2: 5.0, 3: 4.0}
    rows = [demand_row(product, 1, day, of) for product, of in sold.items() for day in range(20)]
    lake = write_lake(tmp_path, [*rows, demand_row(4, 1, 19, 1)])
    plain = leaf_units(lake, best_sellers=2)
    assert plain == {"S1/(other products)": 81, "S1/P1": 180, "S1/P2": 100}
    # P4 sold once, and stands for P1 with all of its history
    assert leaf_units(lake, one("P1", "P4", 19), best_sellers=2) == {
        "S1/(other products)": 80, "S1/P1": 9, "S1/P4": 172, "S1/P2": 100,
    }  # fmt: skip
    assert leaf_units(lake, one("P3", "P4", 19), best_sellers=2) == plain


def test_history_moves_by_the_day_before_days_become_weeks(tmp_path: Path) -> None:
    rows = [demand_row(1, 1, day, 1.0) for day in range(40)]
    lake = write_lake(tmp_path, [*rows, *(demand_row(2, 1, day, 1.0) for day in range(26, 40))])
    # 2025-01-27 is a Monday; the swap is on the Thursday after
    demand = read_demand(
        lake, PAIRS, now=LATER, frequency="W", successions=succession_table([one("P1", "P2", 29)])
    )
    week = int(np.argmax(demand.days >= pd.Timestamp("2025-01-27")))
    assert demand.units[:, week].tolist() == [4.0, 3.0 + 7.0]
    assert demand.units[:, week + 1].tolist() == [7.0, 7.0]


@pytest.fixture
def chain(database: sa.Engine) -> sa.Engine:
    """Four products as the lake knows them."""
    with database.begin() as connection:
        put_products(connection, [ProductIn(f"P{number}") for number in (1, 2, 3, 4)])
    return database


def record(database: sa.Engine, sku: str, *replaced: Replaced) -> None:
    with database.begin() as connection:
        put_successions(connection, [ProductIn(sku, replaces=list(replaced))])


def totals(database: sa.Engine) -> dict[str, float]:
    """Units over the horizon by product node of the newest run."""
    query = sa.text(
        "SELECT n.unique_id, sum(yhat) FROM forecast_nodes n JOIN forecasts USING (forecast_run_id, node_id)"
        " WHERE forecast_run_id = (SELECT max(forecast_run_id) FROM forecast_runs) GROUP BY n.level, 1"
    )
    with database.connect() as connection:
        return {row[0]: float(row[1]) for row in connection.execute(query)}


def test_a_swap_recorded_with_the_products_is_forecast_at_once(
    chain: sa.Engine, tmp_path: Path
) -> None:
    lake = write_lake(tmp_path, swapped(1, by=4, day=SWAP))
    record(chain, "P4", Replaced(product="P1", from_=FIRST + timedelta(days=SWAP)))
    assert read_successions(chain)["successor"].tolist() == ["P4"]
    report = run_forecast(chain, lake, SPEC, now=LATER)
    found = totals(chain)
    sold = read_demand(lake, PAIRS, now=LATER)
    last = np.isin(sold.leaves["product"], ["P1", "P4"])
    level = sold.units[last, -28:].sum() / 2
    assert found["P4"] == pytest.approx(level, rel=0.1)
    assert found["P1"] == 0.0
    # Dairy has handed over to Bath: history goes along into the successor's category
    assert found["Dairy"] == 0.0
    assert found["Bath"] == pytest.approx(found["P3"] + found["P4"])
    assert report.leaves == 12
    with chain.connect() as connection:
        codes = connection.execute(
            sa.text("SELECT DISTINCT unique_id, warning FROM forecast_nodes WHERE level = 2")
        )
        assert {row.unique_id: row.warning for row in codes} == {
            "P1": "replaced", "P2": None, "P3": None, "P4": None,
        }  # fmt: skip


def test_a_split_ahead_shares_the_forecast_out(chain: sa.Engine, tmp_path: Path) -> None:
    lake = write_lake(tmp_path, swapped(1, by=4, day=DAYS))
    run_forecast(chain, lake, SPEC, now=LATER)
    plain = totals(chain)
    split = FIRST + timedelta(days=DAYS + 7)
    record(chain, "P3", Replaced(product="P1", from_=split, share=0.4))
    record(chain, "P4", Replaced(product="P1", from_=split, share=0.6))
    run_forecast(chain, lake, SPEC, now=LATER)
    found = totals(chain)
    assert found["total"] == pytest.approx(plain["total"], rel=1e-3)
    assert found["P1"] == pytest.approx(plain["P1"] / 2, rel=0.15)
    assert found["P4"] == pytest.approx(0.6 * (plain["P1"] - found["P1"]), rel=0.02)
    assert found["P3"] == pytest.approx(plain["P3"] + 0.4 * (plain["P1"] - found["P1"]), rel=0.02)


def test_a_merger_is_forecast_at_the_level_of_all_that_it_replaces(
    chain: sa.Engine, tmp_path: Path
) -> None:
    lake = write_lake(tmp_path, swapped(1, 2, by=4, day=SWAP))
    since = FIRST + timedelta(days=SWAP)
    record(chain, "P4", *(Replaced(product=old, from_=since) for old in ("P1", "P2")))
    run_forecast(chain, lake, SPEC, now=LATER)
    found = totals(chain)
    sold = read_demand(lake, PAIRS, now=LATER)
    last = ~np.isin(sold.leaves["product"], ["P3"])
    assert found["P4"] == pytest.approx(sold.units[last, -28:].sum() / 2, rel=0.1)
    assert found["P1"] == found["P2"] == 0.0

"""Reports of the page Demand, against pandas over what the chain made."""

from datetime import date, timedelta
from functools import partial

import duckdb
import numpy as np
import pandas as pd
import pytest

from query.lake_files import handed_columns
from query.reports import find_report, values_of
from query.views import read_view
from tests.dashboard.demand.chain import DAYS, FIRST, GOODS, HOURS, LAST, PROMOTED
from tests.dashboard.demand.conftest import Chain

OPEN = LAST.isoformat()
PAIR = ["product", "location"]


def around(days: pd.DataFrame, row: pd.Series, weeks: int) -> pd.DataFrame:
    """Days of the same pair and weekday at most so many weeks away, that are over and had stock."""
    apart = (days["day"] - row["day"]).map(lambda gap: gap.days)
    same = (days["product"] == row["product"]) & (days["location"] == row["location"])
    near = same & (apart.abs() <= 7 * weeks) & (apart % 7 == 0)
    found: pd.DataFrame = days[near & ~days["empty"] & (days["day"] < LAST)]
    return found


def test_lost_sales_are_what_is_missing_to_the_same_weekdays_around(chain: Chain) -> None:
    empty = chain.days[chain.days["empty"]].copy()
    empty["lost"] = [
        max(0.0, around(chain.days, row, 4)["sold"].mean() - row["sold"])
        for _, row in empty.iterrows()
    ]
    found = chain.report("demand_by_day", days=DAYS, open=OPEN).set_index("day")
    assert found["sold"].to_dict() == chain.days.groupby("day")["sold"].sum().to_dict()
    lost = empty.groupby("day")["lost"].sum()
    assert lost.sum() > 0
    assert found["lost"][lost.index].tolist() == pytest.approx(lost.tolist())
    assert found["lost"].sum() == pytest.approx(lost.sum())
    assert found["lost_value"].sum() == pytest.approx((empty["lost"] * empty["price"]).sum())
    assert found["empty_shelves"].sum() == len(empty)
    assert found["not_estimated"].sum() == found["not_valued"].sum() == 0


def test_a_day_is_expected_to_be_as_the_same_weekday_around_it(chain: Chain) -> None:
    found = chain.report("demand_calendar", open=OPEN)
    sold = chain.days.groupby("day")["sold"].sum()
    wanted = []
    for day in sold.index:
        weeks = [day + timedelta(days=7 * week) for week in (-4, -3, -2, -1, 1, 2, 3, 4)]
        near = sold[sold.index.isin(weeks) & (sold.index < LAST)]
        wanted.append(sold[day] / near.mean() if day < LAST else np.nan)
    assert found["ratio"].tolist() == pytest.approx(wanted, nan_ok=True)


def test_hours_are_those_of_the_shops_own_clocks(chain: Chain) -> None:
    found = chain.report("demand_by_hour", days=28, open=OPEN)
    lines = chain.lines
    lines = lines[(lines["day"] < LAST) & (lines["day"] >= LAST - pd.Timedelta(days=28))]
    weekday = lines["day"].map(lambda day: day.isoweekday())
    wanted = lines.groupby([weekday, "hour"])["units"].sum()
    assert found.set_index(["weekday", "hour"])["units"].tolist() == wanted.tolist()
    assert found["units_a_day"].tolist() == (wanted / 4).tolist()


def test_the_season_is_each_month_by_the_mean_of_months(chain: Chain) -> None:
    found = chain.report("demand_season", open=OPEN)
    sold = chain.days[chain.days["day"] < LAST].groupby("day")["sold"].sum()
    months = sold.groupby(sold.index.map(lambda day: day.month)).mean()
    assert found["month"].tolist() == months.index.tolist()
    assert found["index"].tolist() == pytest.approx((months / months.mean()).tolist())


def test_the_elasticity_is_that_of_least_squares_with_a_constant_for_each_pair(
    chain: Chain,
) -> None:
    days = chain.days[(chain.days["day"] < LAST) & ~chain.days["empty"]]
    prices = days.groupby([*PAIR, "price"]).agg(volume=("sold", "mean"), days=("sold", "size"))
    prices = prices[prices["days"] >= 7].reset_index()
    prices = prices[prices.groupby(PAIR)["price"].transform("size") >= 2]
    pairs = pd.get_dummies(prices["product"] + prices["location"]).to_numpy(float)
    x = np.column_stack([np.log(prices["price"]), pairs])
    y = np.log(prices["volume"].to_numpy())
    beta, squares, *_ = np.linalg.lstsq(x, y, rcond=None)
    variance = squares[0] / (len(y) - x.shape[1]) * np.linalg.inv(x.T @ x)[0, 0]
    found = chain.report("price_volume", open=OPEN)
    assert set(found["elasticity"].round(9)) == {round(beta[0], 9)}
    assert found["standard_error"].iloc[0] == pytest.approx(np.sqrt(variance))
    assert found["price_changes"].iloc[0] == len(prices) - pairs.shape[1]
    # the chain sells by the power of minus two of the price
    assert abs(beta[0] + 2) < 3 * np.sqrt(variance)


def test_the_lift_is_beyond_the_median_of_the_same_weekdays_outside(chain: Chain) -> None:
    found = chain.report("promotion_lift", open=OPEN).sort_values("first")
    days = chain.days[(chain.days["product"] == "Tea") & (chain.days["day"] < LAST)].copy()
    days["number"] = days["day"].map(lambda day: (day - FIRST).days)
    for (first, last), (_, row) in zip(PROMOTED, found.iterrows(), strict=True):
        lift = variance = after = 0.0
        for _, shop in days.groupby("location"):
            near = shop[shop["number"].between(first - 56, last + 56) & ~shop["empty"]]
            outside = near[~near["promoted"]]
            weekday = near["number"] % 7
            usual = weekday.map(outside.groupby(outside["number"] % 7)["sold"].median())
            more = near["sold"] - usual
            ran = near["number"].between(first, last)
            lift += more[ran].sum()
            variance += ran.sum() * (more[~near["promoted"]] ** 2).mean()
            after += more[near["number"].between(last + 1, last + 14) & ~near["promoted"]].sum()
        assert row["lift"] == pytest.approx(lift)
        assert row["after"] == pytest.approx(after)
        assert row["lift_high"] - row["lift"] == pytest.approx(1.2815515655446004 * variance**0.5)
        assert (row["shops"], row["days"]) == (2, 2 * (last - first + 1))


def has(sku: str, basket: set[str]) -> bool:
    return sku in basket


def test_pairs_are_counted_among_orders_of_two_products(chain: Chain) -> None:
    found = chain.report("bought_together", days=DAYS)
    baskets = chain.lines.groupby("order")["product"].agg(set)
    baskets = baskets[baskets.map(len) >= 2]
    assert len(found) == 3
    for row in found.to_dict("records"):
        one, other = row["sku"], row["other_sku"]
        has_one, has_other = (baskets.map(partial(has, sku)) for sku in (one, other))
        together = (has_one & has_other).sum()
        assert row["support"] == pytest.approx(together / len(baskets))
        assert row["lift"] == pytest.approx(
            together * len(baskets) / (has_one.sum() * has_other.sum())
        )
    assert chain.report("bought_together", days=DAYS, least=10_000).empty
    assert len(chain.report("bought_together", days=DAYS, products=2)) == 1


def test_classes_split_revenue_at_80_and_95_per_cent(chain: Chain) -> None:
    found = chain.report("demand_pareto", days=DAYS)
    revenue = chain.days["sold"] * chain.days["price"]
    by_product = revenue.groupby(chain.days["product"]).sum().sort_values(ascending=False)
    assert found["sku"].tolist() == by_product.index.tolist()
    shares = (by_product / by_product.sum()).cumsum()
    assert found["cumulative_share"].tolist() == pytest.approx(shares.tolist())
    before = shares.shift(fill_value=0)
    wanted = np.select([before < 0.8, before < 0.95], ["A", "B"], "C")
    assert found["class"].tolist() == wanted.tolist()


def test_the_mix_is_compared_week_beside_week_in_shops_that_were_open(chain: Chain) -> None:
    found = chain.report("demand_mix", days=28, open=OPEN).set_index("category")
    last = LAST - pd.Timedelta(days=1)
    days = chain.days[
        (chain.days["day"] <= last) & (chain.days["day"] > last - pd.Timedelta(days=28))
    ]
    sold = days.groupby(days["product"].map({sku: of[1] for sku, of in GOODS.items()}))[
        "sold"
    ].sum()
    assert found["sold"].to_dict() == sold.to_dict()
    assert set(found["last_before"]) == {last - pd.Timedelta(days=364)}
    calendar = chain.report("demand_mix", days=28, open=OPEN, fiscal="false")
    assert set(calendar["last_before"]) == {last.replace(year=last.year - 1)}
    # nobody sold a year ago, so no shop was open then
    assert chain.report("demand_mix", days=28, open=OPEN, like_for_like="true").empty


def test_what_is_narrowed_to_an_hour_adds_up_to_the_weekday_and_the_month(chain: Chain) -> None:
    weekday, month = LAST.isoweekday() % 7 + 1, LAST.month
    asked = {"days": DAYS, "open": OPEN, "weekday": weekday}
    bare = {name: value for name, value in asked.items() if name != "open"}
    for name, by, given in (("demand_mix", "category", asked), ("demand_pareto", "sku", bare)):
        whole = chain.report(name, **given).set_index(by)["net_sales"]
        hours = [chain.report(name, **given, hour=hour) for hour in HOURS]
        sums = pd.concat(hours).groupby(by)["net_sales"].sum()
        assert sums.to_dict() == pytest.approx(whole.to_dict())
    days = chain.report("demand_by_day", **{**asked, "weekday": ""}, month=month)
    mine = chain.days[chain.days["day"].map(lambda day: day.month) == month]
    assert days.set_index("day")["sold"].to_dict() == mine.groupby("day")["sold"].sum().to_dict()
    one = chain.report("demand_by_day", **asked, hour=HOURS[1])
    assert {day.isoweekday() for day in one["day"]} == {weekday}
    assert one["lost"].sum() == 0


@pytest.mark.parametrize("fiscal", [True, False])
@pytest.mark.parametrize("alike", [True, False])
def test_like_for_like_leaves_out_shops_that_opened_or_closed(fiscal: bool, alike: bool) -> None:
    """Shops by number: 1 was always open, 2 opened half a year ago, 3 closed last month."""
    last, rng = date(2026, 6, 30), np.random.default_rng(3)
    all_days = pd.date_range(end=last, periods=500)
    opens = {1: (0, 500), 2: (320, 500), 3: (0, 470)}
    rows = [
        {"product_id": 1, "location_id": shop, "day": day.date(), "sold": float(rng.integers(1, 9)),
         "revenue": 2.0, "currency": "EUR"}
        for shop, (first, end) in opens.items() for day in all_days[first:end]
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    with duckdb.connect() as database:
        database.register("daily_demand", frame)
        database.execute(
            "CREATE TABLE products AS SELECT 1 AS product_id, NULL AS department, NULL AS category, "
            "'kg' AS unit, 'EUR' AS currency"
        )
        database.execute(
            "CREATE TABLE locations AS SELECT unnest([1, 2, 3]) AS location_id, 'S' AS code, 'UTC' AS timezone"
        )
        # read where an hour is asked for
        for name in ("lake", "live"):
            database.register(f"input_{name}_movements", handed_columns("movements").empty_table())
        database.execute(f"CREATE VIEW movements AS {read_view('movements').text}")
        database.execute("CREATE TABLE kinds (kind VARCHAR, counts_as VARCHAR)")
        report = find_report("demand_mix")
        asked = {
            "fiscal": "true" if fiscal else "false",
            "like_for_like": "true" if alike else "false",
        }
        [found] = database.execute(report.text, values_of(report, asked)).df().to_dict("records")
    last_before = last - timedelta(days=364) if fiscal else date(2025, 6, 30)
    mine = frame[frame["location_id"].isin([1] if alike else [1, 2, 3])]
    for name, end in (("sold", last), ("sold_before", last_before)):
        span = mine[(mine["day"] <= end) & (mine["day"] > end - timedelta(days=28))]
        assert found[name] == span["sold"].sum()
    assert found["shops"] == (1 if alike else 3)

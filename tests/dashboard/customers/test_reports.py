"""Reports on customers beside an independent count of the same chain with pandas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from query.jail.execution import open_database
from stocktide.foundation.database import sql
from tests.dashboard.customers.conftest import Chain

FIFTHS = [0.2, 0.4, 0.6, 0.8]
SEGMENTS = {"best", "loyal", "new", "promising", "at risk", "lost"}


def by_customer(lines: pd.DataFrame) -> pd.DataFrame:
    """First and last day, days, orders, amounts of each customer who bought."""
    sold = lines[lines["quantity"] > 0].groupby("pseudonym")
    counted = sold.agg(
        first=("day", "min"),
        last=("day", "max"),
        days=("day", "nunique"),
        orders=("order", "nunique"),
    )
    net = lines.groupby("pseudonym")["amount"].sum()
    return counted.assign(net=net.reindex(counted.index))


def scores(values: "pd.Series[float]") -> "pd.Series[int]":
    """1, and one more for each fifth whose limit a value is above."""
    limits = np.quantile(values, FIFTHS, method="inverted_cdf")
    above = [(values > limit).astype(int) for limit in limits]
    counted: pd.Series[int] = pd.concat(above, axis=1).sum(axis=1) + 1
    return counted


def segment_of(r: int, f: int, m: int, days: int) -> str:
    if r >= 4 and f >= 4 and m >= 4:
        return "best"
    if r >= 3 and f >= 4:
        return "loyal"
    if r >= 4 and days == 1:
        return "new"
    if r >= 3:
        return "promising"
    return "at risk" if f >= 4 or m >= 4 else "lost"


def scored(lines: pd.DataFrame) -> pd.DataFrame:
    known = by_customer(lines)
    known = known.assign(
        r=scores(known["last"].map(lambda day: day.toordinal())),
        f=scores(known["days"]),
        m=scores(known["net"].round(6)),
    )
    of_each = (known[name].tolist() for name in ("r", "f", "m", "days"))
    segments = [segment_of(*row) for row in zip(*of_each, strict=True)]
    return known.assign(segment=segments)


def test_the_list_and_its_segments_are_those_of_the_table(chain: Chain) -> None:
    wanted = scored(chain.named)
    found = chain.report("customer_list", currency="EUR").set_index("customer").loc[wanted.index]
    assert (found["found"] == len(wanted)).all()
    assert found["days"].tolist() == wanted["days"].tolist()
    assert found["orders"].tolist() == wanted["orders"].tolist()
    assert found["net_sales"].to_numpy() == pytest.approx(wanted["net"].to_numpy())
    assert found["last_day"].tolist() == wanted["last"].tolist()
    names = ["recency_score", "frequency_score", "value_score"]
    assert found[names].to_numpy().tolist() == wanted[["r", "f", "m"]].to_numpy().tolist()
    assert found["segment"].tolist() == wanted["segment"].tolist()
    by_segment = chain.report("customer_segments", currency="EUR").set_index("segment")
    counts = wanted.groupby("segment")["net"].agg(["size", "sum"])
    assert by_segment["customers"].to_dict() == counts["size"].to_dict()
    assert by_segment["net_sales"].to_dict() == pytest.approx(counts["sum"].to_dict())
    assert by_segment["share_of_customers"].sum() == pytest.approx(1)
    value = found.groupby("segment")["expected_value"].sum()
    assert by_segment["expected_value"].to_dict() == pytest.approx(value.to_dict())


def test_pages_of_the_list_make_the_whole_in_its_order(chain: Chain) -> None:
    whole = chain.report("customer_list", sort="sales")
    pages = [
        chain.report("customer_list", sort="sales", rows=30, skip=skip) for skip in (0, 30, 60)
    ]
    assert pd.concat(pages)["customer"].tolist() == whole["customer"].tolist()
    assert whole["net_sales"].is_monotonic_decreasing
    one = whole["customer"].iloc[7]
    assert chain.report("customer_list", starts=one)["customer"].tolist() == [one]


def test_cohorts_hold_everybody_once_and_count_who_came_back(chain: Chain) -> None:
    sold = chain.named[chain.named["quantity"] > 0]
    months = pd.PeriodIndex(sold["day"], freq="M")
    first = sold.groupby("pseudonym")["day"].transform("min")
    wanted = (
        pd.DataFrame(
            {"who": sold["pseudonym"], "cohort": pd.PeriodIndex(first, freq="M"), "month": months}
        )
        .drop_duplicates()
        .groupby(["cohort", "month"])
        .size()
    )
    found = chain.report("customer_cohorts", currency="EUR")
    keys = zip(
        pd.PeriodIndex(found["cohort"], freq="M"),
        pd.PeriodIndex(found["month"], freq="M"),
        strict=True,
    )
    counted = dict(zip(keys, found["active"], strict=True))
    assert {key: count for key, count in counted.items() if count} == wanted.to_dict()
    at_first = found[found["months_since"] == 0]
    assert (at_first["share"] == 1).all()
    assert at_first["customers"].sum() == sold["pseudonym"].nunique()


def test_periods_count_who_bought_and_who_came_first(chain: Chain) -> None:
    sold = chain.named[chain.named["quantity"] > 0]
    month = sold["day"].map(lambda day: day.replace(day=1))
    first = sold.groupby("pseudonym")["day"].min().map(lambda day: day.replace(day=1))
    found = chain.report("customer_periods", currency="EUR").set_index("first").sort_index()
    by_month = sold.groupby(month)
    assert found["customers"].tolist() == by_month["pseudonym"].nunique().tolist()
    assert found["orders"].tolist() == by_month["order"].nunique().tolist()
    assert found["new_customers"].tolist() == [
        int((first == day).sum()) for day in sorted(set(month))
    ]
    assert not found["comparable"].fillna(False).any()


def test_concentration_is_the_share_of_the_best(chain: Chain) -> None:
    net = by_customer(chain.named)["net"].clip(lower=0).sort_values(ascending=False).to_numpy()
    found = chain.report("customer_concentration", currency="EUR").set_index("percent")
    for percent in (1, 10, 20, 100):
        count = -(-len(net) * percent // 100)
        assert found.loc[percent, "customers"] == count
        assert found.loc[percent, "share"] == pytest.approx(net[:count].sum() / net.sum())


def test_sales_without_a_customer_are_said(chain: Chain) -> None:
    euros = chain.lines[chain.lines["currency"] == "EUR"]
    unnamed = euros[euros["pseudonym"].isna()]["amount"].sum() / euros["amount"].sum()
    found = chain.report("customers_overview").set_index("currency")
    assert found.loc["EUR", "unnamed_share"] == pytest.approx(unnamed, abs=0.02)
    known = by_customer(chain.named)
    assert found.loc["EUR", "customers"] == len(known)
    assert found.loc["EUR", "repeat_customers"] == (known["days"] > 1).sum()
    assert found.loc["USD", "customers"] == 1


def test_one_customer_is_told_in_full(chain: Chain) -> None:
    who = chain.named["pseudonym"].value_counts().index[0]
    mine = chain.named[chain.named["pseudonym"] == who]
    sold = mine[mine["quantity"] > 0]
    one = chain.report("customer_one", customer=who).set_index("currency").loc["EUR"]
    assert (one["days"], one["first_day"], one["last_day"]) == (
        sold["day"].nunique(),
        sold["day"].min(),
        sold["day"].max(),
    )
    assert (one["sales"], -one["returns"]) == pytest.approx(
        (sold["amount"].sum(), mine[mine["quantity"] < 0]["amount"].sum())
    )
    orders = chain.report("customer_orders", customer=who)
    assert set(orders[orders["currency"] == "EUR"]["order_id"]) == set(mine["order"])
    lines = chain.report("customer_lines", customer=who, rows=3)
    assert len(lines) == 3
    months = chain.report("customer_months", customer=who)
    assert months[months["currency"] == "EUR"]["sales"].sum() == pytest.approx(sold["amount"].sum())
    favourites = chain.report("customer_products", customer=who)
    days = sold.groupby("product")["day"].nunique()
    euros = favourites[favourites["currency"] == "EUR"]
    assert euros.set_index("sku")["days"].to_dict() == days.to_dict()


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(1, 6), st.integers(-5, 40)),
        min_size=1,
        max_size=40,
    )
)
def test_every_customer_has_one_segment_and_equal_ones_the_same(
    rows: list[tuple[int, int, int]],
) -> None:
    frame = pd.DataFrame(rows, columns=["last", "days", "net"])
    frame["customer"] = [f"c_{number}" for number in range(len(frame))]
    day = "DATE '2026-01-01' + last::INTEGER AS last_day"
    with open_database({"threads": "1"}) as database:
        database.register("given", frame)
        database.execute(
            f"CREATE VIEW customers AS SELECT customer, 'EUR' AS currency, {day}, days, net AS sales,"  # noqa: S608 - ours
            " 0 AS returns FROM given"
        )
        query = f"WITH {sql('report_parts/customer_segments')} SELECT customer, r, f, m, segment FROM customer_segments"  # noqa: S608 - ours
        found = database.execute(query).df().set_index("customer").loc[frame["customer"]]
    assert set(found["segment"]) <= SEGMENTS
    assert found["r"].tolist() == scores(frame["last"]).tolist()
    assert found["f"].tolist() == scores(frame["days"]).tolist()
    assert found["m"].tolist() == scores(frame["net"]).tolist()
    alike = frame.assign(segment=found["segment"].tolist()).groupby(["last", "days", "net"])
    assert (alike["segment"].nunique() == 1).all()
    assert found[["r", "f", "m"]].to_numpy().min() >= 1
    assert found[["r", "f", "m"]].to_numpy().max() <= 5

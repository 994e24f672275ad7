"""The page Accuracy: its figures against pandas, which is given what was published and what came."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from catalog.accuracy import (
    bias_by_week,
    by_level,
    calibration,
    cells,
    likely_cause,
    scored_weeks,
    sentence,
)
from catalog.frames import read_frame
from forecasting.intervals.probabilities import QUANTILES
from forecasting.publishing.publish import Publication, publish
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from tests.dashboard.conftest import Dashboard, charts_of, click, text_of
from tests.dashboard.versions import HISTORY, HORIZON, version

END = date(2026, 10, 31)
PRICES = {"Apples": 2.0, "Milk": 1.5, "Soap": 9.0}
OFFSETS = (21, 12)


def shifted(now: Publication, days: int) -> Publication:
    """The version that was trained `days` earlier, of the same history; too much by a tenth."""
    made = version(end=END - timedelta(days=days), chosen=0.9, weekly=1.0, trend=1.1)
    history = now.history[:, : HISTORY - days]
    padded = np.concatenate([np.zeros((len(history), days)), history], axis=1)
    return replace(made, history=padded)


@pytest.fixture
def published(
    database: sa.Engine, open_dashboard: Callable[..., Dashboard], database_url: str
) -> tuple[Dashboard, list[Publication], Publication]:
    """Two versions that were replaced, and the present one, which has seen what came."""
    with database.begin() as connection:
        priced = [ProductIn(sku, price=price, currency="EUR") for sku, price in PRICES.items()]
        put_products(connection, priced)
        put_locations(connection, [LocationIn("S1", name="High Street"), LocationIn("S2")])
    now = version(end=END, chosen=0.8, weekly=1.0, trend=1.0)
    older = [shifted(now, days) for days in OFFSETS]
    for made in (*older, now):
        publish(database, made, run_id=None)
    drift = pd.DataFrame(
        {"day": pd.date_range(end=END, periods=70), "bias": np.sin(np.arange(70.0)) / 5 + 0.05}
    )
    with database.begin() as connection:
        run = connection.execute(sa.text("SELECT max(forecast_run_id) FROM forecast_runs")).scalar()
        rows = drift.assign(level=0, level_name="total", wape=0.2, forecast_run_id=run)
        rows.to_sql("forecast_drift", connection, if_exists="append", index=False)
    return open_dashboard(database_url), older, now


def scored(older: list[Publication], now: Publication) -> pd.DataFrame:
    """A row a node, version and day that came, in plain loops over what was published."""
    nodes = now.hierarchy.nodes
    rows: list[dict[str, Any]] = []
    for made, offset in zip(older, OFFSETS, strict=True):
        for node, (level, name) in enumerate(zip(nodes["level"], nodes["level_name"], strict=True)):
            first = int(np.argmax(now.history[node] > 0))
            for ahead in range(1, min(HORIZON, offset) + 1):
                at = HISTORY - offset + ahead - 1
                if at < first:
                    continue
                back = at - 7 * -(-ahead // 7)
                quantiles = dict(zip(QUANTILES, made.quantiles[node, ahead - 1], strict=True))
                y = now.history[node, at]
                rows.append(
                    {
                        "node": node, "level": level, "level_name": name, "day": now.days[at], "ahead": ahead,
                        "err": abs(y - made.mean[node, ahead - 1]), "naive_err": abs(y - now.history[node, back]),
                        "y": y, "off": made.mean[node, ahead - 1] - y,
                        "held": quantiles[0.1] <= y <= quantiles[0.9], "version": offset,
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def test_figures_equal_pandas_over_what_was_published(
    published: tuple[Dashboard, list[Publication], Publication],
) -> None:
    dashboard, older, now = published
    wanted = scored(older, now)
    days = read_frame(dashboard.reader.engine, "accuracy_days")
    found = cells(days).set_index(["level", "ahead"])
    edges, names = [0, 1, 3, 7, 14], ["1 day", "2–3 days", "4–7 days", "8–14 days"]
    groups = pd.cut(wanted["ahead"], edges, labels=names).astype(str)
    sums = wanted.groupby([wanted["level"], groups])[["err", "naive_err", "y"]].sum()
    assert len(found) == len(sums) == 3 * 4
    both = found.join(sums.rename_axis(["level", "ahead"]), how="inner")
    assert len(both) == len(sums)
    assert both["ratio"].tolist() == pytest.approx((both["err"] / both["naive_err"]).tolist())
    assert both["ours"].tolist() == pytest.approx((both["err"] / both["y"]).tolist())
    held = calibration(days)
    eighty = held[held["nominal"] == 0.8].set_index("level")
    shares = wanted.groupby("level")["held"].mean()
    assert eighty["held"].tolist() == pytest.approx(shares.tolist())
    reach = 1.645 * np.sqrt(0.8 * 0.2 / wanted["day"].nunique())
    assert eighty["high"].tolist() == pytest.approx([min(1.0, 0.8 + reach)] * 3)
    ratios = wanted.groupby("level")[["err", "naive_err"]].sum()
    better = int((ratios["err"] < ratios["naive_err"]).sum())
    assert sentence(by_level(days), held) == (
        f"Better than seasonal naive at {better} of 3 levels; 80 % bands held {100 * shares.mean():.0f} %."
    )

    newest = wanted[(wanted["level"] == wanted["level"].max())].sort_values("version")
    newest = newest.drop_duplicates(["node", "day"])
    newest = newest[newest["day"] > pd.Timestamp(END - timedelta(days=28))]
    products = now.hierarchy.nodes.set_index("node_id")["product"]
    money = newest["err"] * newest["node"].map(products.map(PRICES))
    worst = money.groupby(newest["node"]).sum().sort_values(ascending=False)
    items = read_frame(dashboard.reader.engine, "accuracy_items", limit=3)
    assert items["money"].tolist() == pytest.approx(worst.head(3).tolist())
    assert items["sku"].tolist() == products.reindex(worst.index[:3]).tolist()
    assert items["found"].tolist() == [6, 6, 6]


def test_bias_of_a_week_is_the_mean_of_its_days_and_chance_is_around_zero(
    published: tuple[Dashboard, list[Publication], Publication],
) -> None:
    dashboard = published[0]
    drift = read_frame(dashboard.reader.engine, "drift", periods=400)
    weeks = bias_by_week(drift)
    days = pd.Series(np.sin(np.arange(70.0)) / 5 + 0.05, pd.date_range(end=END, periods=70))
    wanted = days.resample("W-MON", label="left", closed="left").mean()
    assert weeks["bias"].tolist() == pytest.approx(wanted.tolist())
    assert weeks["week"].tolist() == wanted.index.tolist()
    assert weeks["reach"].iloc[2] == pytest.approx(1.645 * days.std() / np.sqrt(7))
    assert scored_weeks(drift) == len(wanted)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_page_says_how_good_it_is_and_opens_the_worst_items(
    published: tuple[Dashboard, list[Publication], Publication], theme: str
) -> None:
    dashboard = published[0]
    drawn = dashboard.draw("accuracy", theme=theme)
    assert "Better than seasonal naive at" in text_of(drawn)
    assert len(charts_of(drawn)) == 4
    asked = [query for query in dashboard.queries if not query.startswith("SELECT 1")]
    assert len(asked) <= 10
    assert "6 of 6 items" in text_of(drawn)
    click(drawn, "Product")
    drawn.run()
    assert "Gone to Forecasts" in text_of(drawn)
    assert "node" in drawn.query_params


def test_page_waits_for_eight_weeks(
    published: tuple[Dashboard, list[Publication], Publication], database: sa.Engine
) -> None:
    with database.begin() as connection:
        connection.execute(
            sa.text("DELETE FROM forecast_drift WHERE day < :day"),
            {"day": END - timedelta(days=20)},
        )
    drawn = published[0].draw("accuracy")
    assert "Too early: 4 weeks of published forecasts are compared" in text_of(drawn)
    assert len(charts_of(drawn)) == 1


ITEM = {
    "days": 20, "out": 0, "promoted": 0, "err": 10.0, "too_much": 1.0,
    "since": date(2026, 10, 1), "first_day": date(2026, 1, 1),
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ({"out": 5, "promoted": 9}, "out of stock on 5 of 20 days"),
        ({"first_day": date(2026, 9, 1)}, "new: little history"),
        ({"promoted": 9}, "on promotion on 9 of 20 days"),
        ({"too_much": 9.0}, "sells less than before"),
        ({"too_much": -9.0}, "sells more than before"),
        ({}, "ups and downs from day to day"),
    ],
)
def test_a_likely_cause_is_the_first_that_explains_enough(more: dict[str, Any], cause: str) -> None:
    assert likely_cause({**ITEM, **more}) == cause

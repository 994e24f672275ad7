from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from catalog.experiments import (
    against_naive,
    error_ratios,
    levels_won,
    main_metric,
    parameter_differences,
    winners,
)
from catalog.frames import read_frame
from tests.dashboard.versions import HORIZON, store_three

BACKTEST = pd.DataFrame(
    [
        (7, 0, "total", "ets", 0.7),
        (7, 0, "total", "theta", 0.8),
        (7, 0, "total", "chosen", 0.6),
        (7, 0, "total", "seasonal_naive", 1.0),
        (7, 1, "product", "ets", 0.9),
        (7, 1, "product", "theta", 0.85),
        (7, 1, "product", "chosen", 0.9),
        (7, 1, "product", "seasonal_naive", 0.8),
    ],
    columns=["forecast_run_id", "level", "level_name", "candidate", "value"],
)


def test_levels_won_compares_with_what_the_champion_chose() -> None:
    assert levels_won(BACKTEST, {"winner": "ets"}) == (1, 2)
    assert levels_won(BACKTEST, {"winner": "gone"}) is None
    assert levels_won(BACKTEST, None) is None
    own = BACKTEST.replace({"candidate": {"theta": "champion"}})
    assert levels_won(own, {"winner": "ets"}) == (1, 2)
    assert levels_won(BACKTEST[:0], {"winner": "ets"}) is None


def test_winners_leave_out_the_choice_and_stand_from_the_top_down() -> None:
    table = winners(BACKTEST)
    assert table["level_name"].tolist() == ["total", "product"]
    assert table["winner"].tolist() == ["ets", "seasonal_naive"]
    assert table["chosen"].tolist() == [0.6, 0.9]
    without = winners(BACKTEST[BACKTEST["candidate"].isin(["ets", "theta"])])
    assert without[["chosen", "naive"]].isna().all().all()


def test_against_naive_is_the_share_of_its_error_that_is_saved() -> None:
    assert against_naive(BACKTEST)["gain"].tolist() == pytest.approx([0.4, -0.125])
    assert against_naive(BACKTEST[BACKTEST["candidate"] != "chosen"]).empty
    assert against_naive(BACKTEST.assign(value=0.0)).empty


def model(**other: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "method": "WLSS",
        "lake_version": 3,
        "cutoff": date(2026, 3, 1),
        "nodes": 9,
        "choice": {"winner": "ets", "weights": {"ets": 1.0}},
        **other,
    }


def test_parameter_differences_show_only_what_differs() -> None:
    models = pd.DataFrame([model(), model(version=2, lake_version=4, choice=None)])
    table = parameter_differences(models)
    assert table["parameter"].tolist() == ["data version", "winner"]
    assert table["version 2"].tolist() == ["4", ""]
    assert parameter_differences(models[:1]).empty


def test_main_metric_takes_the_weighted_one_where_there_is_one() -> None:
    plain = BACKTEST.assign(metric="rmsse")
    both = pd.concat([plain, BACKTEST[:2].assign(metric="wrmsse")])
    assert (main_metric(both)[0], len(main_metric(both)[1])) == ("wrmsse", 2)
    assert (main_metric(plain)[0], len(main_metric(plain)[1])) == ("rmsse", 8)
    assert main_metric(plain[:0])[1].empty


def test_error_ratios_divide_by_naive_and_miss_where_it_did_not_err() -> None:
    rows = [
        ("2026-01-31", 0, "total", "chosen", 0.6),
        ("2026-01-31", 0, "total", "seasonal_naive", 0.8),
        ("2026-02-28", 0, "total", "chosen", 0.6),
        ("2026-02-28", 0, "total", "seasonal_naive", 0.0),
    ]
    by_origin = pd.DataFrame(rows, columns=["origin", "level", "level_name", "candidate", "value"])
    ratios = error_ratios(by_origin)
    assert ratios["ratio"].tolist() == pytest.approx([0.75, np.nan], nan_ok=True)
    assert error_ratios(by_origin[::2]).empty
    assert error_ratios(by_origin[:0]).empty


def test_disagreements_put_first_what_is_furthest_apart_for_its_own_bands(
    database: sa.Engine,
) -> None:
    store_three(database, end=date(2026, 3, 1))
    with database.begin() as connection:
        # the smallest node of all moves by many of its bands
        connection.execute(
            sa.text(
                "UPDATE forecasts SET yhat = 9 * yhat WHERE forecast_run_id = 3 AND node_id = 8"
            )
        )
    both = read_frame(database, "disagreements", now=3, before=2, limit=4)
    assert both["node_id"].drop_duplicates().iloc[0] == 8
    assert both["node_id"].nunique() == 4
    first = both[both["node_id"] == 8]
    assert len(first) == HORIZON
    assert first["ds"].is_monotonic_increasing
    assert (first["now"] > first["before"]).all()
    assert read_frame(database, "disagreements", now=3, before=3, limit=4).empty

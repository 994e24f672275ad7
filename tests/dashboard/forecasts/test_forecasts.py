import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from dashboard.accuracy.backtest import with_periods
from dashboard.forecasts.inside import departments
from dashboard.forecasts.panels import (
    chips,
    describe_best,
    errors_by_level,
    gap_text,
    taken_over,
)
from forecasting.publishing.publish import publish
from tests.dashboard.conftest import Dashboard, charts_of, click, text_of
from tests.dashboard.versions import store_three, version

ERRORS = pd.DataFrame(
    [
        (1, "location", "prophet", "wape", 0.30),
        (1, "location", "seasonal_naive", "wape", 0.40),
        (0, "total", "prophet", "wape", 0.10),
        (0, "total", "seasonal_naive", "wape", 0.09),
        (0, "total", "prophet", "rmsse", 0.8),
        (2, "product", "prophet", "wape", None),
        (2, "product", "seasonal_naive", "wape", 0.5),
    ],
    columns=["level", "level_name", "model", "metric", "value"],
)


def test_errors_by_level_puts_ours_beside_naive_from_the_top_down() -> None:
    assert errors_by_level(ERRORS, "wape").to_dict("list") == {
        "level_name": ["total", "location"],
        "ours": [0.10, 0.30],
        "naive": [0.09, 0.40],
    }


@pytest.mark.parametrize("model", ["prophet", "seasonal_naive"])
def test_errors_by_level_is_empty_when_one_model_is_missing(model: str) -> None:
    assert errors_by_level(ERRORS[ERRORS["model"] == model], "wape").empty
    assert errors_by_level(ERRORS[:0], "wape").empty


@pytest.mark.parametrize(
    ("frequency", "origin", "horizon", "said"),
    [
        ("D", "2026-01-31", 28, "01 Feb to 28 Feb 2026"),
        ("W", "2025-11-26", 8, "27 Nov 2025 to 21 Jan 2026"),
        ("M", "2022-06-30", 12, "01 Jul 2022 to 30 Jun 2023"),
        ("Q", "2026-03-31", 3, "01 Apr to 31 Dec 2026"),
    ],
)
def test_with_periods_names_both_years_where_they_differ(
    frequency: str, origin: str, horizon: int, said: str
) -> None:
    ratios = pd.DataFrame({"origin": [origin], "ratio": [1.0]})
    named = with_periods(ratios, {"frequency": frequency, "horizon": horizon})
    assert named["period"].tolist() == [said]


def test_forecasts_says_how_to_get_one_when_none_is_published(empty: Dashboard) -> None:
    assert "Run `stocktide forecast`" in text_of(empty.draw("forecasts"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_forecasts_opens_at_the_top_with_its_children(filled: Dashboard, theme: str) -> None:
    drawn = filled.draw("forecasts", theme=theme)
    said = text_of(drawn).replace("\\", "")
    assert "**All**" in said
    assert "**By location**" in said
    fan, *tiles, dots = charts_of(drawn)
    assert "All: " in fan
    assert tiles
    assert re.search(r"All: [\d,]+ units, \d+ [A-Z]", fan)
    assert "vs previous 14 days" in fan
    assert "candidates at" in dots
    # this chain repeats itself week by week, so that naive makes no error at all
    assert "Seasonal naive had no error in the periods tested" in said
    assert "80 % interval covered" in said
    assert "items below add up to this total: gap 0" in said
    assert "No earlier version forecast the same periods" in said
    by_location = drawn.dataframe[0].value
    assert sorted(by_location["label"]) == ["High Street", "Mill"]
    assert by_location["share"].sum() == pytest.approx(100)
    by_product = drawn.dataframe[1].value
    assert sorted(by_product["label"]) == ["Apples (A)", "Apples (C)", "Milk *whole*"]


def node_of(url: str, unique_id: str) -> str:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        found = connection.execute(
            sa.text("SELECT node_id FROM forecast_nodes WHERE keys = CAST(:keys AS jsonb)"),
            {"keys": unique_id},
        ).scalar_one()
    engine.dispose()
    return str(found)


def test_forecasts_shows_the_node_of_the_address_and_the_way_back_up(
    filled: Dashboard, filled_url: str
) -> None:
    leaf = node_of(filled_url, '{"location": "S1", "product": "A"}')
    drawn = filled.draw("forecasts", node=leaf)
    assert "This is the lowest level." in text_of(drawn)
    up = [button for button in drawn.button if str(button.key).startswith("forecasts.up.")]
    assert up[0].label == "All"
    assert len(up) >= 2
    up[0].click().run()
    assert not drawn.exception
    assert "**All**" in text_of(drawn)


def test_a_shop_leads_to_its_departments_and_these_to_their_products(
    filled: Dashboard, filled_url: str
) -> None:
    shop = node_of(filled_url, '{"location": "S1"}')
    drawn = filled.draw("forecasts", node=shop)
    assert "This is the lowest level." not in text_of(drawn)
    groups = drawn.dataframe[0].value
    assert groups["label"].tolist() == ["Fresh"]
    assert groups["share"].sum() == pytest.approx(100)
    click(drawn, "label")
    drawn.run()
    assert not drawn.exception
    assert drawn.query_params["inside"] == "Fresh"
    products = drawn.dataframe[0].value
    assert sorted(products["label"]) == ["Apples", "Milk *whole*"]
    assert products["total"].sum() == pytest.approx(groups["total"].sum())
    assert f"Fresh: {groups['total'].sum():,.0f} units" in charts_of(drawn)[0]
    click(drawn, "label", row=products["label"].tolist().index("Apples"))
    drawn.run()
    assert "inside" not in drawn.query_params
    assert "This is the lowest level." in text_of(drawn)


def test_a_department_inside_a_shop_is_drawn_by_weeks_and_with_paths_asked_for(
    filled: Dashboard, filled_url: str
) -> None:
    shop = node_of(filled_url, '{"location": "S1"}')
    drawn = filled.draw("forecasts", node=shop, inside="Fresh", grain="week", paths="20")
    assert "Sample paths are kept of items, not of this sum" in text_of(drawn)
    assert "By product" in text_of(drawn)


def test_departments_add_their_products_up() -> None:
    leaves = pd.DataFrame({"department": ["A", "B", "A"], "total": [1.0, 5.0, 2.5]})
    assert departments(leaves).to_dict("list") == {"label": ["B", "A"], "total": [5.0, 3.5]}


def test_a_node_shows_whose_history_it_has_taken_over() -> None:
    replaced = [
        {"product": "FR-001", "from": "2026-03-01", "share": 1.0},
        {"product": "FR-002", "from": "2026-04-01", "share": 0.25},
    ]
    assert taken_over({"replaces": replaced}) == [
        "history of FR-001 to 2026-03-01 (share 100 %)",
        "history of FR-002 to 2026-04-01 (share 25 %)",
    ]
    assert taken_over({"replaces": []}) == []


@pytest.mark.parametrize("node", ["999999", "x", "-1", "99999999999999999999"])
def test_forecasts_opens_at_the_top_when_the_address_names_no_node(
    filled: Dashboard, node: str
) -> None:
    assert "**All**" in text_of(filled.draw("forecasts", node=node))


def test_forecasts_says_so_when_no_days_were_held_out(
    open_dashboard: Callable[..., Dashboard], database: sa.Engine, database_url: str
) -> None:
    with database.begin() as connection:
        for query in (
            "INSERT INTO forecast_runs (cutoff, horizon_days, method, lake_version, hierarchy)"
            " VALUES ('2026-03-01', 1, 'WLSS', 0, '[[]]')",
            "INSERT INTO forecast_nodes (forecast_run_id, node_id, level, level_name, unique_id, label, keys)"
            " SELECT forecast_run_id, 0, 0, 'total', 'total', 'Total', '{}' FROM forecast_runs",
            "INSERT INTO forecasts SELECT forecast_run_id, 0, '2026-03-02', 3, 1, 2, 2, 3, 4, 4, 5 FROM forecast_runs",
            "INSERT INTO published_forecast (forecast_run_id) SELECT forecast_run_id FROM forecast_runs",
        ):
            connection.execute(sa.text(query))
    drawn = open_dashboard(database_url).draw("forecasts")
    assert "No backtest: the history is too short" in text_of(drawn)
    assert "This is the lowest level." in text_of(drawn)


@pytest.fixture
def versions(
    open_dashboard: Callable[..., Dashboard], database: sa.Engine, database_url: str
) -> Dashboard:
    store_three(database, end=datetime.now(UTC).date())
    return open_dashboard(database_url)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_forecasts_shows_what_it_is_made_of_what_moved_and_who_won(
    versions: Dashboard, theme: str
) -> None:
    drawn = versions.draw("forecasts", theme=theme)
    said = text_of(drawn).replace("\\", "")
    fan, *tiles, moved, dots, value = charts_of(drawn)
    assert "bands: 50, 80 and 95 % intervals" in fan
    assert [tile.partition(". ")[0] for tile in tiles] == [
        "trend",
        "holiday: All Saints",
        "weekly",
        "yearly",
        "recent level",
    ]
    assert all("added units a day" in tile for tile in tiles[1:])
    assert "more (" in moved
    assert "than version 1" in moved
    assert "5 candidates at 3 origins" in dots
    assert "Forecasting adds value at 3 of 3 levels" in value
    assert "Dotted: seasonal naive" in fan
    assert "**prophet_additive_WLSS** 0.800, 27% below seasonal naive" in said
    assert "version 2, trained to" in said
    winners = next(table.value for table in drawn.dataframe if "winner" in table.value)
    assert set(winners["winner"]) == {"prophet_additive_WLSS"}


def test_forecasts_adds_days_up_to_weeks_and_keeps_it_in_the_address(versions: Dashboard) -> None:
    drawn = versions.draw("forecasts", grain="week")
    said = text_of(drawn)
    assert "units a week" in charts_of(drawn)[0]
    assert "80 % intervals" in charts_of(drawn)[0]
    assert "Weeks run from Monday to Sunday" in said
    assert "Bands come from 20 sample paths" in said
    drawn.toggle(key="forecasts.paths").set_value(True).run()
    assert not drawn.exception
    assert "20 possible futures" in charts_of(drawn)[0]
    assert drawn.query_params["grain"] == "week"
    drawn.segmented_control(key="forecasts.grain").set_value("day").run()
    assert not drawn.exception
    assert "units a day" in charts_of(drawn)[0]
    assert "grain" not in drawn.query_params


def test_forecasts_shows_days_when_the_address_asks_for_another_grain(versions: Dashboard) -> None:
    drawn = versions.draw("forecasts", grain="month")
    assert "units a day" in charts_of(drawn)[0]
    assert "grain" not in drawn.query_params


def test_forecasts_says_that_bands_of_weeks_are_not_known_without_paths(
    open_dashboard: Callable[..., Dashboard], database: sa.Engine, database_url: str
) -> None:
    made = version(end=datetime.now(UTC).date(), chosen=0.8, weekly=1.0, trend=1.0)
    publish(database, replace(made, paths=None), run_id=None)
    drawn = open_dashboard(database_url).draw("forecasts", grain="week")
    assert "so weekly bands are not known" in text_of(drawn)
    assert "bands: " not in charts_of(drawn)[0]


def test_forecasts_says_too_early_when_one_origin_was_tested(
    open_dashboard: Callable[..., Dashboard], database: sa.Engine, database_url: str
) -> None:
    made = version(end=datetime.now(UTC).date(), chosen=0.8, weekly=1.0, trend=1.0)
    assert made.scores is not None
    first = made.scores[made.scores["origin"] == "2026-08-01"]
    publish(database, replace(made, scores=first), run_id=None)
    drawn = open_dashboard(database_url).draw("accuracy")
    assert "Too early: the backtest has 1 origin" in text_of(drawn)


def test_forecasts_swaps_bands_for_sample_paths_when_asked(versions: Dashboard) -> None:
    drawn = versions.draw("forecasts", paths="20")
    assert "20 possible futures" in charts_of(drawn)[0]
    drawn.toggle(key="forecasts.paths").set_value(False).run()
    assert not drawn.exception
    assert "bands: " in charts_of(drawn)[0]
    assert "paths" not in drawn.query_params


def test_forecasts_says_so_when_no_paths_and_no_components_were_kept(
    open_dashboard: Callable[..., Dashboard], database: sa.Engine, database_url: str
) -> None:
    made = version(end=datetime.now(UTC).date(), chosen=0.8, weekly=1.0, trend=1.0)
    publish(database, replace(made, paths=None, components={}), run_id=None)
    drawn = open_dashboard(database_url).draw("forecasts", paths="20")
    assert "This run has no sample paths" in text_of(drawn)
    assert "This run has no components." in text_of(drawn)
    assert "bands: " in charts_of(drawn)[0]


def test_forecasts_says_how_far_a_new_run_is_while_the_old_one_stays(
    versions: Dashboard, database: sa.Engine
) -> None:
    with database.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO runs (job, detail) VALUES ('forecast', CAST(:detail AS jsonb))"),
            {"detail": '{"progress": {"step": "fitting", "share": 0.63}}'},
        )
    said = text_of(versions.draw("forecasts"))
    assert "Training, 63 %" in said
    assert "version 2" in said


NODE: dict[str, Any] = {"level": 1, "level_name": "product", "total": 100.0}
RUN: dict[str, Any] = {
    "forecast_run_id": 4,
    "version": None,
    "cutoff": "2026-03-01",
    "frequency": "D",
}


def test_gap_text_names_the_level_that_is_furthest_off() -> None:
    children = [{"level": 2, "total": 60.0}, {"level": 2, "total": 40.0 + 1e-8}]
    assert gap_text(NODE, children) == "0"
    assert gap_text(NODE, [*children, {"level": 3, "total": 88.0}]) == "12 units"


def test_chips_leave_out_what_is_not_known() -> None:
    assert chips(RUN, NODE, [], ERRORS) == ["run 4, trained to 2026-03-01"]
    held = ERRORS.assign(metric="coverage_80", value=0.784)
    said = chips({**RUN, "version": 2}, NODE, [{"level": 2, "total": 100.0}], held)
    assert said == [
        "80 % interval covered 78 % of the held-out days at this level",
        "items below add up to this product: gap 0",
        "run 4, version 2, trained to 2026-03-01",
    ]


def test_describe_best_tells_when_the_choice_is_not_the_best_here() -> None:
    row = {"level_name": "product", "winner": "ets", "best": 0.8, "chosen": 0.88, "naive": 1.0}
    table = pd.DataFrame([row])
    assert describe_best(table, "product") == (
        "Best at level product: **ets** 0.800, 20% below seasonal naive. Published: 0.880."
    )
    assert describe_best(table.assign(chosen=0.7), "product").endswith("Published: 0.700.")
    assert describe_best(table.assign(chosen=float("nan")), "product").endswith("seasonal naive.")
    assert describe_best(table.assign(winner="seasonal_naive"), "product").count("seasonal") == 1
    assert describe_best(table.assign(best=0.0), "product").endswith("Published: 0.880.")
    assert describe_best(table, "total") == "The backtest did not score this level."


def test_forecasts_shows_the_held_out_test_when_no_backtest_is_kept(
    open_dashboard: Callable[..., Dashboard], database: sa.Engine, database_url: str
) -> None:
    made = version(end=datetime.now(UTC).date(), chosen=0.8, weekly=1.0, trend=1.0)
    publish(database, replace(made, scores=None), run_id=None)
    _, *tiles, errors, value = charts_of(open_dashboard(database_url).draw("forecasts"))
    assert len(tiles) == 5
    assert "Better than seasonal naive at 3 of 3 levels" in errors
    assert "Forecasting adds value at 3 of 3 levels" in value


def test_filters_lead_to_the_item_of_a_shop_and_a_click_goes_on_from_there(
    filled: Dashboard,
) -> None:
    drawn = filled.draw("forecasts", store="Mill")
    assert charts_of(drawn)[0].startswith("Mill: ")
    drawn.query_params["node"] = "0"
    drawn.run()
    assert not charts_of(drawn)[0].startswith("Mill: ")
    drawn.selectbox(key="store").set_value("All shops").run()
    assert not charts_of(drawn)[0].startswith("Mill: ")
    # products have departments, and the hierarchy has none
    drawn.selectbox(key="cat").set_value("Fresh").run()
    assert "The forecast has no item for Fresh" in text_of(drawn)

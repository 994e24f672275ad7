from collections.abc import Callable

import pandas as pd
import pytest
import sqlalchemy as sa

from dashboard.pages.forecasts import errors_by_level
from tests.dashboard.conftest import Dashboard, charts_of, text_of

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


def test_forecasts_says_how_to_get_one_when_none_is_published(empty: Dashboard) -> None:
    assert "Run `stocktide forecast`" in text_of(empty.draw("forecasts"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_forecasts_opens_at_the_top_with_its_children(filled: Dashboard, theme: str) -> None:
    drawn = filled.draw("forecasts", theme=theme)
    said = text_of(drawn)
    assert "**All**" in said
    assert "**By location**" in said
    fan, errors = charts_of(drawn)
    assert "All: " in fan
    assert "units in the next 14 days" in fan
    assert "Better than seasonal naive at" in errors
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
    assert "The run held no days out" in text_of(drawn)
    assert "This is the lowest level." in text_of(drawn)

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from dashboard.api_client import AWAY, decide_forecast
from dashboard.experiments.page import champion_and_rival, effect
from forecasting.publishing.publish import store_run
from stocktide.foundation.settings import Settings
from stocktide.foundation.users import Role
from tests.conftest import Api
from tests.dashboard.conftest import Dashboard, charts_of, text_of
from tests.dashboard.versions import drift, store_three, version
from tests.forecasting.publications import publication
from tests.system.running import free_port

TODAY = datetime.now(UTC).date()


@pytest.fixture
def versions(
    open_dashboard: Callable[..., Dashboard], database: sa.Engine, database_url: str
) -> Dashboard:
    store_three(database, end=TODAY)
    drift(database, end=TODAY - timedelta(days=1))
    return open_dashboard(database_url)


def test_experiments_says_how_to_begin_when_nothing_was_trained(empty: Dashboard) -> None:
    assert "Run `stocktide forecast`" in text_of(empty.draw("experiments"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_experiments_puts_champion_and_challenger_side_by_side(
    versions: Dashboard, theme: str
) -> None:
    drawn = versions.draw("experiments", theme=theme)
    said = text_of(drawn)
    assert "Current version: 2" in said
    assert "New version: 3" in said
    assert "Decision: **not published**" in said
    assert "Verdict" not in said
    assert "Lower error than the current version at 0 of 3 levels." in said
    assert [metric.value for metric in drawn.metric[:2]] == ["0.8800", "80%"]
    compare, *disagreements, history, drifted = charts_of(drawn)
    # three nodes above six leaves; all of them moved
    assert len(disagreements) == 9
    assert "Blue: version 3. Dashed: version 2." in said
    assert "vs seasonal naive" in compare
    assert "Error of published versions over time" in history
    assert "1 alarm in 20 days" in drifted
    table = drawn.dataframe[0].value
    assert table["version"].tolist() == [3, 2, 1]
    assert table["status"].tolist() == ["not published", "current version", "replaced"]
    decided = drawn.dataframe[2].value
    assert decided["action"].tolist() == ["reject", "promote", "promote"]


def test_experiments_shows_the_registry_s_decision_and_reason_and_none_of_its_own(
    open_dashboard: Callable[..., Dashboard], database: sa.Engine, database_url: str
) -> None:
    """An error that is the champion's own promotes: the page has no other opinion."""
    for days_ago in (2, 1):
        made = version(end=TODAY - timedelta(days=days_ago), chosen=0.8, weekly=1.0, trend=1.0)
        store_run(database, made, run_id=None)
    drawn = open_dashboard(database_url).draw("experiments")
    said = text_of(drawn)
    assert "Current version: 2" in said
    assert "Previous version: 1" in said
    assert "too close" not in said
    with database.begin() as connection:
        stored = connection.execute(sa.text("SELECT reason FROM forecast_models ORDER BY version"))
        reasons = stored.scalars().all()
    assert all(reason in said for reason in reasons)


def test_experiments_compares_the_versions_that_are_ticked_and_four_at_most(
    versions: Dashboard, database: sa.Engine
) -> None:
    store_three(database, end=TODAY)
    drawn = versions.draw("experiments")
    drawn.session_state["experiments.versions"] = {
        "selection": {"rows": [0, 1, 2, 3, 4], "columns": [], "cells": []}
    }
    drawn.run()
    assert not drawn.exception
    assert "5 versions are ticked" in drawn.warning[0].value
    different = drawn.dataframe[1].value
    assert different.columns.tolist()[1:] == [f"version {n}" for n in (6, 5, 4, 3)]
    assert "changepoint_prior_scale" in different["parameter"].tolist()
    assert "method" not in different["parameter"].tolist()


def test_experiments_says_so_when_the_two_cannot_be_compared_day_by_day(
    versions: Dashboard, database: sa.Engine
) -> None:
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE forecasts SET yhat = 1"))
    assert "Both forecast the same for every item" in text_of(versions.draw("experiments"))
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE forecast_runs SET pruned_at = now()"))
    assert "no longer stored" in text_of(versions.draw("experiments"))


def test_experiments_says_so_when_no_backtest_and_no_drift_is_known(
    open_dashboard: Callable[..., Dashboard], database: sa.Engine, database_url: str
) -> None:
    from forecasting.publishing.publish import publish

    publish(database, publication(), run_id=None)
    drawn = open_dashboard(database_url).draw("experiments")
    said = text_of(drawn)
    assert "There is no other version yet" in said
    assert "there is nothing to publish" in said
    assert "No backtest is stored for these versions" in said
    assert "No actuals yet for the forecast days" in said
    assert charts_of(drawn) == []


@pytest.mark.parametrize(("role", "buttons"), [("viewer", 0), ("planner", 2), ("operator", 2)])
def test_experiments_offers_deciding_to_those_who_may(
    versions: Dashboard, role: Role, buttons: int
) -> None:
    drawn = versions.draw("experiments", role=role)
    assert len(drawn.button) == buttons
    assert ("Planners and operators can" in text_of(drawn)) == (role == "viewer")


@pytest.fixture
def deciding(versions: Dashboard, api: Api) -> Dashboard:
    """The page with the real API behind it."""
    key = api.operate.headers["Authorization"].removeprefix("Bearer ")
    object.__setattr__(versions.reader, "settings", Settings(api_url=api.url, dashboard_key=key))
    return versions


def press(drawn: AppTest, key: str, reason: str) -> str:
    drawn.text_input(key="experiments.reason").set_value(reason)
    drawn.button(key=key).click().run()
    assert not drawn.exception
    return text_of(drawn) + "".join(box.value for box in [*drawn.warning, *drawn.success])


def test_experiments_rolls_back_and_publishes_and_says_who(
    deciding: Dashboard, database: sa.Engine
) -> None:
    drawn = deciding.draw("experiments", role="planner")
    assert drawn.button(key="experiments.rollback").label == "Roll back to version 1"
    assert "Enter a reason" in press(drawn, "experiments.rollback", " ")
    said = press(drawn, "experiments.rollback", "it ordered too much")
    assert "Version 1 is published in place of version 2." in said
    assert "Current version: 1" in said
    drawn.selectbox(key="experiments.version").set_value(3)
    said = press(drawn, "experiments.promote", "we know better")
    assert "Version 3 is published in place of version 1." in said
    assert "Current version: 3" in said
    with database.connect() as connection:
        who = connection.execute(
            sa.text(
                "SELECT decided_by, reason FROM forecast_decisions ORDER BY decision_id DESC LIMIT 2"
            )
        ).all()
    assert [tuple(row) for row in who] == [
        ("anna (key test operate)", "we know better"),
        ("anna (key test operate)", "it ordered too much"),
    ]


def test_decide_forecast_says_why_not(api: Api) -> None:
    key = api.operate.headers["Authorization"].removeprefix("Bearer ")
    done, said = decide_forecast("rollback", api.url, key, reason="x", user="anna")
    assert (done, said.startswith("Not done: No forecast is published")) == (False, True)
    reads = api.read.headers["Authorization"].removeprefix("Bearer ")
    for weak in (reads, None):
        done, said = decide_forecast("promote", api.url, weak, reason="x", user="a", version=1)
        assert (done, said.startswith("Not done: ")) == (False, True)
    away = f"http://127.0.0.1:{free_port()}"
    assert decide_forecast("rollback", away, key, reason="x", user="anna") == (False, AWAY)


def model(**other: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "status": "retired",
        "cutoff": "2026-03-01",
        "units_a_day": 100.0,
        "frequency": "D",
        "horizon": 28,
        "horizon_days": 28,
        **other,
    }


def test_effect_says_what_readers_would_see_change() -> None:
    other = model(version=2, units_a_day=110.0)
    assert effect(model(), other).startswith(
        "Version 2, trained to 2026-03-01: 110 units a day in total, +10.0% vs now."
    )
    later = effect(model(), model(version=2, units_a_day=110.0, cutoff="2026-03-08"))
    assert "110 units a day in total, not compared with now" in later
    assert effect(model(), model(units_a_day=None)) == "Version 1, trained to 2026-03-01."


def test_champion_and_rival_take_the_newest_of_the_others() -> None:
    rows = [model(version=3, status="rejected"), model(version=2, status="champion"), model()]
    champion, rival = champion_and_rival(pd.DataFrame(rows))
    assert champion is not None
    assert rival is not None
    assert (champion["version"], rival["version"]) == (2, 3)
    assert champion_and_rival(pd.DataFrame(rows[1:2]))[1] is None

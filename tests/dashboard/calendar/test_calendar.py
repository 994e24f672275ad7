from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from catalog.state import business_day
from dashboard.calendar.fields import missing, place_choices
from dashboard.calendar.figures import timeline, timeline_runs
from dashboard.calendar.form import recorded
from dashboard.calendar.words import body_of, for_what, in_words, terms, where
from dashboard.theme import DARK, LIGHT
from tests.conftest import Api
from tests.dashboard.charts import drawn as spec_of
from tests.dashboard.charts import marks
from tests.dashboard.conftest import Dashboard, charts_of, text_of

FIRST = date(2027, 3, 1)
NONE = dict.fromkeys(
    ("product", "product_name", "department", "category", "location", "location_name", "region", "country", "price",
     "currency", "discount", "value")
)  # fmt: skip


def plan(
    kind: str = "promotions", start: int = 0, days: int | None = 7, **changed: Any
) -> dict[str, Any]:
    """A plan as the query gives it; start counts from FIRST, days None: open."""
    begins = FIRST + timedelta(days=start)
    ends = None if days is None else begins + timedelta(days=days - 1)
    return {
        **NONE,
        "kind": kind,
        "label": "leaflet",
        "starts_on": begins,
        "ends_on": ends,
        **changed,
    }


def test_plan_is_told_in_words() -> None:
    product = plan(product="A", product_name="Apples", location="S1", discount=0.3)
    assert (for_what(product), where(product), terms(product)) == ("Apples", "S1", "30% off")
    chain = plan(category="Fruit", region="North", country="DE", price=1.29, currency="EUR")
    assert (for_what(chain), where(chain), terms(chain)) == ("Fruit", "North, DE", "EUR 1.29")
    heat = plan("regressors", value=17.5)
    assert (for_what(heat), where(heat), terms(heat)) == ("everything", "everywhere", "17.5")
    assert terms(plan("closures")) == ""


def test_body_is_what_the_api_takes() -> None:
    days = (FIRST, FIRST + timedelta(days=6))
    limits = {"product": "A", "location": ""}
    assert body_of("promotions", "leaflet", days, limits, discount=30.0, plan="p1") == {
        "id": "p1",
        "product": "A",
        "from": "2027-03-01",
        "to": "2027-03-07",
        "kind": "leaflet",
        "discount": 0.3,
    }
    kept = body_of("promotions", "leaflet", days, limits, price=1.29)
    assert (kept["price"], "discount" in kept) == (1.29, False)
    assert body_of("events", "Fair", days, {}, around=(1, 2)) == {
        "name": "Fair",
        "day": "2027-03-01",
        "days_before": 1,
        "days_after": 2,
    }
    assert body_of("closures", "open", days, {"location": "S1"})["state"] == "open"


def test_form_names_what_is_missing() -> None:
    assert missing("events", "", {}) == "Name"
    assert missing("promotions", "leaflet", {"product": ""}) == "Product (SKU)"
    assert missing("promotions", "leaflet", {"location": "S1"}) == ""


def test_places_are_offered_from_everywhere_to_one_location() -> None:
    places = pd.DataFrame(
        [("S1", "Mill", "North", "DE"), ("S2", None, "North", None)],
        columns=["code", "name", "region", "country"],
    )
    assert place_choices(places) == {
        "Everywhere": None,
        "Country DE": ("country", "DE"),
        "Region North": ("region", "North"),
        "Mill (S1)": ("location", "S1"),
        "S2": ("location", "S2"),
    }


def runs_of(*plans: dict[str, Any], days: int = 14) -> pd.DataFrame:
    return timeline_runs(in_words(pd.DataFrame(plans)), FIRST, days)


def test_timeline_counts_the_plans_of_a_row_day_by_day() -> None:
    runs = runs_of(
        plan(start=-3, days=5, product="A"),
        plan(start=1, days=3, product="B", discount=0.2),
        plan(start=20, days=2, product="C"),
        plan("prices", start=10, days=None, label="price", region="North"),
    )
    found = [
        (
            run["row"],
            (run["start"].date() - FIRST).days,
            (run["end"].date() - FIRST).days,
            run["count"],
        )
        for run in runs.to_dict("records")
    ]
    assert found == [
        ("leaflet · everywhere", 0, 1, 1),
        ("leaflet · everywhere", 1, 2, 2),
        ("leaflet · everywhere", 2, 4, 1),
        # what lies beyond the window is not in it
        ("price · North", 10, 14, 1),
    ]
    assert runs["names"].tolist()[1] == "A, B 20% off"


@pytest.mark.parametrize("role", [LIGHT, DARK])
def test_timeline_is_a_chart(role: Any) -> None:
    runs = runs_of(
        *(plan(product=f"P{n}", days=1 + n) for n in range(6)), plan("events", label="Fair")
    )
    assert "and 3 more" in runs["names"].iloc[0]
    spec = spec_of(timeline(runs, role, FIRST, 14, title="7 plans", subtitle="x"))
    assert marks(spec) == ["bar", "text"]
    x = spec["layer"][0]["encoding"]["x"]
    assert x["scale"]["domain"] == ["2027-03-01", "2027-03-15"]
    assert spec["layer"][0]["encoding"]["color"]["scale"]["domain"] == ["Promotions", "Events"]


def test_said_is_what_came_of_it() -> None:
    assert (
        recorded({"recorded": 0, "changed": 1, "unchanged": 0, "warnings": []})
        == "The plan is changed."
    )
    assert "already" in recorded({"recorded": 0, "changed": 0, "unchanged": 1})


@pytest.fixture
def desk(api: Api, before_api: Dashboard) -> Dashboard:
    """The page in front of the API, with two products and a place; nothing is planned."""
    products = [{"sku": "A", "name": "Apples"}, {"sku": "B"}]
    api.ingest.put("/v1/products", json={"products": products}).raise_for_status()
    api.ingest.put(
        "/v1/locations", json={"locations": [{"code": "S1", "region": "North"}]}
    ).raise_for_status()
    return before_api


def listed(api: Api, kind: str, **query: Any) -> list[dict[str, Any]]:
    plans: list[dict[str, Any]] = api.read.get(f"/v1/calendar/{kind}", params=query).json()[kind]
    return plans


def test_promotion_is_entered_changed_and_withdrawn(desk: Dashboard, api: Api) -> None:
    drawn = desk.draw("calendar", role="planner")
    assert "Nothing is planned for the coming 13 weeks." in text_of(drawn)
    drawn.button(key="calendar.save").click().run()
    assert drawn.warning[0].value == "Enter: Product (SKU)."
    drawn.text_input(key="calendar.promotions.new.product").input("Z")
    drawn.button(key="calendar.save").click().run()
    assert "there is no product 'Z'" in drawn.warning[0].value.replace("\\", "")
    drawn.text_input(key="calendar.promotions.new.product").input("A")
    drawn.selectbox(key="calendar.promotions.new.where").select("Region North")
    drawn.button(key="calendar.save").click().run()
    assert drawn.success[0].value == "The plan is saved."
    (saved,) = listed(api, "promotions")
    week = business_day(datetime.now(UTC), []) + timedelta(days=7)
    assert {
        "product": "A",
        "region": "North",
        "from": f"{week}",
        "to": f"{week + timedelta(days=6)}",
        "discount": 0.2,
        "recorded_by": "anna (key test operate)",
    }.items() <= saved.items()
    assert len(charts_of(drawn)) == 1
    assert drawn.dataframe[0].value["for_what"].tolist() == ["Apples"]
    chosen = {"selection": {"rows": [], "columns": [], "cells": [[0, "label"]]}}
    drawn.session_state["calendar.plans.All"] = chosen
    drawn.run()
    assert not drawn.exception
    key = f"calendar.promotions.{saved['id']}"
    drawn.number_input(key=f"{key}.discount").set_value(35.0)
    drawn.button(key="calendar.change").click().run()
    (changed,) = listed(api, "promotions")
    assert (changed["id"], changed["discount"]) == (saved["id"], 0.35)
    drawn.session_state["calendar.plans.All"] = chosen
    drawn.run()
    drawn.button(key="calendar.withdraw").click().run()
    assert listed(api, "promotions") == []
    assert len(listed(api, "promotions", history=True)) == 2
    assert "Nothing is planned" in text_of(drawn)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("events", {"name": "Fair", "days_before": 0}),
        ("closures", {"state": "closed", "location": None}),
    ],
)
def test_event_and_closure_are_entered(
    desk: Dashboard, api: Api, kind: str, fields: dict[str, Any]
) -> None:
    drawn = desk.draw("calendar")
    drawn.session_state["calendar.new.kind"] = kind
    drawn.run()
    if kind == "events":
        drawn.text_input(key="calendar.events.new.name").input("Fair")
        drawn.selectbox(key="calendar.events.new.scope").select("")
    drawn.button(key="calendar.save").click().run()
    assert not drawn.exception
    (saved,) = listed(api, kind)
    assert fields.items() <= saved.items()


def test_viewer_sees_plans_and_enters_none(desk: Dashboard, api: Api) -> None:
    body = {"name": "Fair", "day": f"{business_day(datetime.now(UTC), []) + timedelta(days=3)}"}
    api.ingest.put("/v1/calendar/events", json={"events": [body]}).raise_for_status()
    drawn = desk.draw("calendar", role="viewer")
    assert len(drawn.button) == 0
    assert "Planners and operators can enter" in text_of(drawn)
    assert drawn.dataframe[0].value["label"].tolist() == ["Fair"]
    narrowed = desk.draw("calendar", role="viewer", kind="Closures")
    assert "No closures are planned for these weeks." in text_of(narrowed)


def test_filters_leave_plans_of_a_shop_and_a_category_and_those_of_all(
    desk: Dashboard, api: Api
) -> None:
    products = [{"sku": "A", "department": "Fresh"}, {"sku": "B", "department": "Home"}]
    api.ingest.put("/v1/products", json={"products": products}).raise_for_status()
    places = [{"code": "S1", "region": "North"}, {"code": "S2", "region": "South"}]
    api.ingest.put("/v1/locations", json={"locations": places}).raise_for_status()
    day = business_day(datetime.now(UTC), []) + timedelta(days=3)
    scopes: dict[str, dict[str, str]] = {
        "everywhere": {}, "S1": {"location": "S1"}, "S2": {"location": "S2"}, "North": {"region": "North"},
    }  # fmt: skip
    bodies = [{"name": name, "day": f"{day}", **scope} for name, scope in scopes.items()]
    api.ingest.put("/v1/calendar/events", json={"events": bodies}).raise_for_status()
    promotions = [
        {"kind": sku, "product": sku, "from": f"{day}", "to": f"{day}", "discount": 0.1}
        for sku in ("A", "B")
    ]
    api.ingest.put("/v1/calendar/promotions", json={"promotions": promotions}).raise_for_status()

    def names(**query: str) -> set[str]:
        drawn = desk.draw("calendar", role="viewer", **query)
        return set(drawn.dataframe[0].value["label"])

    assert names() == {*scopes, "A", "B"}
    assert names(store="S1") == {"everywhere", "S1", "North", "A", "B"}
    assert names(store="S2", cat="Fresh") == {"everywhere", "S2", "A"}

"""Page Terms: what is in force, and what an edit of its table sends."""

from datetime import date
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from dashboard.terms.choosing import GROUPS, LEAD_TIMES, MISSING
from dashboard.terms.page import frame_of, read_terms, save
from dashboard.terms.words import KINDS
from ingest.terms import KINDS as TERM_KINDS
from tests.conftest import Api
from tests.dashboard.conftest import Dashboard, text_of
from tests.ingest.samples import raw


@pytest.fixture
def desk(api: Api, before_api: Dashboard) -> Dashboard:
    """The page in front of the API, with two suppliers."""
    api.operate.put("/v1/products", json={"products": [{"sku": "A"}]}).raise_for_status()
    suppliers = [{"supplier": "mill", "lead_days": 3}, {"supplier": "dairy", "cutoff": "16:00"}]
    api.operate.put("/v1/terms/suppliers", json={"suppliers": suppliers}).raise_for_status()
    return before_api


def edited(desk: Dashboard, name: str) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    terms, why = read_terms(desk.reader, name)
    assert why == ""
    return terms, frame_of(KINDS[name], terms)


def test_page_has_every_field_of_every_kind() -> None:
    assert {name: [*kind.columns] for name, kind in KINDS.items()}.keys() == TERM_KINDS.keys()
    for name, kind in KINDS.items():
        assert set(kind.columns) == set(TERM_KINDS[name].fields) - {"known_since"}
        about = [
            name.replace("from_", "from") if name == "from_" else name
            for name in TERM_KINDS[name].key
        ]
        assert set(list(kind.columns)[: kind.key]) == set(about)


def test_every_kind_is_in_one_group() -> None:
    grouped = [kind for group in GROUPS.values() for kind in group.kinds]
    assert sorted(grouped) == sorted([*KINDS, MISSING, LEAD_TIMES])


def test_a_group_opens_its_first_kind_and_the_address_names_it(desk: Dashboard) -> None:
    drawn = desk.draw("terms", role="buyer", kind="stock-costs")
    group = drawn.segmented_control(key="terms.group")
    assert (group.value, drawn.segmented_control(key="terms.targets").value) == (
        "targets",
        "stock-costs",
    )
    group.set_value("suppliers").run()
    assert not drawn.exception
    assert drawn.segmented_control(key="terms.suppliers").value == "suppliers"
    assert drawn.query_params["kind"] in ("suppliers", ["suppliers"])
    drawn.segmented_control(key="terms.group").set_value("missing").run()
    assert "Nothing is missing" in drawn.info[0].value
    assert "kind" not in drawn.query_params


def test_edit_sends_what_was_changed_added_and_taken_out(desk: Dashboard, api: Api) -> None:
    terms, frame = edited(desk, "suppliers")
    assert frame["supplier"].tolist() == ["mill", "dairy"]
    frame.loc[0, "lead_days"] = 4.0
    frame = frame.drop(index=1)
    new = pd.DataFrame([{"supplier": "orchard", "active": True}]).reindex(columns=frame.columns)
    frame = pd.concat([frame, new.astype(frame.dtypes)])
    done, said = save(desk.reader, "anna", "suppliers", terms, frame)
    assert (done, said) == (True, "1 added, 1 changed, 1 withdrawn.")
    rows = api.read.get("/v1/terms/suppliers").json()["suppliers"]
    assert {row["supplier"]: row["lead_days"] for row in rows} == {"mill": 4, "orchard": None}
    assert {row["recorded_by"] for row in rows} == {"anna (key test operate)"}
    terms, frame = edited(desk, "suppliers")
    assert (
        save(desk.reader, "anna", "suppliers", terms, frame)[1]
        == "0 added, 0 changed, 0 withdrawn."
    )


def test_edit_empties_a_cell_and_sends_no_row_that_stays(desk: Dashboard, api: Api) -> None:
    terms, frame = edited(desk, "suppliers")
    changed = {"suppliers": [{"supplier": "dairy", "cutoff": "18:00"}]}
    api.operate.put("/v1/terms/suppliers", json=changed).raise_for_status()
    frame.loc[0, "lead_days"] = float("nan")
    done, said = save(desk.reader, "anna", "suppliers", terms, frame)
    assert (done, said) == (
        True,
        "0 added, 1 changed, 0 withdrawn. Emptied: Lead days of 1 row.",
    )
    rows = api.read.get("/v1/terms/suppliers").json()["suppliers"]
    assert {row["supplier"]: row["cutoff"] for row in rows} == {"mill": None, "dairy": "18:00"}


def test_days_go_there_and_back(desk: Dashboard) -> None:
    _, frame = edited(desk, "supplier-days")
    frame.loc[0] = {
        "supplier": "mill",
        "from": date(2027, 1, 1),
        "to": date(2027, 1, 2),
        "state": "closed",
    }
    assert save(desk.reader, "anna", "supplier-days", [], frame)[0]
    _, again = edited(desk, "supplier-days")
    assert again["from"].tolist() == [date(2027, 1, 1)]


def test_what_is_wrong_is_named_and_nothing_is_saved(desk: Dashboard) -> None:
    terms, frame = edited(desk, "suppliers")
    frame.loc[0, "order_days"] = "monday"
    done, said = save(desk.reader, "anna", "suppliers", terms, frame)
    assert not done
    assert "'monday' is no day of the week" in said


def test_page_draws_a_table_and_a_viewer_changes_nothing(desk: Dashboard) -> None:
    drawn = desk.draw("terms", role="buyer", kind="suppliers")
    assert drawn.button(key="terms.save").disabled
    empty = desk.draw("terms", role="viewer", kind="price-breaks")
    assert "No price breaks yet" in empty.info[0].value
    assert "Buyers, planners and operators change terms." in text_of(empty)


def test_worklist_names_what_is_missing_and_what_stands_in_its_place(
    desk: Dashboard, api: Api
) -> None:
    nothing = desk.draw("terms")
    assert "Nothing is missing" in nothing.info[0].value
    api.operate.put("/v1/locations", json={"locations": [{"code": "S1"}]}).raise_for_status()
    api.operate.put(
        "/v1/products", json={"products": [{"sku": "A", "price": 2}]}
    ).raise_for_status()
    receipt = raw(kind="receipt", event_id="r", product="A", quantity=10)
    headers = {"Content-Type": "application/cloudevents+json"}
    api.operate.post("/v1/events", content=receipt, headers=headers).raise_for_status()
    (table,) = desk.draw("terms").dataframe
    assert table.value[["what", "default"]].values.tolist() == [
        ["supplier", "lines stand under 'unassigned'"],
        ["unit price", "60 % of the selling price"],
        ["pack", "single units"],
        ["lead time", "7 days"],
    ]
    sold = [{"supplier": "mill", "product": "A", "price": 1, "pack": 6}]
    api.operate.put(
        "/v1/terms/supplier-products", json={"supplier_products": sold}
    ).raise_for_status()
    assert "Nothing is missing" in desk.draw("terms").info[0].value


def test_lead_times_stand_beside_what_is_promised(desk: Dashboard, database: sa.Engine) -> None:
    assert "No lead time has been learnt yet" in text_of(desk.draw("terms", kind="lead-times"))
    with database.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO lead_times (supplier, product, lines, open_lines, unfulfilled, shares, lake_version)"
                " VALUES (:supplier, :product, 30, 2, 0.01, ARRAY[0, 0, 0.5, 0, 0.5], 1)"
            ),
            [
                {"supplier": "mill", "product": "A"},
                {"supplier": "mill", "product": None},
                {"supplier": "dairy", "product": "gone"},
            ],
        )
    rows = desk.draw("terms", kind="lead-times").dataframe[0].value
    assert rows["name"].tolist() == ["gone", "all products", "A"]
    assert rows["promised_days"].fillna(-1).tolist() == [-1, 3, 3]
    assert rows[["mean_days", "p10", "p50", "p90", "lines"]].iloc[2].tolist() == [3, 2, 2, 4, 30]

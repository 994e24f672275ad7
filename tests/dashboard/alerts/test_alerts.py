import sqlalchemy as sa

from alerts.evaluation import evaluate_late_orders
from dashboard.alerts.page import RULES, subject_of
from tests.dashboard.conftest import Dashboard, click, links_of, text_of


def test_alerts_name_products_and_shops_and_count_them(filled: Dashboard) -> None:
    drawn = filled.draw("alerts")
    shown = drawn.dataframe[0].value
    assert {"Apples", "Mill"} <= set(shown["subject"]) | set(shown["location_name"])
    assert not set(shown["subject"]) & {"A at S1", "A at S2"}
    # each with what to do about it, and with its unit
    assert shown["advice"].notna().all()
    assert shown["last"].str.contains("units|kg").all()
    assert f"{len(shown)} of {len(shown)} open alert" in text_of(drawn)


def test_alerts_are_narrowed_by_rule_shop_and_product(filled: Dashboard) -> None:
    everything = filled.draw("alerts").dataframe[0].value
    words = everything["rule"].iloc[0]
    assert words in RULES
    assert set(filled.draw("alerts", rule=words).dataframe[0].value["rule"]) == {words}
    assert set(filled.draw("alerts", store="Mill").dataframe[0].value["location_name"]) == {"Mill"}
    assert set(filled.draw("alerts", product="A").dataframe[0].value["sku"]) == {"A"}
    nothing = filled.draw("alerts", product="none")
    assert "No alert that is asked for is open" in text_of(nothing)


def test_an_alert_leads_to_its_product(filled: Dashboard) -> None:
    drawn = filled.draw("alerts", product="A")
    number = drawn.dataframe[0].value
    click(drawn, "subject")
    drawn.run()
    assert not drawn.exception
    assert any(link.page == "products" and "sku=A" in link.query_string for link in links_of(drawn))
    assert f"{number['rule'].iloc[0]}: Apples at" in text_of(drawn)


def test_the_strip_of_every_page_counts_open_alerts(filled: Dashboard) -> None:
    found = len(filled.draw("alerts").dataframe[0].value)
    for page in ("overview", "system"):
        labels = [link.label for link in links_of(filled.draw(page)) if link.page == "alerts"]
        assert f"{found} open alert{'s' if found != 1 else ''}" in labels


def test_an_alert_of_a_feed_is_about_the_feed() -> None:
    assert subject_of({"feed": "till 1", "order_id": None, "product": None}) == "till 1"
    assert (
        subject_of({"feed": None, "order_id": None, "product": "A", "location_name": "B"})
        == "A at B"
    )
    order = {
        "rule": "late_order",
        "feed": None,
        "order_id": "PO-1",
        "details": {"supplier": "Orchard"},
    }
    assert subject_of(order) == "PO-1 of Orchard"
    sent = {
        "rule": "late_transfer",
        "feed": None,
        "order_id": "TR-1",
        "details": {"supplier": "WH"},
    }
    assert subject_of(sent) == "TR-1 from WH"


def test_a_late_order_is_one_row_that_says_what_is_late(
    before_api: Dashboard, database: sa.Engine
) -> None:
    with database.begin() as connection:
        connection.execute(sa.text("INSERT INTO products (sku, name) VALUES ('A', 'Apples')"))
        connection.execute(
            sa.text("INSERT INTO locations (code, name) VALUES ('S1', 'Mill'), ('S2', 'Harbour')")
        )
        connection.execute(
            sa.text(
                "INSERT INTO commitments (purpose, reference, product_id, location_id, opened_milli, expected_on)"
                " SELECT 'on_order', 'PO-1', product_id, location_id, 5000, DATE '2026-01-02'"
                " FROM products CROSS JOIN locations"
            )
        )
        assert evaluate_late_orders(connection).opened == 1
        number = connection.execute(
            sa.text("SELECT alert_id FROM alerts WHERE order_id = 'PO-1'")
        ).scalar_one()
    shown = before_api.draw("alerts", rule="Late order").dataframe[0].value
    assert shown[["subject", "last", "allowed"]].values.tolist() == [["PO-1", "2 lines", ""]]
    assert shown["location_name"].tolist() == ["2 shops"]
    assert len(before_api.draw("alerts", rule="Late order", store="Mill").dataframe[0].value) == 1
    said = text_of(before_api.draw("alerts", alert=str(number))).replace("\\", "")
    assert "Late order: PO-1" in said
    assert "2 lines should have come by 2026-01-02" in said
    assert "Another system made this order" in said

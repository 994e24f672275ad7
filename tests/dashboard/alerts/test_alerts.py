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
    order = {"feed": None, "order_id": "PO-1", "details": {"supplier": "Orchard"}}
    assert subject_of(order) == "PO-1 of Orchard"

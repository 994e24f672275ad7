from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO

import pandas as pd
import pytest

from dashboard.arrivals import delivery_words
from dashboard.filters import Filters
from dashboard.panels import csv_of, rows_words
from dashboard.risk.page import read_risk
from tests.dashboard.conftest import Dashboard, links_of, text_of


def test_overview_sentences_lead_to_their_lists(filled: Dashboard) -> None:
    drawn = filled.draw("overview")
    links = {link.label.split("**")[1]: link for link in links_of(drawn) if "**" in link.label}
    assert links["1 shelf out of stock"].page == "products"
    assert links["1 shelf out of stock"].query_string == "state=Out+of+stock"
    assert links["1 of 1 shelf sensor"].query_string == "rule=Sensor+disagrees"
    (running_out,) = [link for name, link in links.items() if "run empty" in name]
    assert running_out.page == "risk"


def test_links_keep_the_filters_of_the_page(filled: Dashboard) -> None:
    links = links_of(filled.draw("overview", store="Mill", period="28 days"))
    assert links
    assert all("store=Mill" in link.query_string for link in links)


def test_stock_risk_lists_what_runs_out_with_money_at_risk_first(filled: Dashboard) -> None:
    drawn = filled.draw("risk")
    rows = read_risk(filled.reader, Filters(), limit=None)
    assert rows["sku"].tolist() == ["A"]
    (row,) = rows.to_dict("records")
    assert row["cover"] == pytest.approx(7 * row["on_hand"] / row["week"])
    assert row["missing"] == pytest.approx(row["week"] - row["on_hand"])
    assert row["at_risk"] == pytest.approx(2 * row["missing"])
    shown = drawn.dataframe[0].value.iloc[0]
    assert (shown["name"], shown["location"], shown["on_hand"]) == ("Apples", "Mill", 5)
    assert shown["delivery"] == "none on order"
    assert "**1 shelf will probably run empty within a week**" in text_of(drawn)
    assert "1 of 1 shelf · as of" in text_of(drawn)


def test_stock_risk_says_whose_shelves_do_not_run_out(filled: Dashboard) -> None:
    for drawn, whose in (
        (filled.draw("risk", store="High Street"), "High Street"),
        (filled.draw("risk", cat="Home"), "Home"),
    ):
        assert f"No shelf of {whose} with known stock" in text_of(drawn)


def test_a_filter_that_the_chain_does_not_have_counts_as_all(filled: Dashboard) -> None:
    assert len(filled.draw("risk", store="Nowhere").dataframe[0].value) == 1


def test_delivery_is_named_by_its_day_or_by_what_is_not_known() -> None:
    day = date(2026, 3, 5)
    assert delivery_words(5.0, day, day) == "Thu 5 Mar"
    assert delivery_words(5.0, day, day + timedelta(days=1)) == "Thu 5 Mar, late"
    assert delivery_words(5.0, None, day) == "on order, day unknown"
    assert delivery_words(None, None, day) == "none on order"


def test_csv_holds_every_row_unrounded_and_names_that_have_commas() -> None:
    frame = pd.DataFrame({"name": ["Oranges, 2 kg", 'a "b"', "ä"], "units": [1 / 3, 2.0, None]})
    again = pd.read_csv(BytesIO(csv_of(frame)))
    pd.testing.assert_frame_equal(again, frame)


def test_rows_are_counted_with_their_noun() -> None:
    assert rows_words(50, 1_234, "shelf", "shelves") == "50 of 1,234 shelves"
    assert rows_words(1, 1) == "1 of 1 row"


def test_filters_name_what_is_shown() -> None:
    everything = Filters()
    assert (everything.is_all, everything.among("10 shelves")) == (True, "10 shelves")
    mill = replace(everything, location="S2", shop="Mill", department="Fresh", group="Fresh")
    assert mill.among("10 shelves") == "10 shelves, Mill, Fresh"

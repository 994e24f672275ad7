"""Replays are kept, and a report says what they found."""

from datetime import date
from typing import Any

import sqlalchemy as sa

from catalog.replay_report import replay_html
from catalog.replay_words import headline
from catalog.replays import keep_replay, list_replays, read_replay


def result(**changed: Any) -> dict[str, Any]:
    def one(name: str, knob: float, fill: float, stock: float) -> dict[str, Any]:
        rest = dict.fromkeys(
            ("cycle_service", "mean_position", "missed", "short", "wasted", "orders", "deliveries", "cost"), 1.0
        )  # fmt: skip
        return {
            **rest,
            "name": name,
            "knob": knob,
            "fill_rate": fill,
            "mean_stock": stock,
            "mean_stock_low": stock - 1,
            "mean_stock_high": stock + 1,
        }

    made = {
        "options": {"weeks": 26, "targets": [0.9, 0.97], "lead_days": 7, "lead_spread": 3, "review_days": 7},
        "as_of": "2026-11-29",
        "items": 12,
        "censored": {"periods": 0.05, "units": 0.02},
        "terms_known": 3,
        "policies": [one("stocktide", 0.97, 0.97, 80), one("(s, S)", 2, 0.96, 100)],
        "saved": [{"target": 0.97, "stocktide": 80.0, "(s, S)": 100.0, "naive": None}],
        "worst": [{"product": "<b>Jam</b>", "location": "S1", "demand": 10.0, "missed": 2.0,
                   "fill_rate": 0.8, "mean_stock": 1.0}],
    }  # fmt: skip
    return {**made, **changed}


def test_a_replay_is_kept_and_the_newest_comes_first(database: sa.Engine) -> None:
    with database.begin() as connection:
        first, second = (keep_replay(connection, result(items=n), by="ana") for n in (1, 2))
        assert [one["replay_id"] for one in list_replays(connection)] == [second, first]
        kept = read_replay(connection, second)
        assert kept is not None
        assert kept["items"] == 2
        assert read_replay(connection, second + 1) is None


def test_the_report_names_the_saving_and_trusts_no_name() -> None:
    page = replay_html(result(currency="EUR"), made=date(2026, 11, 30))
    assert "Money is in EUR." in page
    assert "20.0% less than the better of the two usual rules (100)" in page
    assert "&lt;b&gt;Jam&lt;/b&gt;" in page
    assert "http" not in page
    assert page.count("<circle") == 2


def test_policies_that_do_not_meet_are_not_compared() -> None:
    found = headline(result(saved=[{"target": 0.97, "stocktide": 80.0, "(s, S)": None}]))
    assert "not every policy was played on both sides of a fill rate of 97%" in found

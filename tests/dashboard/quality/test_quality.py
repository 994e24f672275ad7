"""The page Quality: nothing checked, nothing wrong, and something wrong with the way to it."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
import sqlalchemy as sa

from tests.dashboard.conftest import Dashboard, click, links_of, text_of

CHECK = """
INSERT INTO quality_checks (rule, what, severity, rows, failed, since, sample, checked_at)
VALUES (:rule, 'What fails.', :severity, 40, :failed, '2026-03-01', :sample, now() - make_interval(days => :back))
"""
ROW = {"product_id": 7, "sku": "MILK-1L", "location": "S1", "day": "2026-03-02", "price": 500.0}


@pytest.fixture
def quality(open_dashboard: Callable[..., Dashboard], database_url: str) -> Dashboard:
    return open_dashboard(database_url)


def check(engine: sa.Engine, rule: str, severity: str, failed: int, *, back: int = 0) -> None:
    binds: dict[str, Any] = {
        "rule": rule,
        "severity": severity,
        "failed": failed,
        "back": back,
        "sample": json.dumps([ROW] if failed else []),
    }
    with engine.begin() as connection:
        connection.execute(sa.text(CHECK), binds)


def test_quality_says_how_to_begin_when_nothing_is_checked(quality: Dashboard) -> None:
    assert "Nothing is checked yet" in text_of(quality.draw("quality"))


def test_quality_says_that_nothing_needs_attention(quality: Dashboard, database: sa.Engine) -> None:
    check(database, "price_jumps", "warning", 0)
    check(database, "late_days", "notice", 0)
    assert "Nothing needs attention: 2 rules checked" in text_of(quality.draw("quality"))


def test_quality_shows_what_fails_its_trend_and_the_rows(
    quality: Dashboard, database: sa.Engine
) -> None:
    check(database, "price_jumps", "warning", 1, back=1)
    check(database, "price_jumps", "warning", 3)
    check(database, "late_days", "notice", 0)
    page = quality.draw("quality")
    assert "1 rule of 2 found something" in text_of(page)
    assert "price jumps, 3 of 40 rows" in text_of(page)
    rules, rows = (frame.value for frame in page.dataframe)
    assert list(rules["trend"].iloc[0]) == [1, 3]
    assert list(rows.columns) == ["sku", "location", "day", "price"]
    assert "1 of 3 failing rows" in text_of(page)


def test_a_row_that_fails_leads_to_its_product_and_its_events(
    quality: Dashboard, database: sa.Engine
) -> None:
    check(database, "price_jumps", "warning", 3)
    page = quality.draw("quality")
    click(page, "sku", table=1)
    page.run()
    links = {link.label: dict(parse_qsl(link.query_string)) for link in links_of(page)}
    assert links["Events behind it"] == {
        "of_product": "MILK-1L",
        "of_shop": "S1",
        "of_first": "2026-03-02",
        "of_last": "2026-03-02",
        "of_table": "movements",
    }
    assert any(link["sku"] == "MILK-1L" for link in links.values() if "sku" in link)

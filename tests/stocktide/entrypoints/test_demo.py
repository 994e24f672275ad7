from typing import Any

from stocktide.entrypoints.demo import describe_forecast


def report(**other: Any) -> dict[str, Any]:
    return {
        "nodes": 592,
        "horizon_days": 28,
        "frequency": "D",
        "cutoff": "2026-03-01",
        "lake_version": 3,
        "winner": "BU log1p",
        "version": 1,
        "published": True,
        "reason": "It is the first forecast.",
        "wape": {"total": [0.08, 0.12], "location": [0.2, 0.19]},
        **other,
    }


def test_describe_forecast_says_what_won_what_became_of_it_and_how_it_erred() -> None:
    assert describe_forecast(report()) == (
        "592 nodes x 28 days, trained to 2026-03-01 on data version 3; BU log1p won; "
        "version 1 published: It is the first forecast; WAPE at level total 8.0%, seasonal naive 12.0%; "
        "no worse than it at 1 of 2 levels"
    )


def test_describe_forecast_counts_the_periods_of_the_forecast() -> None:
    assert "592 nodes x 13 weeks, trained" in describe_forecast(
        report(frequency="W", horizon_days=13)
    )


def test_describe_forecast_does_not_call_published_what_was_kept() -> None:
    said = describe_forecast(
        report(published=False, version=2, reason="the current version errs less")
    )
    assert "version 2 kept, not published: the current version errs less" in said


def test_describe_forecast_says_so_when_nothing_was_tested() -> None:
    assert describe_forecast(report(wape={})).endswith("the history is too short to test on")

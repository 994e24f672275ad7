import calendar
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.experts.cycles import CYCLES
from forecasting.experts.terms import KINDS, Priors, Terms, build_terms
from forecasting.frames.frequency import FREQUENCIES, Frequency
from stocktide.foundation.errors import Invalid

ALIAS = {"D": "D", "W": "W-WED", "M": "MS", "Q": "QS"}


def dates_of(frequency: Frequency, periods: int, first: str = "2021-01-01") -> pd.DatetimeIndex:
    return pd.date_range(first, periods=periods, freq=ALIAS[frequency])


def column(terms: Terms, key: str) -> NDArray[np.float64]:
    return np.asarray(terms.values[:, terms.key.index(key)])


def event(day: str, *, name: str = "Fair", before: int = 0, after: int = 0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": [name],
            "day": [pd.Timestamp(day)],
            "days_before": [before],
            "days_after": [after],
        }
    )


@pytest.mark.parametrize(
    ("frequency", "kinds"),
    [
        ("D", {"week": 6, "year": 20, "month": 30}),
        ("W", {"year": 20}),
        ("M", {"year": 12, "trading": 7}),
        ("Q", {"year": 4}),
    ],
)
def test_a_rhythm_has_the_cycles_that_its_periods_can_show(
    frequency: Frequency, kinds: dict[str, int]
) -> None:
    terms = build_terms(CYCLES[frequency], dates_of(frequency, 40))
    assert {kind: terms.kind.count(kind) for kind in set(terms.kind)} == kinds
    assert len(set(terms.key)) == len(terms.key) == terms.values.shape[1]
    assert set(terms.kind) <= set(KINDS)


def test_a_day_of_the_month_has_the_same_wave_in_each_month_of_its_length() -> None:
    dates = dates_of("D", 400)
    terms = build_terms(CYCLES["D"], dates)
    monthly = terms.values[:, [k for k, kind in enumerate(terms.kind) if kind == "month"]]
    long = monthly[(dates.day == 15) & (dates.days_in_month == 31)]
    np.testing.assert_allclose(long - long[0], 0, atol=1e-9)
    angle = 2 * np.pi * 14 / 31
    np.testing.assert_allclose(long[0, :4], [np.sin(angle), np.cos(angle), *_twice(angle)])


def _twice(angle: float) -> tuple[float, float]:
    return float(np.sin(2 * angle)), float(np.cos(2 * angle))


@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_higher_harmonics_of_a_year_of_days_are_held_tighter(frequency: Frequency) -> None:
    terms = build_terms(CYCLES[frequency], dates_of(frequency, 60))
    scale = terms.columns(Priors(year=0.6), ("year",)).scale
    expected = np.ones(scale.size)
    if frequency in ("D", "W"):
        expected = np.repeat(1.0 / np.arange(1, scale.size // 2 + 1), 2)
    np.testing.assert_allclose(scale, 0.6 * expected)


@given(start=st.integers(0, 2000), offset=st.integers(0, 200))
def test_a_week_that_holds_a_holiday_is_marked_whether_labelled_by_its_first_or_last_day(
    start: int, offset: int
) -> None:
    labels = pd.date_range(
        pd.Timestamp("2018-01-01") + pd.Timedelta(days=start), periods=30, freq="7D"
    )
    day = labels[0] + pd.Timedelta(days=offset)
    terms = build_terms(CYCLES["W"], labels, events=event(str(day.date())))
    held = {
        "from": [label <= day <= label + pd.Timedelta(days=6) for label in labels],
        "to": [label - pd.Timedelta(days=6) <= day <= label for label in labels],
    }
    for side, wanted in held.items():
        if any(wanted):
            np.testing.assert_array_equal(column(terms, f"Fair|{side}"), wanted)
        else:
            assert f"Fair|{side}" not in terms.key


@pytest.mark.parametrize("alias", ["MS", "ME"])
def test_trading_days_count_the_weekdays_of_a_month_however_it_is_labelled(alias: str) -> None:
    dates = pd.date_range("2019-01-01", periods=60, freq=alias)
    terms = build_terms(CYCLES["M"], dates)
    for weekday in range(7):
        counted = [
            sum(week[weekday] > 0 for week in calendar.monthcalendar(day.year, day.month))
            for day in dates
        ]
        beyond = column(terms, f"trading days{weekday}")
        np.testing.assert_allclose(beyond - beyond[0], np.array(counted) - counted[0])
    # over the 28 years after which dates fall on the same weekdays they cancel out
    cycle = build_terms(CYCLES["M"], pd.date_range("1904-01-01", periods=28 * 12, freq="MS"))
    at = [k for k, kind in enumerate(cycle.kind) if kind == "trading"]
    np.testing.assert_allclose(cycle.values[:, at].mean(axis=0), 0, atol=2e-4)


@settings(max_examples=30)
@given(
    frequency=st.sampled_from(FREQUENCIES),
    first=st.integers(0, 100),
    periods=st.integers(1, 100),
)
def test_terms_over_a_part_of_the_dates_are_those_built_over_it(
    frequency: Frequency, first: int, periods: int
) -> None:
    dates = dates_of(frequency, 200)
    events = event("2021-03-10", before=1, after=2)
    whole = build_terms(CYCLES[frequency], dates, countries=("GB",), events=events)
    taken = whole.part(first, periods)
    built = build_terms(
        CYCLES[frequency], dates[first : first + periods], countries=("GB",), events=events
    )
    assert taken.values.shape[0] == periods
    shared = [key for key in built.key if key in taken.key]
    regular = [key for key, kind in zip(whole.key, whole.kind, strict=True) if "holi" not in kind]
    assert set(regular) <= set(shared)
    for key in shared:
        np.testing.assert_allclose(column(taken, key), column(built, key), atol=1e-9)


def test_a_holiday_has_a_column_for_each_day_around_it() -> None:
    dates = dates_of("D", 800)
    terms = build_terms(CYCLES["D"], dates, countries=("GB",))
    for offset in (-2, -1, 0, 1):
        on = dates[column(terms, f"Christmas Day|{offset:+d}") > 0]
        christmas = pd.DatetimeIndex(["2021-12-25", "2022-12-25"]) + pd.Timedelta(days=offset)
        assert on.tolist() == christmas.tolist()
    part = terms.component[terms.key.index("Christmas Day|+0")]
    assert part == terms.component[terms.key.index("Easter Sunday|+0")] == "holidays"


def test_an_event_has_the_days_that_it_was_given_and_is_a_part_of_its_own() -> None:
    dates = dates_of("D", 60)
    terms = build_terms(CYCLES["D"], dates, events=event("2021-02-10", before=1, after=2))
    found = {key: dates[column(terms, key) > 0] for key in terms.key if key.startswith("Fair")}
    assert {key: days[0].day for key, days in found.items()} == {
        "Fair|-1": 9,
        "Fair|+0": 10,
        "Fair|+1": 11,
        "Fair|+2": 12,
    }
    assert terms.component[terms.key.index("Fair|+0")] == "Fair"


def test_an_event_that_recurs_with_other_windows_has_each_day_where_it_holds() -> None:
    both = pd.concat([event("2021-02-10", before=1), event("2021-03-10", after=1)])
    dates = dates_of("D", 90)
    terms = build_terms(CYCLES["D"], dates, events=both)
    assert dates[column(terms, "Fair|-1") > 0].tolist() == [pd.Timestamp("2021-02-09")]
    assert dates[column(terms, "Fair|+1") > 0].tolist() == [pd.Timestamp("2021-03-11")]
    assert dates[column(terms, "Fair|+0") > 0].size == 2


def test_easter_marks_the_month_that_it_falls_into_and_a_fixed_day_marks_none() -> None:
    dates = pd.date_range("2021-01-31", periods=48, freq="ME")
    terms = build_terms(CYCLES["M"], dates, countries=("GB",))
    months = dates[column(terms, "Easter Sunday|in") > 0].strftime("%Y-%m").tolist()
    assert months == ["2021-04", "2022-04", "2023-04", "2024-03"]
    assert not any("Christmas" in key for key in terms.key)


def test_countries_keep_their_holidays_apart() -> None:
    dates = dates_of("D", 400)
    terms = build_terms(CYCLES["D"], dates, countries=("DE", "GB"))
    assert {"DE Christmas Day|+0", "GB Christmas Day|+0"} <= set(terms.key)
    with pytest.raises(Invalid, match="XX"):
        build_terms(CYCLES["D"], dates, countries=("XX",))


def test_columns_take_the_prior_of_their_kind_and_leave_out_the_others() -> None:
    terms = build_terms(CYCLES["D"], dates_of("D", 400), countries=("GB",))
    priors = replace(Priors(), week=2.0, holiday=0.5)
    of = terms.columns(priors, ("week", "holiday"))
    assert set(of.component) == {"weekly", "holidays"}
    scales = {c: set(of.scale[[x == c for x in of.component]]) for c in set(of.component)}
    assert scales == {"weekly": {2.0}, "holidays": {0.5}}
    assert of.values.shape == (400, len(of.key))

import numpy as np
import pandas as pd
import pytest

from forecasting.experts.calendar import Calendar, make_calendar
from forecasting.experts.cycles import CYCLES
from forecasting.nodes.known_ahead import KnownAhead
from forecasting.structure.hierarchy import build_hierarchy
from tests.forecasting.demands import LEAVES

HIERARCHY = build_hierarchy([[], ["location"], ["department"], ["location", "product"]], LEAVES)
DATES = pd.date_range("2024-01-01", periods=500)
EVENTS = pd.DataFrame(
    {
        "name": ["Fair", "Food week", "Nowhere", "Match"],
        "day": pd.to_datetime(["2024-03-10", "2024-04-10", "2024-05-10", "2024-06-10"]),
        "days_before": 0,
        "days_after": 0,
        "recorded": [pd.NaT, pd.NaT, pd.NaT, pd.Timestamp("2024-05-20")],
        "location": ["S1", None, "S9", "S3"],
        "department": [None, "Food", None, None],
    }
)


def calendar_of(ahead: KnownAhead, *, country: str | None = None) -> Calendar:
    return make_calendar(HIERARCHY, LEAVES, CYCLES["D"], DATES, ahead, country=country)


def parts_by_node(calendar: Calendar, level: int, known: str = "2025-01-01") -> dict[str, set[str]]:
    """Name the calendar's special parts of each node of a level."""
    names = HIERARCHY.nodes["unique_id"].to_numpy()[HIERARCHY.rows(level)]
    found = {}
    for rows, terms in calendar.terms(level, DATES, pd.Timestamp(known)):
        special = {
            c for c, k in zip(terms.component, terms.kind, strict=True) if k.startswith("holiday")
        }
        found.update({str(names[row]): special for row in rows})
    assert len(found) == names.size
    return found


def test_an_event_reaches_the_nodes_that_hold_some_leaf_of_it_and_no_other() -> None:
    calendar = calendar_of(KnownAhead(events=EVENTS))
    assert parts_by_node(calendar, 0)["total"] == {"Fair", "Food week", "Match"}
    assert parts_by_node(calendar, 1) == {
        "S1": {"Fair", "Food week"},
        "S2": {"Food week"},
        "S3": {"Food week", "Match"},
    }
    assert parts_by_node(calendar, 2) == {
        "Food": {"Fair", "Food week", "Match"},
        "Home": {"Fair", "Match"},
    }
    leaves = parts_by_node(calendar, 3)
    assert leaves["S1/P1"] == {"Fair", "Food week"}
    assert leaves["S2/P3"] == set()
    assert leaves["S3/P4"] == {"Match"}


def test_an_event_is_not_seen_before_the_day_that_it_was_recorded_on() -> None:
    calendar = calendar_of(KnownAhead(events=EVENTS))
    assert "Match" not in parts_by_node(calendar, 1, "2024-05-19")["S3"]
    assert "Match" in parts_by_node(calendar, 1, "2024-05-20")["S3"]
    # asked in the other order, for what is built is kept
    assert "Match" not in parts_by_node(calendar, 1, "2024-05-19")["S3"]


def test_an_event_that_was_taken_back_is_seen_until_then() -> None:
    ended = EVENTS.iloc[[3]].assign(
        recorded=pd.Timestamp("2024-02-01"), withdrawn=pd.Timestamp("2024-04-01")
    )
    calendar = calendar_of(KnownAhead(events=EVENTS.iloc[:0], ended_events=ended))
    assert parts_by_node(calendar, 0, "2024-01-31")["total"] == set()
    assert parts_by_node(calendar, 0, "2024-03-31")["total"] == {"Match"}
    assert parts_by_node(calendar, 0, "2024-04-01")["total"] == set()


def test_holidays_are_those_of_a_location_s_country() -> None:
    countries = np.where(
        LEAVES["location"] == "S1", "DE", np.where(LEAVES["location"] == "S2", "", "GB")
    )
    calendar = calendar_of(KnownAhead(countries=countries.astype(np.str_)))

    def names(level: int, node: int) -> set[str]:
        for rows, terms in calendar.terms(level, DATES, DATES[-1]):
            if node in rows:
                return {
                    k.split("|")[0]
                    for k, c in zip(terms.key, terms.component, strict=True)
                    if c == "holidays"
                }
        raise AssertionError(node)

    assert "German Unity Day" in names(1, 0)
    assert "Boxing Day" not in names(1, 0)
    assert names(1, 1) == set()
    assert "Boxing Day" in names(1, 2)
    # the chain has both, each under its country
    assert {"DE German Unity Day", "GB Boxing Day"} <= names(0, 0)


def test_the_setting_s_country_counts_where_a_location_names_none() -> None:
    countries = np.where(LEAVES["location"] == "S1", "DE", "").astype(np.str_)
    calendar = calendar_of(KnownAhead(countries=countries), country="GB")
    found = {
        tuple(rows): {k.split("|")[0] for k in terms.key}
        for rows, terms in calendar.terms(1, DATES, DATES[-1])
    }
    assert "German Unity Day" in found[(0,)]
    assert "Boxing Day" in found[(1, 2)]


@pytest.mark.parametrize(("first", "periods"), [(0, 500), (0, 200), (100, 50)])
def test_an_origin_sees_its_dates_of_the_same_columns(first: int, periods: int) -> None:
    calendar = calendar_of(KnownAhead(events=EVENTS), country="GB")
    whole = dict(_by_rows(calendar, DATES))
    part = dict(_by_rows(calendar, DATES[first : first + periods]))
    assert whole.keys() == part.keys()
    for rows, values in part.items():
        np.testing.assert_array_equal(values, whole[rows][first : first + periods])
    assert calendar.plain(DATES[first : first + periods]).values.shape[0] == periods


def _by_rows(
    calendar: Calendar, dates: pd.DatetimeIndex
) -> list[tuple[tuple[int, ...], np.ndarray]]:
    known = DATES[-1]
    return [(tuple(rows), terms.values) for rows, terms in calendar.terms(3, dates, known)]

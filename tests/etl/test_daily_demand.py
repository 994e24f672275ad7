"""daily_demand against a slow, plain reading of the same movements."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl import run_etl
from etl.delta import open_table
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.examples import examples
from tests.ingest.samples import START, raw

pytestmark = pytest.mark.usefixtures("days_only")

MINUTES = 60 * 24 * 4


def reference(events: list[dict[str, Any]]) -> dict[date, dict[str, Any]]:
    """One pair's days, worked out event by event."""
    ordered = sorted(
        enumerate(events),
        key=lambda item: (item[1]["minute"], item[1]["kind"] == "stocktake", item[0]),
    )
    days: dict[date, dict[str, Any]] = defaultdict(
        lambda: {"sold": 0, "returned": 0, "on_hand": None}
    )
    balance, known = 0, False
    for _, e in ordered:
        day = days[(START + timedelta(minutes=e["minute"])).date()]
        if e["kind"] == "stocktake":
            balance, known = e["counted"], True
        else:
            balance += -e["quantity"] if e["kind"] == "sale" else e["quantity"]
            known = known or e["kind"] == "receipt"
        day["sold"] += e["quantity"] if e["kind"] == "sale" else 0
        day["returned"] += e["quantity"] if e["kind"] == "return" else 0
        day["on_hand"] = balance if known else None
    return days


one = st.one_of(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["sale", "return", "receipt", "adjustment"]),
            "minute": st.integers(0, MINUTES),
            "quantity": st.integers(1, 9),
        }
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("stocktake"),
            "minute": st.integers(0, MINUTES),
            "counted": st.integers(0, 9),
        }
    ),
)


PAIRS = 3


@settings(max_examples=examples(6), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(
        st.lists(st.tuples(st.integers(0, PAIRS - 1), one), min_size=1, max_size=6 * PAIRS),
        min_size=1,
        max_size=3,
    )
)
def test_daily_demand_is_the_reference_however_events_arrive(
    database: sa.Engine, tmp_path_factory: Any, batches: list[list[tuple[int, dict[str, Any]]]]
) -> None:
    """Several pairs an example, since a run costs the same for one as for three."""
    folder: Path = tmp_path_factory.mktemp("lake")
    # products of its own an example: the ledger forgets nothing
    skus = [f"{folder.name}-{number}" for number in range(PAIRS)]
    with database.begin() as connection:
        product_ids = put_products(connection, [ProductIn(sku) for sku in skus])
        put_locations(connection, [LocationIn("S1")])
    recorder, lake = Recorder(database, Settings()), Lake(str(folder))
    events: list[list[dict[str, Any]]] = [[] for _ in skus]
    for batch in batches:
        for pair, event in batch:
            name = f"{skus[pair]}-{len(events[pair])}"
            outcome = recorder.record("till", "", [raw(event_id=name, product=skus[pair], **event)])
            assert outcome[0].name == "accepted"
            events[pair].append(event)
        run_etl(database, lake)
    table = open_table(lake, "daily_demand")
    assert table is not None
    rows = table.to_pyarrow_table().to_pylist()
    for product_id, told in zip(product_ids, events, strict=True):
        ours = [row for row in rows if row["product_id"] == product_id]
        assert {row["day"]: found_in(row) for row in ours} == dict(reference(told))
    assert all(row["in_stock_share"] is None or 0 <= row["in_stock_share"] <= 1 for row in rows)


def found_in(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "sold": row["sold_milli"] // 1000,
        "returned": row["returned_milli"] // 1000,
        "on_hand": None if row["on_hand_milli"] is None else row["on_hand_milli"] // 1000,
    }


# Nights of clock changes, also at midnight, by half an hour and by a whole day; leap days and the ends of years.
NIGHTS = [
    ("Europe/Berlin", date(2026, 3, 29)), ("Europe/Berlin", date(2025, 10, 26)), ("UTC", date(2025, 12, 31)),
    ("America/Los_Angeles", date(2026, 3, 8)), ("America/Havana", date(2025, 11, 2)),
    ("America/Sao_Paulo", date(2018, 11, 4)), ("America/St_Johns", date(2010, 11, 7)),
    ("Australia/Lord_Howe", date(2025, 10, 5)), ("Pacific/Apia", date(2011, 12, 29)),
    ("Asia/Kathmandu", date(2024, 2, 29)), ("Pacific/Kiritimati", date(2025, 12, 31)),
    ("Africa/Casablanca", date(2025, 2, 23)),
]  # fmt: skip


def stock_shares(
    database: sa.Engine, folder: Path, zone: str, moments: list[tuple[datetime, str, int]]
) -> dict[date, float | None]:
    """The shares of the days with stock, of one pair in a zone with these events."""
    with database.begin() as connection:
        # a pair of its own an example: the ledger forgets nothing
        product_id = put_products(connection, [ProductIn(folder.name)])[0]
        put_locations(connection, [LocationIn(folder.name, timezone=zone)])
    recorder, lake, name = Recorder(database, Settings()), Lake(str(folder)), folder.name
    raws = []
    for number, (at, kind, amount) in enumerate(moments):
        said = {"counted" if kind == "stocktake" else "quantity": amount}
        minute = int((at - START).total_seconds() // 60)
        place = {"product": name, "location": name}
        raws.append(raw(event_id=f"{name}-{number}", kind=kind, minute=minute, **place, **said))
    assert {outcome.name for outcome in recorder.record("till", "", raws)} == {"accepted"}
    run_etl(database, lake)
    table = open_table(lake, "daily_demand")
    assert table is not None
    rows = table.to_pyarrow_table().to_pylist()
    return {row["day"]: row["in_stock_share"] for row in rows if row["product_id"] == product_id}


@pytest.mark.parametrize(("zone", "day"), NIGHTS, ids=[f"{zone} {day}" for zone, day in NIGHTS])
def test_the_share_of_a_day_with_stock_is_of_the_hours_that_it_has(
    database: sa.Engine, tmp_path: Path, zone: str, day: date
) -> None:
    """Half of the hours between its first and its last instant: counted empty before, filled in the middle."""
    local = ZoneInfo(zone)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    quarters = [midnight + timedelta(minutes=15 * number) for number in range(-120, 240)]
    inside = [at for at in quarters if at.astimezone(local).date() == day]
    first, last = inside[0], inside[-1]
    middle = inside[len(inside) // 2]
    shares = stock_shares(
        database,
        tmp_path,
        zone,
        [(first - timedelta(days=3), "stocktake", 0), (middle, "receipt", 5)],
    )
    share = shares[day]
    assert share is not None
    assert share == pytest.approx(
        (last - middle + timedelta(minutes=15)) / (last - first + timedelta(minutes=15)), abs=0.03
    )


def test_a_pair_in_stock_all_night_is_in_stock_all_day(database: sa.Engine, tmp_path: Path) -> None:
    """A sale at every hour of the night of a clock change; 1.03 of the day is not a share."""
    night = datetime(2026, 3, 28, 18, tzinfo=UTC)
    sales = [(night + timedelta(hours=hour, minutes=59), "sale", 1) for hour in range(40)]
    shares = stock_shares(database, tmp_path, "Europe/Berlin", [(night, "stocktake", 90), *sales])
    assert set(shares.values()) == {1.0}


@settings(max_examples=examples(5), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zone=st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"})),
    hour=st.integers(0, 24 * 365 * 30),
    minutes=st.lists(st.integers(0, 60 * 50), min_size=1, max_size=8),
    counted=st.lists(st.integers(0, 1), min_size=8, max_size=8),
)
def test_a_share_is_a_share_in_every_zone(
    database: sa.Engine,
    tmp_path_factory: Any,
    zone: str,
    hour: int,
    minutes: list[int],
    counted: list[int],
) -> None:
    moments = [
        (
            datetime(1995, 1, 1, tzinfo=UTC) + timedelta(hours=hour, minutes=minute),
            "stocktake",
            amount,
        )
        for minute, amount in zip(minutes, counted, strict=False)
    ]
    shares = stock_shares(database, tmp_path_factory.mktemp("lake"), zone, moments)
    assert all(share is None or 0 <= share <= 1 for share in shares.values())
    if all(counted[: len(minutes)]):
        assert set(shares.values()) == {1.0}


@settings(max_examples=examples(5), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.tuples(st.integers(1, 10**6), st.integers(0, 10**16)).filter(
            lambda line: line[0] * line[1] <= 10**19
        ),
        min_size=1,
        max_size=8,
    ),
    returned=st.booleans(),
)
def test_money_is_added_up_exactly(
    database: sa.Engine, tmp_path_factory: Any, lines: list[tuple[int, int]], returned: bool
) -> None:
    """Thousandths of units times millionths of money, up to the largest amount: rounded once, at the end."""
    name = tmp_path_factory.mktemp("lake").name
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    with database.begin() as connection:
        product_id = put_products(connection, [ProductIn(name)])[0]
        put_locations(connection, [LocationIn("S1")])
    settings_ = Settings(price_max=10**12)
    kinds = ["return" if returned and number % 2 else "sale" for number in range(len(lines))]
    raws = [
        raw(event_id=f"{name}-{n}", kind=kind, product=name, quantity=str(Decimal(milli) / 1000),
            price=f"{Decimal(micros) / 10**6:f}")
        for n, (kind, (milli, micros)) in enumerate(zip(kinds, lines, strict=True))
    ]  # fmt: skip
    outcomes = Recorder(database, settings_).record("till", "", raws)
    assert {outcome.name for outcome in outcomes} == {"accepted"}
    run_etl(database, lake)
    table = open_table(lake, "daily_demand")
    assert table is not None
    rows = [row for row in table.to_pyarrow_table().to_pylist() if row["product_id"] == product_id]
    signed = [
        -m * p if kind == "return" else m * p for kind, (m, p) in zip(kinds, lines, strict=True)
    ]
    exact = Decimal(sum(signed)) / 1000
    assert sum(row["revenue_micros"] for row in rows) == exact.to_integral_value(ROUND_HALF_UP)


DAY = 60 * 24


def book(database: sa.Engine, folder: Path, *moments: tuple[int, str, int]) -> list[dict[str, Any]]:
    """The days of a shop in UTC with these events: minutes after START (08:00), kind, amount."""
    with database.begin() as connection:
        product_id = put_products(connection, [ProductIn(folder.name)])[0]
        put_locations(connection, [LocationIn("S1")])
    raws = [
        raw(event_id=f"{folder.name}-{number}", kind=kind, minute=minute, product=folder.name,
            **{"counted" if kind == "stocktake" else "quantity": amount})
        for number, (minute, kind, amount) in enumerate(moments)
    ]  # fmt: skip
    outcomes = Recorder(database, Settings()).record("till", "", raws)
    assert {outcome.name for outcome in outcomes} == {"accepted"}
    lake = Lake(str(folder))
    run_etl(database, lake)
    table = open_table(lake, "daily_demand")
    assert table is not None
    rows = table.to_pyarrow_table().to_pylist()
    return sorted(
        (row for row in rows if row["product_id"] == product_id), key=lambda row: row["day"]
    )


def test_a_shop_that_sells_without_receipts_is_not_out_of_stock_every_day(
    database: sa.Engine, tmp_path: Path
) -> None:
    """Below zero the book is wrong: goods were sold that never came, so no shelf was empty."""
    sales = [(day * DAY + 60, "sale", 5) for day in range(10)]
    days = book(database, tmp_path, (0, "receipt", 10), *sales)
    # it sold the last of what is booked on the second day; a zero after a known receipt is one
    assert [row["censored"] for row in days] == [False, True, *[False] * 8]
    assert [row["in_stock_share"] for row in days[2:]] == [None] * 8
    # the book itself stays: pages say by how much it is wrong
    assert [row["on_hand_milli"] for row in days][-1] == -40_000


def test_a_counted_zero_stays_out_of_stock(database: sa.Engine, tmp_path: Path) -> None:
    days = book(
        database,
        tmp_path,
        (0, "stocktake", 0),
        (2 * DAY, "receipt", 4),
        (2 * DAY + 8 * 60, "sale", 4),
    )
    assert [row["censored"] for row in days] == [True, True]
    assert [row["in_stock_share"] for row in days] == [0.0, pytest.approx(1 / 3)]


def test_a_sale_booked_before_its_delivery_of_the_same_instant_is_no_wrong_book(
    database: sa.Engine, tmp_path: Path
) -> None:
    days = book(database, tmp_path, (0, "stocktake", 0), (DAY, "sale", 2), (DAY, "receipt", 5))
    # empty until eight in the morning
    assert [row["in_stock_share"] for row in days] == [0.0, pytest.approx(2 / 3)]


def test_what_was_sold_before_stock_was_known_tells_of_no_empty_shelf(
    database: sa.Engine, tmp_path: Path
) -> None:
    days = book(database, tmp_path, (0, "sale", 3), (60, "return", 3), (120, "receipt", 9))
    assert [(row["in_stock_share"], row["censored"]) for row in days] == [(1.0, False)]


moves = st.lists(
    st.tuples(
        st.integers(0, 6 * DAY),
        st.sampled_from(["sale", "receipt", "stocktake"]),
        st.integers(0, 4),
    ).filter(lambda one: one[1] == "stocktake" or one[2] > 0),
    min_size=1,
    max_size=12,
    unique_by=lambda one: one[0],
)


def shares_by_minute(moments: list[tuple[int, str, int]]) -> dict[date, float | None]:
    """The known share of each day with an event, minute by minute, from a plain reading of the book."""
    at = {minute: (kind, amount) for minute, kind, amount in moments}
    midnight = 8 * 60
    first, last = min(at) + midnight, max(at) + midnight
    held: list[float] = []  # of each minute since the first midnight: the book, nan where unknown
    balance, known = 0, False
    for minute in range((last // DAY + 1) * DAY):
        if minute - midnight in at:
            kind, amount = at[minute - midnight]
            balance = (
                amount
                if kind == "stocktake"
                else balance + (amount if kind == "receipt" else -amount)
            )
            known = known or kind != "sale"
        held.append(float(balance) if known and minute >= first else float("nan"))
    shares: dict[date, float | None] = {}
    for number in sorted({(minute + midnight) // DAY for minute in at}):
        day = held[number * DAY : (number + 1) * DAY]
        stocked = sum(level > 0 for level in day)
        counted = {
            minute + midnight - number * DAY
            for minute, (kind, _) in at.items()
            if kind == "stocktake"
        }
        # a zero from which more was taken is none, back to the last count
        empty = sum(
            level == 0
            and next(
                (
                    day[later]
                    for later in range(now + 1, DAY)
                    if day[later] != 0 or later in counted
                ),
                0,
            )
            >= 0
            for now, level in enumerate(day)
        )
        closed = day[-1]
        told = closed >= 0 and stocked + empty > 0
        shares[(START + timedelta(days=number)).date()] = (
            stocked / (stocked + empty) if told else None
        )
    return shares


@settings(max_examples=examples(12), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moments=moves)
def test_the_share_in_stock_is_that_of_a_plain_reading(
    database: sa.Engine, tmp_path_factory: Any, moments: list[tuple[int, str, int]]
) -> None:
    days = book(database, tmp_path_factory.mktemp("lake"), *moments)
    expected = shares_by_minute(moments)
    assert {row["day"]: row["in_stock_share"] for row in days} == {
        day: share if share is None else pytest.approx(share) for day, share in expected.items()
    }
    shares = [row["in_stock_share"] for row in days]
    assert [row["censored"] for row in days] == [
        share is not None and share < 1 for share in shares
    ]

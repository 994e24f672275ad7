"""Rates between currencies: recorded at any door, looked up by day, and part of average costs."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.check import ledger_faults
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.rates import (
    RateIn,
    RatesPut,
    list_rates,
    missing_rates,
    put_rates,
    put_rates_file,
    rate_of,
    remove_rate,
)
from ingest.recording.recording import Recorder
from stocktide.foundation.errors import Invalid, NotFound
from stocktide.foundation.settings import Settings
from tests.ingest.samples import START, raw

FIRST = START.date()
CODES = ["EUR", "JPY", "USD", "GBP"]


def rate_on(connection: sa.Connection, base: str, quote: str, day: date) -> Decimal | None:
    binds = {"base": base, "quote": quote, "day": day}
    found: Decimal | None = connection.execute(
        sa.text("SELECT rate_on(:base, :quote, :day)"), binds
    ).scalar_one()
    return found


def plain_rate(
    rates: dict[tuple[str, str, date], Decimal], base: str, quote: str, day: date
) -> Decimal | None:
    """The newest rate of the two, either way round, else the newest chain over a third."""
    if base == quote:
        return Decimal(1)

    def direct(a: str, b: str) -> tuple[date, Decimal] | None:
        known = [(d, 1, r) for (x, y, d), r in rates.items() if (x, y) == (a, b) and d <= day]
        known += [(d, 0, 1 / r) for (x, y, d), r in rates.items() if (x, y) == (b, a) and d <= day]
        return None if not known else (max(known)[0], max(known)[2])

    if (found := direct(base, quote)) is not None:
        return found[1]
    over = []
    for third in CODES:
        one, two = direct(base, third), direct(third, quote)
        if third not in (base, quote) and one and two:
            over.append((min(one[0], two[0]), third, one[1] * two[1]))
    newest = max((o[0] for o in over), default=None)
    return next((o[2] for o in sorted(over, key=lambda o: o[1]) if o[0] == newest), None)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entries=st.dictionaries(
        st.tuples(st.sampled_from(CODES), st.sampled_from(CODES), st.integers(0, 9)).filter(
            lambda key: key[0] != key[1]
        ),
        st.decimals("0.001", 999, places=3),
        max_size=8,
    ),
    asked=st.tuples(st.sampled_from(CODES), st.sampled_from(CODES), st.integers(-1, 12)),
)
def test_rate_on_is_the_newest_known_rate(
    database: sa.Engine, entries: dict[tuple[str, str, int], Decimal], asked: tuple[str, str, int]
) -> None:
    rates = {(b, q, FIRST + timedelta(days=d)): r for (b, q, d), r in entries.items()}
    with database.begin() as connection:
        connection.execute(sa.text("DELETE FROM currency_rates"))
        put_rates(connection, [RateIn(*key, rate=str(rate)) for key, rate in rates.items()], by="a")
        day = FIRST + timedelta(days=asked[2])
        found = rate_on(connection, asked[0], asked[1], day)
        expected = plain_rate(rates, asked[0], asked[1], day)
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            assert abs(found - expected) <= expected * Decimal("1e-12")
            back = rate_on(connection, asked[1], asked[0], day)
            # the two ways may go over another rate of the same day, given the other way round
            assert back is not None


def test_the_same_again_changes_nothing_and_another_value_replaces(database: sa.Engine) -> None:
    one = RateIn("EUR", "JPY", FIRST, "162.5")
    with database.begin() as connection:
        assert put_rates(connection, [one], by="anna") == RatesPut(1, 0)
        assert put_rates(connection, [RateIn("EUR", "JPY", FIRST, 162.50)], by="ben") == (0, 1)
        assert put_rates(connection, [RateIn("EUR", "JPY", FIRST, 163)], by="ben") == (1, 0)
        listed = list_rates(connection)
        assert [(row["rate"], row["recorded_by"]) for row in listed] == [("163", "ben")]
        remove_rate(connection, "EUR", "JPY", FIRST)
        with pytest.raises(NotFound, match="no rate of EUR in JPY"):
            remove_rate(connection, "EUR", "JPY", FIRST)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"rate": 0}, "bad_rate"), ({"rate": "-1"}, "bad_rate"), ({"rate": "1e1000000"}, "bad_rate"),
        ({"rate": "NaN"}, "bad_rate"), ({"rate": "1_0"}, "bad_rate"), ({"rate": "0.0000000000001"}, "bad_rate"),
        ({"quote": "EUR"}, "same_currency"), ({"day": date(1900, 1, 1)}, "bad_day"),
        ({"day": date(2999, 1, 1)}, "bad_day"),
    ],
)  # fmt: skip
def test_a_bad_rate_is_refused_by_name(
    database: sa.Engine, changed: dict[str, Any], code: str
) -> None:
    good = {"base": "EUR", "quote": "JPY", "day": FIRST, "rate": "1"}
    with database.begin() as connection, pytest.raises(Invalid) as caught:
        put_rates(connection, [RateIn(**{**good, **changed})], by="anna")
    assert caught.value.code == code
    assert "rates[0]" in caught.value.message


def test_fields_that_are_none_are_refused() -> None:
    with pytest.raises(Invalid, match="base"):
        rate_of(base="eur", quote="JPY", day=FIRST, rate="1")
    with pytest.raises(Invalid, match="day"):
        rate_of(base="EUR", quote="JPY", day="yesterday", rate="1")


def test_rates_come_from_a_file(database: sa.Engine, tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text("base,quote,day,rate\nEUR,JPY,2026-03-01,162.5\nEUR,USD,2026-03-01,1.08\n")
    with database.begin() as connection:
        assert put_rates_file(connection, path, by="anna") == (2, 0)
        path.write_text("base,quote,day,rate\nEUR,JPY,2026-03-01,1\nEUR,USD,2026-03-01,0\n")
        with pytest.raises(Invalid, match=r"rates.csv, row 2: rate must be above zero"):
            put_rates_file(connection, path, by="anna")
        path.write_text("base,quote,day,rate\nEUR,JPY,2026-03-01,none\n")
        with pytest.raises(Invalid):
            put_rates_file(connection, path, by="anna")


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A")])
        put_locations(connection, [LocationIn("S1"), LocationIn("S2")])
    return Recorder(database, Settings())


def send(recorder: Recorder, *raws: bytes) -> None:
    for one in raws:
        assert recorder.record("till", "x", [one])[0].name == "accepted"
    assert not any(ledger_faults(recorder.engine).values()), ledger_faults(recorder.engine)


def costs(recorder: Recorder) -> list[tuple[Any, ...]]:
    query = (
        "SELECT code, cost_micros, cost_currency FROM stock JOIN locations USING (location_id)"
        " ORDER BY product_id, code"
    )
    with recorder.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query)).all()]


def test_a_cost_in_another_currency_is_averaged_at_its_rate_or_not_at_all(
    recorder: Recorder,
) -> None:
    send(
        recorder,
        raw(kind="receipt", event_id="r1", quantity=10, cost="100", currency="EUR"),
        raw(kind="receipt", event_id="r2", quantity=10, cost="32000", currency="JPY", minute=1),
    )
    # without a rate the yen are in no average, and somebody is told
    assert costs(recorder) == [("S1", 100_000_000, "EUR")]
    with recorder.engine.begin() as connection:
        gap = missing_rates(connection)
        assert [(g["base"], g["quote"], g["goods"]) for g in gap] == [("JPY", "EUR", 1)]
        put_rates(connection, [RateIn("EUR", "JPY", FIRST, "160")], by="anna")
        assert missing_rates(connection) == []
    # 10 at 100 and 10 at 200 euros
    assert costs(recorder) == [("S1", 150_000_000, "EUR")]
    assert not any(ledger_faults(recorder.engine).values())
    with recorder.engine.begin() as connection:
        remove_rate(connection, "EUR", "JPY", FIRST)
    assert costs(recorder) == [("S1", 100_000_000, "EUR")]
    send(recorder)


def test_a_cost_at_a_place_of_an_unknown_zone_counts_on_the_day_in_utc(recorder: Recorder) -> None:
    with recorder.engine.begin() as connection:
        put_rates(connection, [RateIn("EUR", "JPY", FIRST, "160")], by="anna")
        # as versions before the check of zones let in
        connection.execute(sa.text("UPDATE locations SET timezone = 'localtime'"))
    send(
        recorder,
        raw(kind="receipt", event_id="r1", quantity=10, cost="1", currency="EUR"),
        raw(kind="receipt", event_id="r2", quantity=10, cost="320", currency="JPY", minute=1),
    )
    assert costs(recorder) == [("S1", 1_500_000, "EUR")]
    with recorder.engine.begin() as connection:
        remove_rate(connection, "EUR", "JPY", FIRST)
        assert [gap["goods"] for gap in missing_rates(connection)] == [1]
    assert costs(recorder) == [("S1", 1_000_000, "EUR")]
    send(recorder)


def test_goods_that_move_bring_their_cost_in_the_currency_of_the_place(recorder: Recorder) -> None:
    with recorder.engine.begin() as connection:
        put_rates(connection, [RateIn("EUR", "JPY", FIRST, "160")], by="anna")
    send(
        recorder,
        raw(kind="receipt", event_id="r1", quantity=10, cost="1", currency="EUR"),
        raw(kind="receipt", event_id="r2", location="S2", quantity=10, cost="320", currency="JPY"),
        raw(kind="transfer", event_id="t", quantity=10, minute=5),
    )
    # 10 at 320 yen and 10 at 160
    assert costs(recorder)[1] == ("S2", 240_000_000, "JPY")


def test_a_cost_that_names_no_currency_is_in_that_of_the_others(recorder: Recorder) -> None:
    send(
        recorder,
        raw(kind="receipt", event_id="r1", quantity=10, cost="1"),
        raw(kind="receipt", event_id="r2", quantity=10, cost="3", currency="EUR", minute=1),
        raw(kind="receipt", event_id="r3", quantity=20, cost="4", minute=2),
    )
    assert costs(recorder) == [("S1", 3_000_000, "EUR")]


costed = st.fixed_dictionaries(
    {
        "place": st.sampled_from(["S1", "S2"]),
        "kind": st.sampled_from(["receipt", "receipt", "sale", "transfer"]),
        "quantity": st.integers(1, 5),
        "cost": st.integers(1, 500),
        "currency": st.sampled_from([None, "EUR", "JPY", "USD"]),
        "day": st.integers(0, 4),
    }
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(costed, min_size=1, max_size=10),
    rates=st.dictionaries(
        st.tuples(st.sampled_from(["JPY", "USD"]), st.integers(0, 4)), st.integers(1, 99), max_size=4
    ),
    early=st.booleans(),
)  # fmt: skip
def test_average_costs_are_the_same_whenever_the_rates_come(
    database: sa.Engine,
    events: list[dict[str, Any]],
    rates: dict[tuple[str, int], int],
    early: bool,
) -> None:
    """Rates before or after the goods: the ledger's house agrees, and its fold is that of a rebuild."""
    with database.begin() as connection:
        # those of the example before, and with them what they did to its costs
        for row in list_rates(connection):
            remove_rate(connection, row["base"], row["quote"], row["day"])
        number = connection.execute(sa.text("SELECT count(*) FROM products")).scalar_one()
        sku = f"P{number}"
        put_products(connection, [ProductIn(sku)])
        put_locations(connection, [LocationIn("S1"), LocationIn("S2")])
    recorder = Recorder(database, Settings())
    given_rates = [
        RateIn("EUR", quote, FIRST + timedelta(days=day), rate)
        for (quote, day), rate in rates.items()
    ]

    def tell() -> None:
        for rate in given_rates:
            with database.begin() as connection:
                put_rates(connection, [rate], by="anna")

    if early:
        tell()
    for order, e in enumerate(events):
        other = "S2" if e["place"] == "S1" else "S1"
        data: dict[str, Any] = {"product": sku, "location": e["place"], "quantity": e["quantity"]}
        if e["kind"] == "receipt":
            data |= {"cost": e["cost"]} | ({"currency": e["currency"]} if e["currency"] else {})
        if e["kind"] == "transfer":
            data["to_location"] = other
        minute = e["day"] * 1440 + order
        one = raw(kind=e["kind"], event_id=f"{sku}-{order}", minute=minute, **data)
        assert recorder.record("till", "", [one])[0].name == "accepted"
    if not early:
        tell()
    assert not any(ledger_faults(database).values()), ledger_faults(database)
    kept = costs(recorder)
    with database.begin() as connection:
        connection.execute(sa.text("SELECT refold_costs(product_id, -1) FROM products"))
    assert costs(recorder) == kept

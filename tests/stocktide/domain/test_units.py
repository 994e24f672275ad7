from fractions import Fraction
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.domain.units import CODES, NAMES, converted, factor, short_name
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw


@pytest.mark.parametrize(
    ("unit", "own", "expected"),
    [
        ("each", "each", Fraction(1)),
        ("case", "each", Fraction(12)),
        ("g", "kg", Fraction(1, 1000)),
        ("t", "g", Fraction(10**6)),
        ("cl", "l", Fraction(1, 100)),
        ("kg", "l", None),
        ("each", "kg", None),
        ("crate", "each", None),
        ("MGM", "kg", Fraction(1, 10**6)),
        ("KGM", "Kilo", Fraction(1)),
        ("lb", "kg", Fraction(45359237, 10**8)),
        ("dozen", "pieces", Fraction(12)),
        ("case", "case", Fraction(1)),
        ("KGM", "litre", None),
    ],
)
def test_factor_tells_how_many_own_units_are_in_one(
    unit: str, own: str, expected: Fraction | None
) -> None:
    assert factor(unit, own, {"case": 12}) == expected


def test_a_pack_of_the_product_goes_before_a_unit_of_that_name() -> None:
    assert factor("dozen", "each", {"dozen": 13}) == 13


@pytest.mark.parametrize(("name", "code"), NAMES.items())
def test_each_name_of_a_unit_is_one_with_its_code(name: str, code: str) -> None:
    assert factor(name, code, {}) == factor(code, name, {}) == 1
    short = short_name(code)
    assert short is None if CODES[code] == CODES["C62"] else factor(short or "", code, {}) == 1


@given(st.integers(-(10**12), 10**12), st.sampled_from(["mg", "g", "kg", "t"]))
def test_converted_is_exact_or_nothing(quantity_milli: int, unit: str) -> None:
    by = factor(unit, "g", {})
    assert by is not None
    turned = converted(quantity_milli, by)
    assert turned is None or Fraction(turned) == quantity_milli * by
    assert (turned is None) == (quantity_milli * by % 1 != 0)


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    with database.begin() as connection:
        put_products(
            connection,
            [ProductIn("A", packs={"case": 12}), ProductIn("K", unit="kg"), ProductIn("N")],
        )
        put_locations(connection, [LocationIn("S1"), LocationIn("S2")])
    return Recorder(database, Settings())


def record(recorder: Recorder, **parts: Any) -> str:
    outcome = recorder.record("till", "x", [raw(**parts)])[0]
    return outcome.fault.reason if outcome.fault is not None else outcome.name


def kept(recorder: Recorder, columns: str) -> tuple[Any, ...]:
    with recorder.engine.connect() as connection:
        query = f"SELECT {columns} FROM ledger ORDER BY entry_id DESC LIMIT 1"  # noqa: S608 - ours
        return tuple(connection.execute(sa.text(query)).one())


def test_a_pack_is_so_many_of_the_product_and_its_price_of_one(recorder: Recorder) -> None:
    data = {"quantity": 2, "unit": "case", "price": "18.00"}
    assert record(recorder, kind="sale", **data) == "accepted"
    assert kept(recorder, "quantity_milli, price_micros") == (-24_000, 1_500_000)
    assert record(recorder, kind="sale", quantity=24, price="1.5") == "duplicate"
    assert record(recorder, kind="order", event_id="o", quantity="1.5", unit="case") == "accepted"
    assert kept(recorder, "committed_milli") == (18_000,)
    assert record(recorder, kind="stocktake", event_id="c", counted=3, unit="case") == "accepted"
    assert kept(recorder, "observed_milli") == (36_000,)


def test_mass_is_turned_into_the_products_own(recorder: Recorder) -> None:
    data = {"product": "K", "quantity": 1_250, "unit": "g", "cost": "0.004"}
    assert record(recorder, kind="receipt", **data) == "accepted"
    assert kept(recorder, "quantity_milli, cost_micros") == (1_250, 4_000_000)


def test_a_unit_that_the_product_has_not_is_refused(recorder: Recorder) -> None:
    for data, reason in (
        ({"product": "K", "quantity": "0.5", "unit": "g"}, "too_precise"),
        ({"product": "K", "quantity": 1, "unit": "l"}, "unknown_unit"),
        ({"product": "K", "quantity": 1, "unit": "case"}, "unknown_unit"),
        ({"product": "N", "quantity": 1, "unit": "case"}, "unknown_unit"),
        ({"product": "A", "quantity": 1, "unit": "kg"}, "unknown_unit"),
        ({"product": "A", "quantity": 1, "unit": ""}, "wrong_type"),
    ):
        assert record(recorder, kind="sale", **data) == reason


def test_a_pack_that_is_named_later_makes_the_same_event_good(recorder: Recorder) -> None:
    sale = {"kind": "sale", "product": "N", "quantity": 1, "unit": "box"}
    assert record(recorder, **sale) == "unknown_unit"
    with recorder.engine.begin() as connection:
        put_products(connection, [ProductIn("N", packs={"box": 6})])
    assert record(recorder, **sale) == "accepted"
    assert kept(recorder, "quantity_milli") == (-6_000,)

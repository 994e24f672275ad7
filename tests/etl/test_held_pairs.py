"""A product at a place on which a step of the ETL fails: held out, counted and tried again; all others go on."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import etl.held_pairs
from etl import check_all, rebuild_lake, run_etl
from etl.run import EtlReport
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.database import create_engine
from stocktide.foundation.embedded import Postgres
from stocktide.foundation.errors import Fatal
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.conftest import copied
from tests.examples import examples
from tests.ingest.samples import raw

# Of the largest amount that the door lets in, so many in one day are more than a BIGINT of millionths holds.
TOO_MANY = 923
LARGEST = {"quantity": 100, "price": "100000000"}
DAY = 1440


class Shop(NamedTuple):
    """Products A and B at S1 and S2, and their lake."""

    recorder: Recorder
    lake: Lake

    @property
    def engine(self) -> sa.Engine:
        return self.recorder.engine

    def record(self, *raws: bytes) -> None:
        outcomes = self.recorder.record("till", "application/x-ndjson", raws)
        assert {outcome.name for outcome in outcomes} == {"accepted"}

    def sell(self, event_id: str, product: str, location: str, **data: Any) -> None:
        self.record(raw(kind="sale", event_id=event_id, product=product, location=location, **data))

    def sell_too_much(self, product: str = "A", location: str = "S1") -> None:
        self.record(
            *[
                raw(
                    kind="sale",
                    event_id=f"{product}{n}",
                    product=product,
                    location=location,
                    **LARGEST,
                )
                for n in range(TOO_MANY)
            ]
        )

    def run(self) -> EtlReport:
        return run_etl(self.engine, self.lake)

    def held(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT sku, code, stage, tries FROM held_pairs JOIN products USING (product_id)"
            " JOIN locations USING (location_id) ORDER BY sku, code"
        )

    def served(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT sku, code, day::text, sold_milli FROM daily_demand JOIN products USING (product_id)"
            " JOIN locations USING (location_id) ORDER BY sku, code, day"
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]

    def do(self, query: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text(query))

    def wrong(self) -> set[str]:
        return {f.part for f in check_all(self.engine, self.lake).findings if not f.compared.holds}


@pytest.fixture
def shop(database: sa.Engine, tmp_path: Path) -> Shop:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A"), ProductIn("B")])
        put_locations(connection, [LocationIn("S1"), LocationIn("S2")])
    return Shop(Recorder(database, Settings()), Lake(str(tmp_path / "lake")))


OTHERS = [
    ("A", "S2", "2026-03-01", 1000),
    ("B", "S1", "2026-03-01", 1000),
    ("B", "S2", "2026-03-01", 1000),
]


def sell_elsewhere(shop: Shop, day: int = 0) -> None:
    for product, location, *_ in OTHERS:
        shop.sell(f"{product}-{location}-{day}", product, location, minute=day * DAY)


def test_a_day_of_more_money_than_fits_holds_out_its_pair_alone(shop: Shop) -> None:
    sell_elsewhere(shop)
    shop.sell_too_much()
    assert shop.run().pairs_held_out == 1
    assert shop.served() == OTHERS
    assert shop.held() == [("A", "S1", "daily_demand", 1)]
    assert shop.wrong() == {"held_pairs"}
    sell_elsewhere(shop, day=1)
    assert shop.run().pairs_held_out == 1
    assert (len(shop.served()), shop.held()) == (6, [("A", "S1", "daily_demand", 2)])
    shop.record(raw(kind="correction", event_id="c", corrects_id="A0"))
    assert shop.run().pairs_held_out == 0
    assert shop.wrong() == set()
    assert ("A", "S1", "2026-03-01", (TOO_MANY - 1) * 100_000) in shop.served()


def test_a_place_of_an_unknown_time_zone_holds_out_its_pairs_alone(shop: Shop) -> None:
    sell_elsewhere(shop)
    shop.run()
    shop.do("UPDATE locations SET timezone = 'Mars/Olympus' WHERE code = 'S1'")
    sell_elsewhere(shop, day=1)
    assert shop.run().pairs_held_out == 1
    assert shop.held() == [("B", "S1", "movements", 1)]
    assert [row[:2] for row in shop.served()] == [("A", "S2")] * 2 + [("B", "S1")] * 0 + [
        ("B", "S2")
    ] * 2
    assert shop.wrong() == {"held_pairs"}
    shop.do("UPDATE locations SET timezone = 'Asia/Tokyo' WHERE code = 'S1'")
    assert shop.run().pairs_held_out == 0
    assert len(shop.served()) == 6
    assert shop.wrong() == set()


def refuse(shop: Shop, *pairs: tuple[str, str]) -> None:
    """Make the served copy refuse pairs, as some rule or disk of the future might."""
    shop.do("CREATE TABLE refused (sku text, code text)")
    for sku, code in pairs:
        shop.do(f"INSERT INTO refused VALUES ('{sku}', '{code}')")  # noqa: S608 - ours
    shop.do(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF EXISTS (SELECT FROM refused JOIN products USING (sku) JOIN locations USING (code)"
        " WHERE product_id = NEW.product_id AND location_id = NEW.location_id)"
        " THEN RAISE EXCEPTION 'no such row'; END IF; RETURN NEW; END $$"
    )
    shop.do(
        "CREATE TRIGGER refuse BEFORE INSERT ON daily_demand FOR EACH ROW EXECUTE FUNCTION refuse()"
    )


def test_what_the_served_copy_refuses_holds_out_its_pair_alone(shop: Shop) -> None:
    refuse(shop, ("A", "S1"))
    sell_elsewhere(shop)
    shop.sell("a", "A", "S1")
    assert shop.run().pairs_held_out == 1
    assert (shop.served(), shop.held()) == (OTHERS, [("A", "S1", "served", 1)])
    assert shop.wrong() == {"held_pairs"}
    assert shop.run().pairs_held_out == 1
    shop.sell("a2", "A", "S1", minute=DAY)
    shop.do("DROP TRIGGER refuse ON daily_demand")
    assert shop.run().pairs_held_out == 0
    assert [row for row in shop.served() if row not in OTHERS] == [
        ("A", "S1", "2026-03-01", 1000),
        ("A", "S1", "2026-03-02", 1000),
    ]
    assert shop.wrong() == set()


def test_days_of_a_place_that_add_up_to_more_than_fits_hold_out_a_pair(shop: Shop) -> None:
    for product in ("A", "B"):
        shop.record(
            *[
                raw(kind="sale", event_id=f"{product}{n}", product=product, **LARGEST)
                for n in range(600)
            ]
        )
    shop.sell("b", "B", "S2")
    assert shop.run().pairs_held_out == 1
    assert shop.held() == [("B", "S1", "served", 1)]
    assert [row[:2] for row in shop.served()] == [("A", "S1"), ("B", "S2")]
    assert shop.wrong() == {"held_pairs"}


def test_a_rebuild_tries_what_is_held_out_with_all_that_it_has(shop: Shop) -> None:
    sell_elsewhere(shop)
    shop.sell_too_much()
    shop.run()
    rebuild_lake(shop.engine, shop.lake)
    assert (shop.served(), shop.held()) == (OTHERS, [("A", "S1", "daily_demand", 2)])
    shop.record(raw(kind="correction", event_id="c", corrects_id="A0"))
    rebuild_lake(shop.engine, shop.lake)
    assert (len(shop.served()), shop.held(), shop.wrong()) == (4, [], set())


def test_many_that_fail_are_found_over_several_runs(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(etl.held_pairs, "TRIES_MAX", 4)
    with shop.engine.begin() as connection:
        put_products(connection, [ProductIn(f"P{n}") for n in range(8)])
    for n in range(8):
        shop.sell(f"s{n}", f"P{n}", "S1" if n % 2 else "S2")
    shop.do("UPDATE locations SET timezone = 'Mars/Olympus' WHERE code = 'S1'")
    held = [shop.run().pairs_held_out for _ in range(8)]
    assert held[-1] == 4
    assert {row[1] for row in shop.held()} == {"S1"}
    assert {row[:2] for row in shop.served()} == {(f"P{n}", "S2") for n in range(0, 8, 2)}


def test_what_fails_for_no_pair_at_all_is_raised(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell_elsewhere(shop)
    monkeypatch.setattr(etl.movements, "sql", lambda _name: "SELECT nothing FROM nowhere")
    with pytest.raises(Exception, match="nowhere"):
        shop.run()
    assert shop.held() == []


class Killed(BaseException):
    """Stands for kill -9."""


@pytest.mark.parametrize("name", ["hold_pairs", "pass_on_pairs", "let_go_pairs"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_run_loses_and_repeats_nothing_of_what_was_held_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, name: str, when: str
) -> None:
    real = etl.held_pairs._write

    def dying(engine: sa.Engine, wanted: str, pairs: Any, **binds: object) -> None:
        if wanted != name:
            return real(engine, wanted, pairs, **binds)
        if when == "after":
            real(engine, wanted, pairs, **binds)
        raise Killed

    def killed() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(etl.held_pairs, "_write", dying)
            with pytest.raises(Killed):
                shop.run()

    shop.sell("a", "A", "S1", minute=-DAY)
    shop.run()
    sell_elsewhere(shop)
    shop.sell("a1", "A", "S1")
    shop.do("UPDATE locations SET timezone = 'Mars/Olympus' WHERE code = 'S1'")
    if name == "hold_pairs":
        killed()
    shop.run()
    assert len(shop.held()) == 2
    shop.sell("a2", "A", "S1", minute=DAY)
    shop.do("UPDATE locations SET timezone = 'UTC' WHERE code = 'S1'")
    if name != "hold_pairs":
        killed()
    shop.run()
    assert (len(shop.served()), shop.held(), shop.wrong()) == (6, [], set())


def test_a_difference_of_other_pairs_is_still_found(shop: Shop) -> None:
    sell_elsewhere(shop)
    shop.sell_too_much()
    shop.run()
    shop.do("UPDATE daily_demand SET sold_milli = 7 WHERE location_id = 2")
    assert "daily_demand" in shop.wrong()
    table = etl.delta.open_table(shop.lake, "movements")
    assert table is not None
    table.delete("location_id = 2")
    with pytest.raises(Fatal, match="differ"):
        shop.run()


PLACES, PRODUCTS = 3, 3
# enough to halve all pairs down to one, as the real limit is for any chain
TRIES = st.integers(8, 40)
EVERY = [(f"P{n}", f"L{place}") for n in range(PRODUCTS) for place in range(PLACES)]


@settings(max_examples=examples(2))
@given(st.sets(st.sampled_from(EVERY)), st.sets(st.integers(0, PLACES - 1)), TRIES)
def test_whatever_fails_is_held_out_and_nothing_else_and_all_of_it_comes_back(
    postgres: Postgres, refused: set[tuple[str, str]], zones: set[int], tries_max: int
) -> None:
    bad = refused | {(sku, code) for sku, code in EVERY if int(code[1:]) in zones}
    with (
        copied(postgres) as url,
        TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(etl.held_pairs, "TRIES_MAX", tries_max)
        shop = Shop(Recorder(create_engine(url), Settings()), Lake(folder))
        with shop.engine.begin() as connection:
            put_products(connection, [ProductIn(f"P{n}") for n in range(PRODUCTS)])
            put_locations(connection, [LocationIn(f"L{n}") for n in range(PLACES)])
        sell_all(shop, day=0)
        shop.run()
        refuse(shop, *refused)
        for place in zones:
            shop.do(f"UPDATE locations SET timezone = 'Mars/Olympus' WHERE code = 'L{place}'")  # noqa: S608 - ours
        sell_all(shop, day=1)
        until_held(shop, len(bad))
        assert {row[:2] for row in shop.held()} == bad
        assert {row[:2] for row in shop.served() if row[2] == "2026-03-02"} == set(EVERY) - bad
        assert shop.wrong() == ({"held_pairs"} if bad else set())
        shop.do("DROP TRIGGER refuse ON daily_demand")
        shop.do("UPDATE locations SET timezone = 'UTC'")
        sell_all(shop, day=2)
        until_held(shop, 0)
        assert (shop.held(), shop.wrong()) == ([], set())
        assert len(shop.served()) == 3 * len(EVERY)
        shop.engine.dispose()


def until_held(shop: Shop, pairs: int) -> None:
    """Run until so many pairs are held out: what a run of few tries leaves is found by the next ones."""
    assert any(shop.run().pairs_held_out == pairs for _ in range(40))


def sell_all(shop: Shop, *, day: int) -> None:
    for sku, code in EVERY:
        shop.sell(f"{sku}-{code}-{day}", sku, code, minute=day * DAY)

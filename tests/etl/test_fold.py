"""A fold that goes on from what earlier days left says what a fold from the beginning says."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import etl.fold
from etl import run_etl
from etl.check import check_all
from etl.delta import open_table
from etl.fold import Stretch, changed_demand, stretches
from etl.meanings import read_meanings
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.domain.kinds import KINDS
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.examples import examples
from tests.ingest.samples import raw

pytestmark = pytest.mark.usefixtures("days_only")

DAY = 24 * 60
EVERYTHING = 10**15

# kind, day, minute, product, amount: five months, so that stretches end in between
happening = st.tuples(
    st.sampled_from(["sale", "return", "receipt", "stocktake", "price", "adjustment"]),
    st.integers(0, 150),
    st.sampled_from([0, 30, 600, 930]),
    st.sampled_from("AB"),
    st.integers(1, 9),
)


class Chain:
    """Two products at a place, recorded and landed."""

    def __init__(self, engine: sa.Engine, folder: Path) -> None:
        self.engine, self.lake, self.count = engine, Lake(str(folder)), 0
        with engine.begin() as connection:
            put_products(connection, [ProductIn("A", currency="EUR"), ProductIn("B")])
            put_locations(connection, [LocationIn("S1", timezone="America/Los_Angeles")])
        self.recorder = Recorder(engine, Settings())

    def send(self, kind: str, day: int, minute: int, product: str, amount: int) -> None:
        """Record something; every seventh event takes an earlier one back as well."""
        self.count += 1
        said: dict[str, Any] = {"quantity": amount}
        if kind == "price":
            said = {"price": str(amount), "promotion": amount % 2 == 0}
        elif kind == "stocktake":
            said = {"counted": amount - 1}
        elif kind == "sale":
            said["price"] = str(amount)
        self._record(kind, f"e{self.count}", day * DAY + minute, product=product, **said)
        if self.count % 7 == 0:
            corrected = f"e{self.count - self.count // 3}"
            self._record(
                "correction", f"c{self.count}", day * DAY, corrects=corrected, reason="typo"
            )

    def _record(self, kind: str, event_id: str, minute: int, **data: Any) -> None:
        sent = raw(kind=kind, event_id=event_id, minute=minute, **data)
        self.recorder.record("till", "", [sent])

    def from_the_beginning(self) -> list[dict[str, Any]]:
        """Fold all movements at once."""
        movements = open_table(self.lake, "movements")
        assert movements is not None
        meanings = read_meanings(self.engine)
        tables = changed_demand(movements, None, meanings, since=0, before=EVERYTHING)
        return in_order(pa.concat_tables(tables).drop(["gone"]))

    def landed(self) -> list[dict[str, Any]]:
        """Read what the runs have made."""
        table = open_table(self.lake, "daily_demand")
        assert table is not None
        return in_order(table.to_pyarrow_table())


def in_order(table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pylist()
    for row in rows:
        row["in_stock_share"] = (
            None if row["in_stock_share"] is None else round(row["in_stock_share"], 9)
        )
    return sorted(rows, key=lambda row: (row["product_id"], row["day"]))


@settings(max_examples=examples(2), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(happening, min_size=1, max_size=25), min_size=2, max_size=4))
def test_runs_one_after_another_make_what_one_run_makes(
    chain: Chain, batches: list[list[tuple[str, int, int, str, int]]]
) -> None:
    """The chain keeps what earlier examples sent: each adds to it, late and in any order."""
    with pytest.MonkeyPatch.context() as patch:
        # each month a stretch of its own in the runs; all months one in the fold that they are compared with
        patch.setattr(etl.fold, "ROWS_A_STRETCH", 1)
        for batch in batches:
            for event in batch:
                chain.send(*event)
            run_etl(chain.engine, chain.lake)
    assert chain.landed() == chain.from_the_beginning()
    assert check_all(chain.engine, chain.lake).holds


@pytest.fixture
def chain(database: sa.Engine, tmp_path: Path) -> Chain:
    return Chain(database, tmp_path)


def test_what_moves_stock_is_seen_in_a_column_of_the_day() -> None:
    # stock that was never shown is added up from these columns when a fold goes on
    assert [name for name, kind in KINDS.items() if kind.sign and kind.daily is None] == []


def test_months_are_put_together_until_they_are_many_rows(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (0, 1, 32, 65, 66, 67, 98):
        chain.send("sale", day, 0, "A", 1)
    run_etl(chain.engine, chain.lake)
    movements = open_table(chain.lake, "movements")
    assert movements is not None
    assert stretches(movements, "2026-03") == [Stretch("2026-03", "2026-06")]
    monkeypatch.setattr(etl.fold, "ROWS_A_STRETCH", 3)
    assert [tuple(stretch) for stretch in stretches(movements, "2026-03")] == [
        ("2026-03", "2026-04"),
        ("2026-05", "2026-05"),
        ("2026-06", "2026-06"),
    ]
    assert stretches(movements, "2026-05") == [
        Stretch("2026-05", "2026-05"),
        Stretch("2026-06", "2026-06"),
    ]
    assert stretches(movements, None) == [Stretch("", "")]
    assert date(2026, 3, 1) <= chain.landed()[0]["day"]

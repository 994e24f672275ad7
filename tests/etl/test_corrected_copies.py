"""Events that were corrected leave no trace in any copy: against a ledger that never had them."""

import json
import random
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from etl import check_all, run_etl
from etl.delta import open_table
from etl.derived import DERIVED
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.domain.kinds import KINDS
from stocktide.foundation.database import create_engine, statement
from stocktide.foundation.embedded import Postgres
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.conftest import copied
from tests.examples import examples
from tests.ingest.ledger.test_ledger_stateful import (
    EVENTS_OF_LEDGER,
    PLACES,
    SOURCES,
    UNITS,
    item_of,
    new_event,
)
from tests.ingest.ledger.test_ledger_stateful import KINDS as DRAWN
from tests.ingest.samples import event

# Copies that hold what was recorded, and not what it comes to: the corrected event and its correction stand there.
HISTORY = {"event_identities", "corrections", "event_kinds", "served_tables", "lake_versions", "lake/movements",
           "lake/products", "lake/locations",
           # they name the entries that they are made of
           "lake/order_lines", "lake/orders", "lake/purchases", "lake/prices", "lake/promotions", "lake/customers",
           "lake/feeds_days",
           # corrections are events that came, too
           "feed_days"}  # fmt: skip
# What tells when and in which order a row was written.
WRITTEN = {"updated_at", "moved_from", "valuation_id", "recorded_at", "block"}
KEYS = {"product_id", "location_id", "purpose", "reference", "lot", "day"}
CLEARED = (
    *EVENTS_OF_LEDGER,
    "daily_demand",
    "location_daily",
    "shelf_days",
    "feed_days",
    "served_tables",
    "lake_versions",
    "runs",
)
RULES = {"hysteresis": 0.1, "sensor_milli": 500, "sensor_share": 0.0, "sensor_grace_s": 0.0}


class Side(NamedTuple):
    """A ledger of its own."""

    recorder: Recorder

    @property
    def engine(self) -> sa.Engine:
        return self.recorder.engine

    def clear(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
            for table in CLEARED:
                connection.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names from above

    def send(self, events: Sequence[dict[str, Any]]) -> None:
        if events:
            parsed = self.recorder.parser.parse_all([encoded(one) for one in events])
            outcomes = self.recorder.record_parsed(
                "till", "x", [encoded(e) for e in events], parsed
            )
            assert {outcome.name for outcome in outcomes} == {"accepted"}, outcomes


def encoded(sent: dict[str, Any]) -> bytes:
    return json.dumps(sent).encode()


@pytest.fixture
def sides(postgres: Postgres) -> Iterator[tuple[Side, Side]]:
    with copied(postgres) as one, copied(postgres) as other:
        engines = [create_engine(url) for url in (one, other)]
        for engine in engines:
            with engine.begin() as connection:
                put_products(
                    connection, [ProductIn("A", packs={"case": 12}), ProductIn("K", unit="kg")]
                )
                put_locations(connection, [LocationIn(place) for place in PLACES])
                for source in SOURCES:
                    add = sa.text("INSERT INTO sources (source) VALUES (:s)")
                    connection.execute(add, {"s": source})
        yield Side(Recorder(engines[0], Settings())), Side(Recorder(engines[1], Settings()))
        for engine in engines:
            engine.dispose()


def held(side: Side, lake: Lake, table: str) -> list[dict[str, Any]]:
    """The rows of a copy that say something; those that were only written, and are empty, are left out."""
    if table.startswith("lake/"):
        opened = open_table(lake, table.removeprefix("lake/"))  # type: ignore[arg-type]
        rows = [] if opened is None else opened.to_pyarrow_table().to_pylist()
    else:
        order = "valuation_id" if table == "valuations" else "location_id"
        query = f"SELECT to_jsonb(t) FROM {table} t ORDER BY {order}"  # noqa: S608 - names of the schema
        with side.engine.connect() as connection:
            rows = list(connection.execute(sa.text(query)).scalars())
    found = []
    for row in rows:
        said = {
            name: round(value, 6) if isinstance(value, float) else value
            for name, value in row.items()
            if name not in WRITTEN
        }
        if "day" in said or any(value for name, value in said.items() if name not in KEYS):
            found.append(said)
    # steps of costs stay in the order in which they were taken
    return sorted(found, key=lambda said: [str(said.get(name)) for name in sorted(KEYS)])


def judged(side: Side) -> set[tuple[Any, ...]]:
    """What the rules of alerts say of all pairs."""
    pairs = [(product, location) for product in (1, 2) for location in (1, 2, 3)]
    binds = {"product_ids": [p for p, _ in pairs], "location_ids": [o for _, o in pairs], **RULES}
    with side.engine.connect() as connection:
        rows = connection.execute(statement("alerts/judge_pairs"), binds)
        return {tuple(row) for row in rows if row.opens}


def as_of(side: Side) -> list[Any]:
    found = []
    for sku in UNITS:
        for place in PLACES:
            now = datetime.now(UTC)
            binds = {"sku": sku, "location": place, "at": now, "known_at": now}
            with side.engine.connect() as connection:
                row = connection.execute(statement("catalog/stock_as_of"), binds).one_or_none()
            found.append((None, 0, False, None, 0, 0, 0) if row is None else tuple(row))
    return found


def test_all_kinds_are_drawn() -> None:
    assert set(DRAWN) == {name for name, kind in KINDS.items() if not kind.corrects}
    assert set(DERIVED) - HISTORY == {
        "stock", "commitments", "lots", "valuations", "daily_demand", "location_daily", "shelf_days",
        "lake/daily_demand", "lake/daily_stock",
    }  # fmt: skip


drawn = st.binary(min_size=13, max_size=13).map(
    lambda fields: item_of(bytes([0]) + fields[1:])._replace(what="new", unit=0)
)


@pytest.mark.timeout(900)
@settings(
    max_examples=examples(5),
    phases=(Phase.generate,),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
@given(
    items=st.lists(st.tuples(drawn, st.booleans()), min_size=2, max_size=14),
    rng=st.randoms(use_true_random=False),
    requests=st.integers(1, 5),
)
def test_corrected_events_leave_every_copy_as_if_they_had_never_been(
    sides: tuple[Side, Side],
    tmp_path_factory: pytest.TempPathFactory,
    items: list[tuple[Any, bool]],
    rng: random.Random,
    requests: int,
) -> None:
    one, other = sides
    events = [(new_event(item, number), wrong) for number, (item, wrong) in enumerate(items)]
    rng.shuffle(events)
    batches: list[list[dict[str, Any]]] = [[] for _ in range(requests)]
    never: list[list[dict[str, Any]]] = [[] for _ in range(requests)]
    for sent, wrong in events:
        at = rng.randrange(requests)
        batches[at].append(sent)
        if not wrong:
            never[at].append(sent)
            continue
        of = {"corrects_id": sent["id"], "corrects_source": sent["source"], "reason": "typo"}
        later = rng.randrange(at, requests)
        void = event("correction", f"c-{sent['id']}", source=sent["source"], **of)
        batches[later].insert(rng.randrange(len(batches[later]) + 1), void)
    folder: Path = tmp_path_factory.mktemp("lakes")
    lakes = Lake(str(folder / "one")), Lake(str(folder / "other"))
    for side, sent_batches, lake in ((one, batches, lakes[0]), (other, never, lakes[1])):
        side.clear()
        for number, batch in enumerate(sent_batches):
            side.send(batch)
            if side is one and rng.random() < 0.4 and number + 1 < requests:
                run_etl(side.engine, lake)
        run_etl(side.engine, lake)
        check = check_all(side.engine, lake)
        assert check.holds, check.as_dict()["faults"]
    for table in DERIVED.keys() - HISTORY:
        assert held(one, lakes[0], table) == held(other, lakes[1], table), table
    assert judged(one) == judged(other)
    assert as_of(one) == as_of(other)


def test_copies_hold_after_many_writers_and_their_corrections(
    database: sa.Engine, tmp_path: Path
) -> None:
    """Blocks are valued in the order of locks, which need not be theirs, while corrections fold them again."""
    with database.begin() as connection:
        put_products(connection, [ProductIn("A"), ProductIn("B")])
        put_locations(connection, [LocationIn("S1"), LocationIn("S2")])
    side, lake = Side(Recorder(database, Settings())), Lake(str(tmp_path / "lake"))

    def write(writer: int) -> None:
        rng, sent = random.Random(writer), list[str]()
        for number in range(40):
            kind = rng.choice(["sale", "sale", "receipt", "transfer", "stocktake", "order"])
            more: dict[str, Any] = {"cost": rng.randint(1, 9)} if kind == "receipt" else {}
            if kind != "stocktake":
                more["quantity"] = rng.randint(1, 9)
            place: dict[str, Any] = {"location": "S1", "product": rng.choice("AB")}
            sent.append(f"{writer}-{number}")
            batch = [event(kind, sent[-1], minute=rng.randint(0, 9), **place, **more)]
            if rng.random() < 0.3:
                wrong = sent.pop(rng.randrange(len(sent)))
                batch.append(event("correction", f"c{wrong}", corrects_id=wrong))
            side.send(batch)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    run_etl(database, lake)
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM ledger")).scalar_one() > 4 * 40
    check = check_all(database, lake)
    assert check.holds, check.as_dict()["faults"]

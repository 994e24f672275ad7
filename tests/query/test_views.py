"""The documented tables: every row once, whatever the ETL does in between, and a word on every column."""

import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl import run_etl
from ingest.recording.recording import Recorder
from query import Console, all_views
from query.lake_files import handed_columns
from stocktide.foundation.database import sql
from stocktide.foundation.errors import Conflict, Fatal, Transient
from stocktide.foundation.lake_schemas import SCHEMAS
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw
from tests.query.conftest import rows_of

EXAMPLES = int(os.environ.get("QUERY_EXAMPLES", "3"))
LEDGER = "SELECT event_id, leg, quantity_milli FROM ledger ORDER BY event_id, leg"
MOVEMENTS = "SELECT event_id, leg, (quantity * 1000)::BIGINT AS quantity_milli FROM movements ORDER BY event_id, leg"


def record(recorder: Recorder, *raws: bytes) -> None:
    outcomes = recorder.record("till", "application/x-ndjson", raws)
    assert {outcome.name for outcome in outcomes} == {"accepted"}


def ledger(engine: sa.Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.text(LEDGER)).mappings()]


def land(console: Console) -> None:
    run_etl(console.engine, console.lake)


def test_every_view_says_what_each_of_its_columns_is(console: Console) -> None:
    for view in all_views():
        result = console.run(f"SELECT * FROM {view.name} LIMIT 0")  # noqa: S608 - a name of ours
        with result.spool:
            assert result.reader().schema.names == list(view.columns), view.name
        assert view.description.endswith("."), view.name
        assert all(view.columns.values()), view.name


def test_no_view_and_no_input_names_who_somebody_is_or_a_secret() -> None:
    """Views name customers by pseudonyms of the lake; the table that says whose they are is not read."""
    root = Path(str(__import__("sql").__path__[0])) / "query"
    read = [re.sub(r"--.*", "", path.read_text("utf-8")) for path in root.rglob("*.sql")]
    names = {
        *re.findall(r"\w+", " ".join(read)),
        *(n for t in SCHEMAS for n in handed_columns(t).names),
    }
    secret = re.compile(r"hash|password|secret|token|acknowledged_by|attributes|username|email")
    assert [name for name in sorted(names) if secret.search(name)] == []
    of_postgres = [path.read_text("utf-8") for path in (root / "read").iterdir()]
    assert not any("customer" in text for text in of_postgres)
    assert "customer_id" not in handed_columns("movements").names
    assert not any(
        re.search(r"\*\s*FROM (?!input_)", text) for text in read if "FROM (" not in text
    )


def test_movements_hold_each_row_once_before_and_after_it_lands(
    recorder: Recorder, console: Console
) -> None:
    record(
        recorder, raw(kind="receipt", event_id="r", quantity=10), raw(kind="transfer", event_id="t")
    )
    assert rows_of(console, MOVEMENTS) == ledger(recorder.engine)
    assert rows_of(console, "SELECT DISTINCT live FROM movements") == [{"live": True}]
    land(console)
    record(recorder, raw(kind="sale", event_id="s", quantity="0.125"))
    assert rows_of(console, MOVEMENTS) == ledger(recorder.engine)
    live = rows_of(
        console, "SELECT event_id, quantity, day::VARCHAR AS day FROM movements WHERE live"
    )
    assert live == [{"event_id": "s", "quantity": Decimal("-0.125"), "day": "2026-03-01"}]


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(
    steps=st.lists(
        st.one_of(
            st.just("land"),
            st.tuples(
                st.sampled_from(["A", "B"]), st.sampled_from(["S1", "S2"]), st.integers(1, 9)
            ),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_movements_equal_the_ledger_after_any_sales_and_landings(
    recorder: Recorder, console: Console, steps: list[Any]
) -> None:
    count = len(ledger(recorder.engine))
    for number, step in enumerate(steps):
        if step == "land":
            land(console)
            continue
        product, location, quantity = step
        sale = raw(
            kind="sale",
            event_id=f"{count}-{number}",
            product=product,
            location=location,
            quantity=quantity,
        )
        record(recorder, sale)
    assert rows_of(console, MOVEMENTS) == ledger(recorder.engine)


def test_a_row_that_commits_late_under_an_early_number_is_there_once(
    recorder: Recorder, console: Console
) -> None:
    record(recorder, raw(kind="sale", event_id="first"))
    copy = (
        "INSERT INTO ledger (entry_id, source_id, event_id, kind, product_id, location_id, quantity_milli, occurred_at)"
        " SELECT entry_id + 1000, source_id, 'late', kind, product_id, location_id, -5000, occurred_at FROM ledger"
    )
    with recorder.engine.begin() as early:
        early.execute(sa.text(copy))
        record(recorder, raw(kind="sale", event_id="second"))
        # nothing from the open transaction's number on can land yet, though one of it is committed
        land(console)
        seen = [row["event_id"] for row in rows_of(console, MOVEMENTS)]
        assert seen == ["first", "second"]
    assert [row["event_id"] for row in rows_of(console, MOVEMENTS)] == ["first", "late", "second"]
    land(console)
    assert rows_of(console, MOVEMENTS) == ledger(recorder.engine)


def hold(engine: sa.Engine, xid_from: int) -> None:
    held = (
        "INSERT INTO held_pairs (product_id, location_id, stage, error, xid_from)"
        " SELECT DISTINCT product_id, location_id, 'movements', 'broken', CAST(:xid AS bigint) FROM ledger"
        " WHERE event_id = 'held' ON CONFLICT DO NOTHING"
    )
    with engine.begin() as connection:
        connection.execute(sa.text(held), {"xid": xid_from})


@pytest.mark.parametrize("landed", [False, True])
def test_rows_of_a_pair_that_is_held_out_of_the_lake_are_there_once(
    recorder: Recorder, console: Console, landed: bool
) -> None:
    """landed: a run that was killed landed them, and did not let the pair go."""
    record(recorder, raw(kind="sale", event_id="s"))
    land(console)
    watermark = DeltaTable(console.lake.path("movements")).transaction_version("stocktide.etl")
    record(recorder, raw(kind="sale", event_id="held", product="B", location="S2"))
    record(recorder, raw(kind="sale", event_id="after"))
    if landed:
        land(console)
        hold(recorder.engine, int(watermark or 0))
    else:
        land_without(console, "held")
        hold(recorder.engine, int(watermark or 0))
    assert rows_of(console, MOVEMENTS) == ledger(recorder.engine)


def land_without(console: Console, event_id: str) -> None:
    """Land all but an event, as a run does that holds its pair out."""
    land(console)
    DeltaTable(console.lake.path("movements")).delete(f"event_id = '{event_id}'")
    kept = DeltaTable(console.lake.path("movements"))
    assert event_id not in kept.to_pyarrow_table()["event_id"].to_pylist()


def test_demand_is_as_the_lake_has_it_and_masters_join(
    recorder: Recorder, console: Console
) -> None:
    record(
        recorder,
        raw(kind="receipt", event_id="r", quantity=10),
        raw(kind="sale", event_id="s", minute=60, quantity=3, price="2.50", currency="EUR"),
    )
    land(console)
    record(recorder, raw(kind="sale", event_id="later", minute=90))
    star = (
        "SELECT p.sku, l.code, y.weekday_name, d.net, d.revenue, d.currency, s.on_hand FROM daily_demand d"
        " JOIN products p USING (product_id) JOIN locations l USING (location_id) JOIN days y USING (day)"
        " JOIN stock s USING (product_id, location_id)"
    )
    assert rows_of(console, star) == [
        {
            "sku": "A",
            "code": "S1",
            "weekday_name": "Sunday",
            "net": Decimal("3"),
            "revenue": Decimal("7.5"),
            "currency": "EUR",
            "on_hand": Decimal("6"),
        }
    ]


def test_a_lake_in_an_object_store_is_read_too(
    recorder: Recorder, console: Console, tmp_path: Path
) -> None:
    record(recorder, raw(kind="sale", event_id="s"))
    land(console)
    away = Console(
        recorder.engine,
        Settings(home=tmp_path, lake_url=f"file://{console.lake.root}"),
        jail=console.jail,
    )
    assert rows_of(away, MOVEMENTS) == ledger(recorder.engine)
    away.snapshots.close()


def test_a_lake_that_cannot_be_read_is_said_so(console: Console) -> None:
    log = Path(console.lake.path("movements")) / "_delta_log"
    log.mkdir(parents=True)
    (log / f"{0:020}.json").write_text("no log")
    with pytest.raises(Transient, match="could not be laid out"):
        rows_of(console, MOVEMENTS)


def test_a_connection_that_the_database_closed_is_replaced(
    recorder: Recorder, console: Console
) -> None:
    record(recorder, raw(kind="sale", event_id="s"))
    assert len(rows_of(console, MOVEMENTS)) == 1
    ended = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    with recorder.engine.connect() as connection:
        connection.execute(sa.text(ended))
    recorder.engine.dispose()
    assert len(rows_of(console, MOVEMENTS)) == 1


def test_a_lake_of_another_database_is_refused(recorder: Recorder, console: Console) -> None:
    record(recorder, raw(kind="sale", event_id="s"))
    land(console)
    from deltalake import CommitProperties, Transaction, write_deltalake

    table = DeltaTable(console.lake.path("movements"))
    ahead = CommitProperties(app_transactions=[Transaction("stocktide.etl", version=2**40)])
    write_deltalake(
        table, table.to_pyarrow_table().slice(0, 0), mode="append", commit_properties=ahead
    )
    with pytest.raises(Fatal, match="do not belong together"):
        rows_of(console, MOVEMENTS)


def test_a_tail_that_is_too_long_is_refused_and_not_cut(
    recorder: Recorder, console: Console, tmp_path: Path
) -> None:
    record(recorder, *[raw(kind="sale", event_id=f"s{n}") for n in range(1_001)])
    small = Settings(home=tmp_path, query_tail_rows_max=1_000)
    with pytest.raises(Conflict, match="1,000 rows of the ledger are not in the lake yet"):
        rows_of(Console(recorder.engine, small, jail=console.jail), MOVEMENTS)


def test_the_tail_is_found_by_the_index_of_transactions(recorder: Recorder) -> None:
    text = sql("query/read/live_movements").replace("$1", "'999999'")
    with recorder.engine.connect() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {text}").scalars())
    assert "Index Cond: (((xid)::text)::bigint >= " in plan

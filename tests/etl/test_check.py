"""`stocktide check` is red for whatever is wrong in a copy, and green after `stocktide rebuild`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pyarrow as pa
import pytest
import sqlalchemy as sa
from deltalake import write_deltalake

from etl import check_all, rebuild_lake, run_etl
from etl.delta import open_table
from etl.derived import DERIVED
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.ledger.rebuild import rebuild_folds
from ingest.recording.recording import Recorder
from stocktide.foundation.lake import Lake, LakeTable
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw

DAY = 1440
HALF_LIFE_S = 24 * 3600.0
# Tables that are recorded, decided or counted as things happen: there is nothing to make them from again.
RECORDED = {
    "the ledger": "ledger",
    "what people and systems told": "products locations sources successions reorder_points access_keys users webhooks"
    " epcis_movements epcis_vocabulary epcis_captures epcis_events calendar_events planned_closures planned_prices"
    " saved_queries planned_promotions planned_regressors alert_silences alert_limits currency_rates suppliers"
    " supplier_products price_breaks supplier_days service_targets stock_costs shelf_limits buyer_budgets"
    " receiving_limits approval_rules forecast_overrides what_ifs what_ifs_applied",
    "what happened at the door": "rejects reject_actions feed_minutes mqtt_first_seen watched_files statements"
    " query_handovers query_exports",
    "estimates that name their time": "feed_rhythms",
    "alerts, as they were judged": "alerts alert_events alert_faults deliveries stock_changes",
    "what was proposed, decided and ordered": "order_runs order_lines order_actions order_requests purchase_orders"
    " replays",
    "who signed in": "sessions sign_in_attempts",
    "who customers are": "customers customer_accesses personal_rights clear_ids",
    "what somebody decided, of days that the ETL flags": "unusual_days",
    "what the ETL holds out until it works": "held_pairs",
    "what the lake was when runs ended": "lake_history",
    "what rules of quality found at their time": "quality_checks",
    "runs and what models said": "runs forecast_actuals forecast_components forecast_decisions forecast_drift"
    " forecast_errors forecast_models forecast_nodes forecast_paths forecast_runs forecast_scores forecasts"
    " published_forecast lake/customer_values lead_times adjusted_forecasts override_days",
}
LAKE_TABLES = get_args(LakeTable)


class Shop(NamedTuple):
    """A recorder and its lake, with events of all kinds recorded and landed."""

    recorder: Recorder
    lake: Lake

    @property
    def engine(self) -> sa.Engine:
        return self.recorder.engine

    def record(self, *raws: bytes) -> None:
        outcomes = self.recorder.record("till", "application/x-ndjson", raws)
        assert [outcome.name for outcome in outcomes] == ["accepted"] * len(raws)

    def wrong(self, *, wanted: Callable[[str], bool] = lambda _: True) -> set[str]:
        found = check_all(self.engine, self.lake, half_life_s=HALF_LIFE_S, wanted=wanted).findings
        return {finding.part for finding in found if not finding.compared.holds}

    def rebuild(self) -> None:
        with self.engine.begin() as connection:
            rebuild_folds(connection, half_life_s=HALF_LIFE_S)
        rebuild_lake(self.engine, self.lake)

    def bend(self, *changes: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
            for change in changes:
                assert connection.execute(sa.text(change)).rowcount > 0, change

    def bend_lake(self, name: LakeTable, change: Callable[[pa.Table], pa.Table]) -> None:
        """Write a table of the lake again, as its own newest version, with something changed."""
        table = open_table(self.lake, name)
        assert table is not None
        rows = table.to_pyarrow_table()
        write_deltalake(self.lake.path(name), change(rows), mode="overwrite")


@pytest.fixture
def shop(database: sa.Engine, tmp_path: Path) -> Shop:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A", name="Apple"), ProductIn("B")])
        put_locations(connection, [LocationIn("S1", timezone="Europe/Berlin"), LocationIn("S2")])
    opened = Shop(Recorder(database, Settings()), Lake(str(tmp_path / "lake")))
    kinds = ("order", "receipt", "reservation", "sale", "return", "price", "transfer", "dispatch", "arrival", "release",
             "adjustment", "reading", "stocktake")  # fmt: skip
    extra: dict[str, dict[str, Any]] = {
        "receipt": {"lot": "L1", "expires_on": "2026-05-01", "quantity": 9},
        "order": {"expected_on": "2026-04-01"},
        "price": {"currency": "EUR", "promotion": True},
    }
    for day in range(2):
        extra["receipt"]["cost"] = 2 + day
        at = {
            kind: {"event_id": f"{kind}{day}", "minute": day * DAY + n}
            for n, kind in enumerate(kinds)
        }
        opened.record(*[raw(kind=kind, **at[kind], **extra.get(kind, {})) for kind in kinds])
    bought = {"price": "3", "order_id": "o", "customer_id": "c"}
    opened.record(raw(kind="sale", event_id="s", minute=2 * DAY, **bought))
    opened.record(raw(kind="correction", event_id="c", corrects_id="return0"))
    run_etl(database, opened.lake)
    return opened


def test_every_table_is_recorded_or_proven(database: sa.Engine, shop: Shop) -> None:
    """A new table: say in etl/derived.py what it is made from and what proves it, or here that it is recorded."""
    query = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT relispartition AND relname !~ '^(procrastinate|alembic_version)'"
    )
    with database.connect() as connection:
        tables = set(connection.execute(sa.text(query)).scalars())
    recorded = {name for names in RECORDED.values() for name in names.split()}
    assert not recorded & DERIVED.keys()
    assert recorded | DERIVED.keys() == tables | {f"lake/{name}" for name in LAKE_TABLES}
    parts = {finding.part for finding in check_all(database, shop.lake).findings}
    assert {derived.part for derived in DERIVED.values()} <= parts


def test_every_copy_has_its_row_in_the_docs() -> None:
    lines = (Path(__file__).parents[2] / "docs/copies.md").read_text("utf-8").splitlines()
    cells = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]
    rows = {row[0]: row[3] for row in cells if len(row) == 4}
    for table, derived in DERIVED.items():
        assert f"`{derived.part}`" in f"`{rows[table]}`", table


def test_check_holds_and_counts_what_waits(shop: Shop) -> None:
    assert shop.wrong() == set()
    shop.record(raw(kind="sale", event_id="new"))
    with shop.engine.begin() as connection:
        put_products(connection, [ProductIn("A", name="Pear")])
    check = check_all(shop.engine, shop.lake)
    assert check.holds
    waiting = {name: count for name, count in check.as_dict()["waiting"].items() if count}  # type: ignore[attr-defined]
    assert waiting == {"lake/movements": 1, "lake/products": 1}


BENT: dict[str, tuple[str, ...]] = {
    "stock": ("UPDATE stock SET on_hand_milli = on_hand_milli + 1 WHERE location_id = 1",),
    "stock row": ("DELETE FROM stock WHERE location_id = 2",),
    "commitments": ("UPDATE commitments SET closed_milli = closed_milli + 1",),
    "lots": ("UPDATE lots SET expires_on = expires_on + 1",),
    "costs": ("UPDATE valuations SET cost_after = cost_after + 1",),
    "costs read": ("UPDATE stock SET cost_micros = cost_micros + 1",),
    "identities": ("DELETE FROM event_identities WHERE event_id = 's'",),
    "corrections": ("DELETE FROM corrections",),
    "event_kinds": ("UPDATE event_kinds SET scored = NOT scored WHERE kind = 'receipt'",),
    "daily_demand": ("UPDATE daily_demand SET revenue_micros = revenue_micros + 1",),
    "location_daily": ("UPDATE location_daily SET out_of_stock = out_of_stock + 1",),
    "shelf_days": ("UPDATE shelf_days SET empty = empty + 1",),
    "shelf_days row": ("DELETE FROM shelf_days WHERE day > '2026-03-02'",),
    "location_daily row": (
        "INSERT INTO location_daily SELECT 2, '2020-01-01', 0, 0, 0, 0, 0, 1, 'each', 'EUR'",
    ),
    "daily_demand served": ("UPDATE served_tables SET generation = 1",),
    "lake_versions": ("UPDATE lake_versions SET rows_total = rows_total + 1",),
    "daily_demand row": (
        "INSERT INTO daily_demand SELECT 2, location_id, day + 900, sold_milli, 0, 0, 0, NULL, 0, 0, false, NULL, NULL,"
        " false, 'EUR' FROM daily_demand LIMIT 1",
    ),
}  # fmt: skip


def of_postgres(part: str) -> bool:
    return not part.startswith("lake/")


def test_check_is_red_for_a_bent_copy_and_green_after_a_rebuild(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        # the further tables of the lake are made again at the end alone
        patch.setattr("etl.tables.update.KEPT", {})
        for what, changes in BENT.items():
            shop.bend(*changes)
            # the days of a bent copy no longer add up to their sums either
            assert what.split()[0] in shop.wrong(wanted=of_postgres), what
            shop.rebuild()
            assert shop.wrong(wanted=of_postgres) == set(), what
    shop.rebuild()
    assert shop.wrong() == set()


def _one_more(name: str) -> Callable[[pa.Table], pa.Table]:
    def change(rows: pa.Table) -> pa.Table:
        values = rows.column(name).to_pylist()
        values[0] = None if isinstance(values[0], str) else (values[0] or 0) + 1
        index = rows.schema.get_field_index(name)
        return rows.set_column(
            index, rows.schema.field(name), pa.array(values, rows.schema.field(name).type)
        )

    return change


LAKE_BENT: dict[str, tuple[LakeTable, Callable[[pa.Table], pa.Table]]] = {
    "a price of movements": ("movements", _one_more("price_micros")),
    "a row of movements twice": ("movements", lambda rows: pa.concat_tables([rows, rows.slice(0, 1)])),
    "a day of daily_demand": ("daily_demand", _one_more("received_milli")),
    "a lost row of daily_demand": ("daily_demand", lambda rows: rows.slice(1)),
    "a line of order_lines": ("order_lines", _one_more("sales_micros")),
    "a sum of orders": ("orders", _one_more("sales_micros")),
    "a receipt of purchases": ("purchases", _one_more("received_milli")),
    "a price of prices": ("prices", _one_more("price_micros")),
    "a sum of customers": ("customers", _one_more("sales_micros")),
    "a day of feeds_days": ("feeds_days", _one_more("events")),
    "a cost of daily_stock": ("daily_stock", _one_more("cost_micros")),
    "a name of products": ("products", _one_more("name")),
    "a lost row of locations": ("locations", lambda rows: rows.slice(1)),
}  # fmt: skip


def test_check_is_red_for_a_bent_lake_and_green_after_a_rebuild(shop: Shop) -> None:
    for what, (name, change) in LAKE_BENT.items():
        part, table = f"lake/{name}", open_table(shop.lake, name)
        assert table is not None
        before = table.version()
        shop.bend_lake(name, change)
        assert shop.wrong(wanted=part.__eq__) == {part}, what
        table.update_incremental()
        table.restore(before)
        assert shop.wrong(wanted=part.__eq__) == set(), what
    for name in ("movements", "daily_stock", "orders"):
        shop.bend_lake(name, lambda rows: rows.slice(1))
    assert {"lake/movements", "lake/daily_stock", "lake/orders"} <= shop.wrong()
    shop.rebuild()
    assert shop.wrong() == set()


def columns_of(engine: sa.Engine, table: str) -> list[tuple[str, str]]:
    query = (
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = :table AND table_schema ="
        " 'public' AND is_generated = 'NEVER'"
    )
    with engine.connect() as connection:
        rows = connection.execute(sa.text(query), {"table": table}).all()
    return [(row[0], row[1]) for row in rows]


# What nobody reads of a copy: when it was written, and what only the writer of the next row looks at.
NOT_PROVEN = {
    "stock": {"updated_at", "moved_from"},
    "commitments": {"updated_at"},
    "valuations": {"valuation_id", "recorded_at"},
    "corrections": {"recorded_at"},
    "lake_versions": {"updated_at"},
    "served_tables": {"served_at", "xid_before"},
}
OTHER = {
    "boolean": "NOT coalesce({0}, false)",
    "text": "coalesce({0}, '') || 'x'",
    "date": "coalesce({0}, '2026-01-01') + 1000",
    "timestamp with time zone": "coalesce({0}, '2026-01-01Z') + interval '400 days'",
    "xid8": "'7'",
    "ARRAY": "array_append({0}, 7)",
    "jsonb": "'{{\"CHF\": 1000}}'",
    "double precision": "coalesce({0}, 0) + 0.25",
}


@pytest.mark.parametrize("table", [name for name in DERIVED if "/" not in name])
def test_check_is_red_for_another_value_in_any_column(shop: Shop, table: str) -> None:
    """Each column in turn, of all rows, put back after it."""
    shop.bend(f"CREATE TABLE kept AS SELECT * FROM {table}")  # noqa: S608 - names of the schema
    for name, kind in columns_of(shop.engine, table):
        if name in NOT_PROVEN.get(table, ()):
            continue
        other = OTHER.get(kind, "coalesce({0}, 0) + 1000").format(name)
        with shop.engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
            try:
                with connection.begin_nested():
                    connection.execute(sa.text(f"UPDATE {table} SET {name} = {other}"))  # noqa: S608
            except sa.exc.IntegrityError:
                continue  # the table's own rules refuse it
        assert shop.wrong(wanted=of_postgres), f"{table}.{name}"
        back = f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM kept"  # noqa: S608
        shop.bend(f"DELETE FROM {table}", back)  # noqa: S608
    assert not shop.wrong()

"""daily_demand against a slow, plain reading of the same movements."""

from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl import run_etl
from etl.delta import open_table
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.ingest.samples import START, raw

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


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(one, min_size=1, max_size=6), min_size=1, max_size=3))
def test_daily_demand_is_the_reference_however_events_arrive(
    database: sa.Engine, tmp_path_factory: Any, batches: list[list[dict[str, Any]]]
) -> None:
    folder: Path = tmp_path_factory.mktemp("lake")
    sku = folder.name  # a product of its own an example: the ledger forgets nothing
    with database.begin() as connection:
        product_id = put_products(connection, [ProductIn(sku)])[0]
        put_locations(connection, [LocationIn("S1")])
    recorder, lake = Recorder(database, Settings()), Lake(str(folder))
    events: list[dict[str, Any]] = []
    for batch in batches:
        for event in batch:
            outcome = recorder.record(
                "till", "", [raw(event_id=f"{sku}-{len(events)}", product=sku, **event)]
            )
            assert outcome[0].name == "accepted"
            events.append(event)
        run_etl(database, lake)
    table = open_table(lake, "daily_demand")
    assert table is not None
    rows = [row for row in table.to_pyarrow_table().to_pylist() if row["product_id"] == product_id]
    found = {
        row["day"]: {
            "sold": row["sold_milli"] // 1000,
            "returned": row["returned_milli"] // 1000,
            "on_hand": None if row["on_hand_milli"] is None else row["on_hand_milli"] // 1000,
        }
        for row in rows
    }
    assert found == dict(reference(events))
    assert all(row["in_stock_share"] is None or 0 <= row["in_stock_share"] <= 1 for row in rows)

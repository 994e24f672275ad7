"""What callers are told while the database has no space: every way to write says it, and what to do."""

import pytest
import sqlalchemy as sa

from tests.conftest import Api
from tests.ingest.samples import event

BATCH = {"Content-Type": "application/cloudevents-batch+json"}
FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$
"""


@pytest.mark.parametrize("kind", ["sale", "receipt", "stocktake"])
def test_whoever_writes_is_told_that_the_disk_is_full(
    database: sa.Engine, api: Api, kind: str
) -> None:
    products, places = {"products": [{"sku": "A"}]}, {"locations": [{"code": "S1"}]}
    assert api.operate.put("/v1/products", json=products).status_code == 200
    assert api.operate.put("/v1/locations", json=places).status_code == 200
    with database.begin() as connection:
        connection.execute(sa.text(FULL))
        for table in ("ledger", "event_identities", "products"):
            connection.execute(
                sa.text(
                    f"CREATE TRIGGER full_disk BEFORE INSERT ON {table} EXECUTE FUNCTION full_disk()"
                )
            )
    more = {"products": [{"sku": "B"}]}
    for answer in (
        api.operate.post("/v1/events", json=[event(kind)], headers=BATCH),
        api.operate.put("/v1/products", json=more),
    ):
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0
        assert "disk of the database is full" in answer.json()["detail"], answer.text

"""Products and locations made by mistake are removed while nothing refers to them, and never otherwise."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.ledger.removal import Table, remove_codes, remove_made_since
from ingest.recording.recording import Recorder
from ingest.terms import KINDS, put_rows
from ingest.terms.shapes import ShelfLimitIn, SupplierIn, SupplierProductIn
from stocktide.foundation.database import create_engine
from stocktide.foundation.errors import Conflict, NotFound
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw

CLOUDEVENT = "application/cloudevents+json"


def codes(engine: sa.Engine, table: Table) -> list[str]:
    column = {"products": "sku", "locations": "code"}[table]
    with engine.connect() as connection:
        return list(
            connection.execute(sa.text(f"SELECT {column} FROM {table} ORDER BY 1")).scalars()  # noqa: S608 - our own names
        )


@pytest.fixture
def shop(database: sa.Engine) -> sa.Engine:
    """Two products and two locations, one of each with a sale."""
    with database.begin() as connection:
        put_products(connection, [ProductIn("MILK-1L"), ProductIn('"MILK-1L"')])
        put_locations(connection, [LocationIn("S1"), LocationIn('"S1"')])
    event = raw(kind="sale", event_id="e1")
    outcomes = Recorder(database, Settings(create_on_first_sight=True)).record(
        "t", CLOUDEVENT, [event]
    )
    assert [outcome.name for outcome in outcomes] == ["accepted"]
    database.dispose()
    return database


@pytest.mark.parametrize("table", ["products", "locations"])
def test_what_nothing_refers_to_is_removed_and_the_rest_refused_with_what_does(
    shop: sa.Engine, table: Table
) -> None:
    before = codes(shop, table)
    (bad,) = [code for code in before if code.startswith('"')]
    with shop.connect() as connection:
        key = {"products": "product_id", "locations": "location_id"}[table]
        used = {"products": "sku", "locations": "code"}[table]
        query = f"SELECT {used} FROM ledger JOIN {table} USING ({key})"  # noqa: S608 - our own names
        (good,) = connection.execute(sa.text(query)).scalars()
    with (
        pytest.raises(Conflict, match=r"Nothing was removed.* by .*ledger"),
        shop.begin() as connection,
    ):
        remove_codes(connection, table, [good, bad])
    with pytest.raises(NotFound, match="'X'"), shop.begin() as connection:
        remove_codes(connection, table, [bad, "X"])
    assert codes(shop, table) == before
    with shop.begin() as connection:
        assert remove_codes(connection, table, [bad]) == (1, 0)
    assert codes(shop, table) == [code for code in before if code != bad]


def test_what_was_made_since_is_removed_but_for_what_is_referred_to(shop: sa.Engine) -> None:
    now = datetime.now(UTC)
    with shop.begin() as connection:
        assert remove_made_since(connection, "products", now + timedelta(hours=1)) == (0, 0)
    with shop.begin() as connection:
        told = remove_made_since(connection, "products", now - timedelta(hours=1))
    assert told.left == 1
    assert len(codes(shop, "products")) == 1


def test_nothing_is_removed_while_another_process_may_know_its_key(shop: sa.Engine) -> None:
    other = create_engine(shop.url.render_as_string(hide_password=False))
    with (
        other.connect(),
        pytest.raises(Conflict, match="1 other connections"),
        shop.begin() as connection,
    ):
        remove_codes(connection, "products", ['"MILK-1L"'])
    other.dispose()


def test_a_deletion_by_hand_is_refused_as_ever(shop: sa.Engine) -> None:
    for table in ("products", "locations", "sources"):
        for wish in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):  # noqa: S608 - our own names
            with (
                pytest.raises(sa.exc.DBAPIError, match="never deleted"),
                shop.begin() as connection,
            ):
                connection.execute(sa.text(wish))


def test_product_that_a_supplier_sells_is_not_removed(shop: sa.Engine) -> None:
    with shop.begin() as connection:
        put_rows(connection, KINDS["suppliers"], [SupplierIn(supplier="mill")], by="anna")
        sold = SupplierProductIn(supplier="mill", product='"MILK-1L"')
        put_rows(connection, KINDS["supplier-products"], [sold], by="anna")
        limit = ShelfLimitIn(location='"S1"', capacity=5)
        put_rows(connection, KINDS["shelf-limits"], [limit], by="anna")
    shop.dispose()
    for table, code, named in (
        ("products", '"MILK-1L"', "supplier_products"),
        ("locations", '"S1"', "shelf_limits"),
    ):
        with pytest.raises(Conflict, match=f"by {named}"), shop.begin() as connection:
            remove_codes(connection, table, [code])  # type: ignore[arg-type]  # a table of Table
        shop.dispose()

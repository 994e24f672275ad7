import pytest
import sqlalchemy as sa

from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from tests.conftest import Api


@pytest.fixture
def chain(database: sa.Engine) -> sa.Engine:
    """Three products of two departments, two locations of two regions."""
    with database.begin() as connection:
        put_products(
            connection,
            [
                ProductIn("A", name="Apples", department="Food", category="Fruit"),
                ProductIn("B", department="Food", category="Dairy"),
                ProductIn("C", department="Home"),
            ],
        )
        put_locations(
            connection,
            [LocationIn("S1", region="North", country="DE"), LocationIn("S2", region="South")],
        )
    return database


@pytest.fixture
def shop(chain: sa.Engine, api: Api) -> Api:
    """The API over that chain."""
    assert chain.url == chain.url
    return api

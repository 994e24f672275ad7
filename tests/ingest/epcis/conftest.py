"""A shop whose products and place EPCIS names, for tests without HTTP."""

import pytest
import sqlalchemy as sa

from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.settings import load_settings
from tests.ingest.epcis.documents import GTIN, LOT_GTIN, SHOP


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    with database.begin() as connection:
        put_products(connection, [ProductIn(GTIN), ProductIn(LOT_GTIN, unit="mg")])
        put_locations(connection, [LocationIn(SHOP)])
    return Recorder(database, load_settings())

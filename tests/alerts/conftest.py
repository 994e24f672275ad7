import pytest
import sqlalchemy as sa

from tests.alerts.shops import Shops


@pytest.fixture
def shops(database: sa.Engine) -> Shops:
    """Two products at two shops, without stock."""
    return Shops(database)

"""A desk with three proposals, and settings of it."""

import pytest
import sqlalchemy as sa

from tests.conftest import Api
from tests.purchasing.desk.acting import propose


@pytest.fixture
def desk(api: Api, database: sa.Engine) -> Api:
    """Three proposals, two of them to the mill."""
    api.operate.put("/v1/products", json={"products": [{"sku": sku} for sku in "ABC"]})
    api.operate.put("/v1/locations", json={"locations": [{"code": "S1"}]})
    propose(database, A=12, B=5, C=2)
    return api


@pytest.fixture
def two_from_fifteen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that cost 15 or more need two people."""
    monkeypatch.setenv("STOCKTIDE_ORDER_SECOND_APPROVAL", "15")

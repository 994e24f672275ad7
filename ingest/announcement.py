"""How the rest of the house learns at commit that stock or products changed."""

from collections.abc import Iterable

import sqlalchemy as sa

# NOTIFY carries at most 8,000 bytes; past this many products a batch simply says "all".
NOTIFY_PRODUCTS_MAX = 700
STOCK_CHANGED = "stock_changed"


def announce(connection: sa.Connection, product_ids: Iterable[int]) -> None:
    """Tell whoever listens, at commit, which products changed; `*` stands for all."""
    ids = sorted(set(product_ids))
    payload = "*" if len(ids) > NOTIFY_PRODUCTS_MAX else ",".join(map(str, ids))
    connection.execute(
        sa.text("SELECT pg_notify(:channel, :ids)"), {"channel": STOCK_CHANGED, "ids": payload}
    )

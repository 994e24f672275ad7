"""How the rest of the house learns at commit that stock or products changed."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from stocktide.foundation.database_names import STOCK_CHANGED

# Past this many products a batch simply says "all": dropping each by name would cost every reader more than it saves.
NOTIFY_PRODUCTS_MAX = 200


def announce(connection: sa.Connection, product_ids: Iterable[int]) -> None:
    """Tell whoever listens, at commit, which products changed; `*` stands for all."""
    connection.execute(
        sa.text("SELECT pg_notify(:channel, :ids)"),
        {"channel": STOCK_CHANGED, "ids": announced(sorted(set(product_ids)))},
    )


def announced(product_ids: Sequence[int]) -> str:
    """Return the text by which changed products, each once, are told."""
    return "*" if len(product_ids) > NOTIFY_PRODUCTS_MAX else ",".join(map(str, product_ids))

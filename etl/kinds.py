"""The table of event kinds as DuckDB joins it."""

import pyarrow as pa

from stocktide.domain.kinds import KINDS


def kind_table() -> pa.Table:
    """Return the rows of `event_kinds`, one a kind, with the columns of the table in PostgreSQL."""
    return pa.Table.from_pylist([kind.row() for kind in KINDS.values()])

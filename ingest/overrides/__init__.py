"""Overrides: what planners know better than the forecast, for any part of the chain and some days.

- `KIND`: the fields of an override, and its table.
- `put_rows`, `withdraw_row`, `list_rows`: record, take back, read. Nothing is ever overwritten.
- `put_rows_file`, `rows_csv`: the same from and to a file.
"""

from ingest.overrides.kinds import KIND
from ingest.overrides.shapes import OverrideIn
from ingest.versions import list_rows, put_rows, put_rows_file, rows_csv, withdraw_row

__all__ = [
    "KIND",
    "OverrideIn",
    "list_rows",
    "put_rows",
    "put_rows_file",
    "rows_csv",
    "withdraw_row",
]

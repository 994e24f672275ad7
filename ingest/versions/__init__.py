"""Rows that are never overwritten: a change is a new row and the end of the one before.

So what was known at any moment can be read. The calendar's plans and the terms of buying are kept this way.

- `Kind`: the fields that a sender fills in, and the table that keeps them.
- `put_rows`, `withdraw_row`, `list_rows`: record, take back, read.
- `put_rows_file`, `rows_csv`: the same from and to a file.
"""

from ingest.versions.files import put_rows_file, rows_csv
from ingest.versions.kinds import Kind
from ingest.versions.listing import list_rows
from ingest.versions.rows import RowsPut, put_rows, withdraw_row

__all__ = ["Kind", "RowsPut", "list_rows", "put_rows", "put_rows_file", "rows_csv", "withdraw_row"]

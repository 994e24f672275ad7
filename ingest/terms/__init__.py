"""Terms of buying: suppliers and what they sell, targets, costs, limits and budgets, as people and files tell them.

- `KINDS`: the ten kinds of terms, their fields and tables.
- `put_rows`, `withdraw_row`, `list_rows`: record, take back, read. Nothing is ever overwritten.
- `put_rows_file`, `rows_csv`: the same from and to a file.
"""

from ingest.terms.kinds import KINDS, kind_of
from ingest.versions import list_rows, put_rows, put_rows_file, rows_csv, withdraw_row

__all__ = [
    "KINDS",
    "kind_of",
    "list_rows",
    "put_rows",
    "put_rows_file",
    "rows_csv",
    "withdraw_row",
]

"""Plans that a chain knows ahead: events, prices, promotions, closures and other planned numbers.

- `KINDS`: the five kinds of plan, their fields and tables.
- `put_plans`, `withdraw_plan`, `list_plans`: record, take back, read. Nothing is ever overwritten.
- `put_plans_file`, `plans_csv`: the same from and to a file.
- `read_changes`, `put_changes`: plans of several kinds, and withdrawals, from one file.
"""

from ingest.calendar.files import plans_csv, put_changes, put_plans_file, read_changes
from ingest.calendar.kinds import KINDS
from ingest.calendar.listing import Wanted, list_plans
from ingest.calendar.plans import put_plans, withdraw_plan

__all__ = [
    "KINDS",
    "Wanted",
    "list_plans",
    "plans_csv",
    "put_changes",
    "put_plans",
    "put_plans_file",
    "read_changes",
    "withdraw_plan",
]

"""What the panels of the page ask for: reports on customers, in one currency at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from catalog.state import DataState
from dashboard.panels import rows_foot
from dashboard.reader import Reader
from dashboard.report_rows import Asked, read_report
from stocktide.foundation.users import User

# In addresses and reports it stands for amounts without a currency.
NO_CURRENCY = "-"
# What is known of fewer people is less about a group than about them.
FEW = 5


@dataclass(frozen=True)
class Scope:
    """What the page shows: one currency, and what the last run kept of it. values: empty before the first run."""

    reader: Reader
    user: User
    state: DataState
    currency: str
    values: Mapping[str, Any]

    def ask(self, report: str, **more: Any) -> Asked:
        """Ask for a report in the page's currency."""
        return Asked(self.reader, report, {"currency": self.currency or NO_CURRENCY, **more})

    def read(self, report: str, **more: Any) -> pd.DataFrame:
        """Read all rows of a report. Raises Transient where it cannot be had."""
        return read_report(self.ask(report, **more))

    def ask_one(self, report: str, pseudonym: str, **more: Any) -> Asked:
        """Ask for a report on one customer."""
        return Asked(self.reader, report, {"customer": pseudonym, **more})

    def read_one(self, report: str, pseudonym: str, **more: Any) -> pd.DataFrame:
        """Read a report on one customer. Raises Transient where it cannot be had."""
        return read_report(self.ask_one(report, pseudonym, **more))

    def foot(self, asked: Asked, rows: pd.DataFrame, words: str, title: str) -> None:
        """Write a panel's foot; the file has all rows, whatever part of them is shown."""
        names = {"rows", "skip"}
        every = {name: value for name, value in asked.parameters.items() if name not in names}
        whole = "found" in rows
        rows_foot(
            self.state,
            words,
            key=f"customers.{asked.name}",
            file=asked.name.replace("_", "-"),
            read=(lambda: read_report(Asked(self.reader, asked.name, every)))
            if whole
            else rows.copy,
            sql=asked.as_sql(title),
        )

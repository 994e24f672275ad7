"""Ledger to lake: cleaned movements and daily demand as Delta tables, proven equal to the ledger."""

from etl.check import stock_differences, verify_lake
from etl.run import EtlReport, run_etl

__all__ = ["EtlReport", "run_etl", "stock_differences", "verify_lake"]

from etl.check import Check, check_all, ledger_faults
from etl.rebuild import rebuild_lake
from etl.run import EtlReport, run_etl
from etl.sums import verify_lake

__all__ = [
    "Check",
    "EtlReport",
    "check_all",
    "ledger_faults",
    "rebuild_lake",
    "run_etl",
    "verify_lake",
]

from etl.check import ledger_faults, verify_lake
from etl.run import EtlReport, run_etl

__all__ = ["EtlReport", "ledger_faults", "run_etl", "verify_lake"]

"""What runs the statements of `sql/etl`: DuckDB in this process, or Spark, which reads the same files translated."""

from etl.sql_engine.chosen import chosen_engine
from etl.sql_engine.duck import duck_engine
from etl.sql_engine.engine import OpenEngine, SqlEngine

__all__ = ["OpenEngine", "SqlEngine", "chosen_engine", "duck_engine"]

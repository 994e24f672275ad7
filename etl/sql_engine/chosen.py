"""The engine that the settings name."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from etl.sql_engine.duck import duck_engine
from etl.sql_engine.engine import OpenEngine
from stocktide.foundation.settings import Settings


@contextmanager
def chosen_engine(settings: Settings) -> Iterator[OpenEngine]:
    """Give what opens databases of the engine that the settings name; Spark runs for as long as this is open."""
    if settings.engine == "duckdb":
        yield duck_engine
        return
    from stocktide.foundation.spark import spark_session

    with spark_session(settings.spark_master) as session:
        from etl.sql_engine.spark import spark_engine

        yield partial(spark_engine, session)

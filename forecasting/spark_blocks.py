"""Blocks of series fitted by Spark: a block is a row, sent pickled, and so is what is made of it."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecasting.row_blocks import blocks_sent
from stocktide.foundation.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROWS = "number long, block binary"


@contextmanager
def chosen_blocks(settings: Settings) -> Iterator[None]:
    """Compute blocks of series where the settings say: in threads of this process, or on Spark."""
    if settings.engine == "duckdb":
        yield
        return
    from stocktide.foundation.spark import spark_session

    with spark_session(settings.spark_master) as session, blocks_sent(partial(by_spark, session)):
        yield


def by_spark(
    session: "SparkSession", make: Callable[[Any], Any], blocks: Sequence[Any]
) -> list[Any]:
    """Compute blocks in the executors, and return the results in the order of the blocks."""
    rows = [(number, pickle.dumps(block)) for number, block in enumerate(blocks)]
    # a task a block: each takes about a second
    spread = session.createDataFrame(session.sparkContext.parallelize(rows, len(rows)), ROWS)
    made = spread.mapInPandas(partial(_made, make), ROWS).collect()
    found = {row["number"]: row["block"] for row in made}
    # by our own executors, from our own pickles
    return [pickle.loads(found[number]) for number in range(len(rows))]  # noqa: S301


def _made(make: Callable[[Any], Any], frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Compute the blocks of one task."""
    for frame in frames:
        blocks = [pickle.dumps(make(pickle.loads(block))) for block in frame["block"]]  # noqa: S301
        yield pd.DataFrame({"number": frame["number"], "block": blocks})

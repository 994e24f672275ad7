"""Named metrics: each is one statement in sql/metrics with its definition at the top; see docs/metrics.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from stocktide.foundation.database import sql
from stocktide.foundation.errors import NotFound


@dataclass(frozen=True)
class Metric:
    """A metric. text: the statement that computes it."""

    name: str
    definition: str
    text: str


@cache
def all_metrics() -> Sequence[Metric]:
    """Return every metric, by name."""
    folder = files("sql").joinpath("metrics")
    names = sorted(path.name.removesuffix(".sql") for path in folder.iterdir())
    return [_read(name) for name in names]


def _read(name: str) -> Metric:
    text = sql(f"metrics/{name}")
    head = []
    for line in text.splitlines():
        if not line.startswith("-- "):
            break
        head.append(line.removeprefix("-- "))
    return Metric(name, " ".join(head), text)


def metric(name: str) -> Metric:
    """Return a metric by its name. Raises NotFound that lists all of them."""
    found = {one.name: one for one in all_metrics()}
    if name not in found:
        raise NotFound(
            "metric_missing", f"There is no metric {name!r}. There are {', '.join(found)}."
        )
    return found[name]

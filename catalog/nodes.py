"""One node of the published forecast: found by its name, its parts, its sample paths, and what moved it."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from catalog.frames import read_frame
from catalog.periods import periods_from
from stocktide.domain.rhythm import rhythm_of
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid, NotFound

NEAREST_MAX = 3
OTHER = "other"
# Changes below this share of the larger total are rounding, float4 as they are kept.
ROUNDING = 1e-5
PART_COLUMNS = ["side", "version", "cutoff", "frequency", "component", "ds", "units"]


@dataclass(frozen=True)
class Moves:
    """Why two versions differ at a node, over the periods that both forecast.

    causes: cause, before, now, change (units over these periods), the largest change first; a part that only one side
    has counts 0 on the other. before, now: totals; versions: of the two. first_day: last day of the first period that
    both forecast; periods: how many; frequency: D, W, M or Q.
    """

    causes: pd.DataFrame
    before: float
    now: float
    versions: tuple[int | None, int | None]
    first_day: date
    periods: int
    frequency: str


def locate_node(engine: sa.Engine, name: str) -> int:
    """Find a node by unique id, or by level/unique id where that is ambiguous; its node_id in the published run.

    Raises NotFound (`nothing_published`, or `node_unknown` with the nearest names), Invalid (`node_ambiguous`).
    """
    with engine.connect() as connection:
        found = connection.execute(statement("catalog/nodes_named"), {"name": name}).all()
        if len(found) == 1:
            return int(found[0].node_id)
        if found:
            choices = ", ".join(
                f"{row.level_name.replace(' ', '')}/{row.unique_id}" for row in found
            )
            raise Invalid(
                "node_ambiguous", f"{name} names {len(found)} items: {choices}. Say which one."
            )
        names = list(connection.execute(statement("catalog/node_names")).scalars())
    if not names:
        raise NotFound(
            "nothing_published", "No forecast is published yet; run `stocktide forecast`."
        )
    raise NotFound(
        "node_unknown", f"The published forecast has no item {name}.{_nearest(name, names)}"
    )


def _nearest(name: str, names: Sequence[str]) -> str:
    folded = {known.casefold(): known for known in names}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=NEAREST_MAX, cutoff=0.5)
    return f" Nearest: {', '.join(folded[one] for one in close)}." if close else ""


def read_parts(engine: sa.Engine, node_id: int) -> pd.DataFrame:
    """Read a node's parts of this version and the one before: side, version, cutoff, frequency, component, ds, units.

    ds: last day of the period.
    """
    rows = read_frame(engine, "node_components", node_id=node_id)
    pieces = [
        pd.DataFrame(
            {
                "side": row["side"],
                "version": row["version"],
                "cutoff": row["cutoff"],
                "frequency": row["frequency"],
                "component": row["component"],
                "ds": periods_from(
                    row["first_day"], len(row["units"]), rhythm_of(row["frequency"])
                ),
                "units": np.asarray(row["units"], dtype=np.float64),
            }
        )
        for row in rows.to_dict("records")
    ]
    if not pieces:
        return pd.DataFrame(columns=PART_COLUMNS)
    return pd.concat(pieces, ignore_index=True)


def components(parts: pd.DataFrame) -> pd.DataFrame:
    """Return the current version's components from `read_parts`: component, ds, units (added units a period)."""
    mine = parts[(parts["side"] == "now") & parts["component"].notna()]
    return mine[["component", "ds", "units"]].reset_index(drop=True)


def read_paths(engine: sa.Engine, node_id: int) -> pd.DataFrame:
    """Read a node's sample paths: columns path, ds, units; empty where none are kept."""
    found = read_frame(engine, "node_paths", node_id=node_id)
    if found.empty:
        return pd.DataFrame(columns=["path", "ds", "units"])
    units = np.asarray(found["units"].iloc[0], dtype=np.float64)
    paths, periods = units.shape
    ahead = pd.DatetimeIndex(pd.to_datetime(found["ds"].iloc[0]))
    return pd.DataFrame(
        {
            "path": np.repeat(np.arange(1, paths + 1), periods),
            "ds": np.tile(ahead.to_numpy(), paths),
            "units": units.ravel(),
        }
    )


def what_moved(parts: pd.DataFrame) -> Moves | None:
    """Explain the change between two versions by component; None where they share no period, or there is one alone.

    parts: of `read_parts`. What the components leave unexplained is called "other".
    """
    means = parts[parts["component"].isna()]
    days = {side: set(of["ds"]) for side, of in means.groupby("side")}
    shared = days.get("now", set()) & days.get("before", set())
    # a week that ends on a Sunday is not that Sunday
    if not shared or means["frequency"].nunique() > 1:
        return None
    common = parts[parts["ds"].isin(shared)]
    totals = common[common["component"].isna()].groupby("side")["units"].sum()
    before, now = float(totals["before"]), float(totals["now"])
    causes = (
        common.dropna(subset=["component"])
        .pivot_table(index="component", columns="side", values="units", aggfunc="sum")
        .reindex(columns=["before", "now"])
        .fillna(0.0)
        .rename_axis("cause")
        .reset_index()
    )
    causes = _with_rest(causes, before, now)
    causes["change"] = causes["now"] - causes["before"]
    ordered = causes.sort_values("change", key=abs, ascending=False, ignore_index=True)
    versions = means.groupby("side")["version"].first()
    return Moves(
        causes=ordered[["cause", "before", "now", "change"]],
        before=before,
        now=now,
        versions=(_version(versions["before"]), _version(versions["now"])),
        first_day=min(shared).date(),
        periods=len(shared),
        frequency=str(means["frequency"].iloc[0]),
    )


def _with_rest(causes: pd.DataFrame, before: float, now: float) -> pd.DataFrame:
    rest = {"before": before - causes["before"].sum(), "now": now - causes["now"].sum()}
    if max(abs(rest["before"]), abs(rest["now"])) <= ROUNDING * max(before, now, 1.0):
        return causes
    return pd.concat([causes, pd.DataFrame([{"cause": OTHER, **rest}])], ignore_index=True)


def _version(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)

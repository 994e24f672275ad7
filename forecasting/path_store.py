"""Joint sample paths in the lake: a folder per run, Parquet by location, and a manifest that is written last.

`LAKE/paths/run=7/manifest.json`, `LAKE/paths/run=7/location=S1/part-000.parquet`; `path_files.py` says what is in a
file. A run without its manifest does not exist for readers.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyarrow import fs

from forecasting.intervals.joint_draw import Paths, Single
from forecasting.lake_folder import open_folder
from forecasting.path_files import blocks_of, path_columns, read_file, table_of, write_file
from stocktide.foundation.errors import Invalid, NotFound
from stocktide.foundation.lake import Lake

FORMAT = 1
FOLDER, MANIFEST = "paths", "manifest.json"
# Of chains without locations; no location is called so.
NO_LOCATION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class PathLineage:
    """Origin of stored paths. cutoff: ISO date of the last day known."""

    forecast_run_id: int
    cutoff: str
    lake_version: int
    frequency: str
    seed: int
    horizon: int


def write_paths(
    lake: Lake,
    lineage: PathLineage,
    leaves: pd.DataFrame,
    days: pd.DatetimeIndex,
    drawn: Iterable[Single],
    whole: NDArray[np.bool_],
) -> None:
    """Write one run's paths; readers find them when all are there.

    leaves: (m,) rows of keys. days: (h,). drawn: h arrays (m, B), units, as of `draw_days`; taken one by one. whole:
    (m,) leaves that sell whole units. What an earlier, killed writer left of this run is removed first.
    """
    store, root = open_folder(lake, FOLDER)
    folder = f"{root}/run={lineage.forecast_run_id}"
    _remove(store, folder)
    places = _by_location(leaves)
    files: dict[str, list[list[Any]]] = {place: [] for place in places}
    note, at, count = json.dumps(asdict(lineage)), 0, 0
    for number, block in enumerate(blocks_of(drawn, len(leaves), len(days))):
        ahead, count = days[at : at + block.shape[2]], block.shape[0]
        at += block.shape[2]
        for place, rows in places.items():
            table = table_of(leaves.iloc[rows], ahead, block[:, rows], whole[rows], note)
            name = f"location={place}/part-{number:03d}.parquet"
            files[place].append([name, write_file(store, f"{folder}/{name}", table), len(ahead)])
    if at != len(days):
        raise Invalid("paths_days", f"{len(days)} days were to be written, but {at} were drawn.")
    manifest = {"format": FORMAT, "count": count, **asdict(lineage), "files": files}
    _write_manifest(store, folder, manifest)


def read_paths(
    lake: Lake,
    *,
    location: str | None = None,
    products: Collection[str] | None = None,
    run: int | None = None,
    count: int | None = None,
) -> Paths:
    """Read the joint paths of one location (None: of a chain without locations), of the newest run or the one named.

    products: only these. count: only the first so many paths; any subset of paths is a fair sample. Sum within a path
    over products, days and, read one after the other, locations: path 7 is the same future everywhere.
    Raises NotFound (`paths_missing`): no such run or location, or a file that is not what was written.
    """
    store, root = open_folder(lake, FOLDER)
    manifest = _manifest(store, root, run)
    place = NO_LOCATION if location is None else quote(location, safe="")
    if place not in manifest["files"]:
        raise NotFound(
            "paths_missing",
            f"Run {manifest['forecast_run_id']} has no paths of location {location!r}.",
            run=manifest["forecast_run_id"],
            location=location,
        )
    named = path_columns(min(count or manifest["count"], manifest["count"]))
    folder = f"{root}/run={manifest['forecast_run_id']}"
    parts = [
        read_file(store, f"{folder}/{name}", size, periods, named, products)
        for name, size, periods in manifest["files"][place]
    ]
    days = pd.DatetimeIndex(np.concatenate([part.days for part in parts]))
    values = [part.values for part in parts]
    together = values[0] if len(values) == 1 else np.concatenate(values, axis=2)
    return Paths(parts[0].leaves, days, together)


def path_locations(lake: Lake, run: int | None = None) -> list[str | None]:
    """Return the locations that the newest run, or the one named, has paths of; None stands for a chain without.

    Raises NotFound (`paths_missing`).
    """
    store, root = open_folder(lake, FOLDER)
    places = sorted(_manifest(store, root, run)["files"])
    return [None if place == NO_LOCATION else unquote(place) for place in places]


def read_lineage(lake: Lake, run: int | None = None) -> PathLineage:
    """Read what the paths of the newest run, or of the one named, came from. Raises NotFound (`paths_missing`)."""
    store, root = open_folder(lake, FOLDER)
    manifest = _manifest(store, root, run)
    return PathLineage(**{name: manifest[name] for name in PathLineage.__dataclass_fields__})


def prune_paths(lake: Lake, keep: Collection[int]) -> list[int]:
    """Remove the paths of all runs but those in `keep`, half-written ones too. Returns the runs removed.

    The manifest goes first, so that a reader never finds a run that is half removed. One forecast runs at a time, so
    nothing that is being written is removed.
    """
    store, root = open_folder(lake, FOLDER)
    gone = [run for run in _folders(store, root) if run not in set(keep)]
    for run in gone:
        _remove(store, f"{root}/run={run}")
    return gone


def _by_location(leaves: pd.DataFrame) -> dict[str, NDArray[np.int64]]:
    if "location" not in leaves:
        return {NO_LOCATION: np.arange(len(leaves))}
    rows = leaves.reset_index(drop=True).groupby("location", sort=True).indices
    return {quote(str(name), safe=""): np.asarray(found) for name, found in rows.items()}


def _write_manifest(store: Any, folder: str, manifest: Mapping[str, Any]) -> None:
    """Write the manifest under another name, then rename it: until then the run does not exist."""
    beside = f"{folder}/{MANIFEST}.part"
    with store.open_output_stream(beside) as out:
        out.write(json.dumps(manifest).encode())
    store.move(beside, f"{folder}/{MANIFEST}")


def _manifest(store: Any, root: str, run: int | None) -> dict[str, Any]:
    for found in [run] if run is not None else reversed(_folders(store, root)):
        path = f"{root}/run={found}/{MANIFEST}"
        if _is_file(store, path):
            with store.open_input_stream(path) as file:
                read: dict[str, Any] = json.loads(file.read())
            return read
    raise NotFound(
        "paths_missing",
        "The lake holds no sample paths"
        + (f" of run {run}." if run is not None else "; run a forecast first."),
        run=run,
    )


def _folders(store: Any, root: str) -> list[int]:
    found = store.get_file_info(fs.FileSelector(root, allow_not_found=True))
    names = [
        info.base_name.removeprefix("run=") for info in found if info.type == fs.FileType.Directory
    ]
    return sorted(int(name) for name in names if name.isdigit())


def _is_file(store: Any, path: str) -> bool:
    return bool(store.get_file_info(path).type == fs.FileType.File)


def _remove(store: Any, folder: str) -> None:
    if _is_file(store, f"{folder}/{MANIFEST}"):
        store.delete_file(f"{folder}/{MANIFEST}")
    if store.get_file_info(folder).type == fs.FileType.Directory:
        store.delete_dir(folder)

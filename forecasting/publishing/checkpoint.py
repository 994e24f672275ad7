"""Finished steps of a run, kept as files: a run that was killed goes on from the last one.

A step is a folder that is renamed into place when it is whole, so that half a step is never found. Arrays lie in
`arrays.npz`, frames in Parquet, the rest in `value.json`.
"""

import dataclasses
import hashlib
import importlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from scipy import sparse

from stocktide.telemetry import log

T = TypeVar("T")
FOLDER = "checkpoints"
# Only our own records are made anew from a file.
OURS = "forecasting."
TAG = "$"
# What a file that was cut off or changed by somebody raises when it is read.
DAMAGED = (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile)


def run_key(**parts: Any) -> str:
    """Name a run by all that decides its outcome: lake version, cutoff, spec and the code itself."""
    text = json.dumps({**parts, "code": code_version()}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@cache
def code_version() -> str:
    """Hash our version and the sources of this package, so that changed code never takes up old steps."""
    digest = hashlib.sha256(version("stocktide").encode())
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(str(path.relative_to(Path(__file__).parents[1])).encode() + path.read_bytes())
    return digest.hexdigest()


class Checkpoint:
    """The steps of one run. Without a folder nothing is kept and every step is made.

    One run at a time uses a home (single flight), so whatever lies there of other keys is dead and goes.
    """

    def __init__(self, home: Path | None, key: str) -> None:
        self._folder = None if home is None else home / FOLDER / key
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        for other in self._folder.parent.iterdir():
            if other != self._folder:
                shutil.rmtree(other)

    def load_or_make(self, step: str, make: Callable[[], T]) -> T:
        """Read a step that is finished, else make it and keep it.

        make: gives arrays, sparse matrices, frames, dates, numbers, texts, and tuples, dicts and dataclasses of
        forecasting of these; lists come back as tuples. Raises TypeError for anything else, before a file is written.
        """
        if self._folder is None:
            return make()
        place = self._folder / step
        if place.is_dir():
            try:
                found: T = _read(place)
            except DAMAGED as error:
                log("checkpoint_damaged", step=step, error=str(error))
                shutil.rmtree(place)
            else:
                log("checkpoint_found", step=step)
                return found
        made = make()
        _write(place, made)
        return made

    def has(self, step: str) -> bool:
        """Tell whether a step is finished."""
        return self._folder is not None and (self._folder / step).is_dir()

    def finish(self) -> None:
        """Drop all steps: the run is published."""
        if self._folder is not None:
            shutil.rmtree(self._folder)


def _write(place: Path, value: Any) -> None:
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    frames: dict[str, pd.DataFrame] = {}
    tree = _flatten(value, arrays, frames)
    unfinished = place.with_name(f"{place.name}.{os.getpid()}.tmp")
    unfinished.mkdir()
    with (unfinished / "arrays.npz").open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # names are ours, never allow_pickle
    for name, frame in frames.items():
        frame.to_parquet(unfinished / f"{name}.parquet")
    (unfinished / "value.json").write_text(json.dumps(tree), "utf-8")
    for path in unfinished.iterdir():
        _sync(path)
    unfinished.rename(place)
    _sync(place.parent)


def _sync(path: Path) -> None:
    """Have the disk keep it: a rename must not outlive what it renames when the power goes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(place: Path) -> Any:
    tree = json.loads((place / "value.json").read_text("utf-8"))
    # opened here: numpy leaves a file that is no archive open
    with (
        (place / "arrays.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as arrays,
    ):
        return _restore(tree, dict(arrays), place)


def _flatten(
    value: Any, arrays: dict[str, np.ndarray[Any, Any]], frames: dict[str, pd.DataFrame]
) -> Any:
    """Turn a value into JSON, its arrays and frames aside under the numbers that the JSON names."""

    def aside(array: np.ndarray[Any, Any]) -> str:
        if array.dtype.hasobject:
            raise TypeError("An array of objects cannot be kept; make it a tuple.")
        name = f"a{len(arrays)}"
        arrays[name] = array
        return name

    def flat(item: Any) -> Any:
        return _flatten(item, arrays, frames)

    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return flat(value.item())
    if isinstance(value, np.ndarray):
        return {TAG: "array", "name": aside(value)}
    if isinstance(value, pd.DatetimeIndex):
        return {TAG: "days", "name": aside(value.to_numpy()), "freq": value.freqstr}
    if isinstance(value, pd.DataFrame):
        frames[f"f{len(frames)}"] = value
        return {TAG: "frame", "name": f"f{len(frames) - 1}"}
    if isinstance(value, sparse.csr_matrix):
        parts = [aside(part) for part in (value.data, value.indices, value.indptr)]
        return {TAG: "csr", "names": parts, "shape": list(value.shape)}
    if isinstance(value, date):
        kind = "instant" if isinstance(value, datetime) else "date"
        return {TAG: kind, "text": value.isoformat()}
    if isinstance(value, tuple | list):
        return [flat(item) for item in value]
    if isinstance(value, Mapping):
        return {TAG: "dict", "items": [[flat(name), flat(item)] for name, item in value.items()]}
    if dataclasses.is_dataclass(value) and type(value).__module__.startswith(OURS):
        fields = {f.name: flat(getattr(value, f.name)) for f in dataclasses.fields(value)}
        kind_of = type(value)
        return {TAG: "record", "of": [kind_of.__module__, kind_of.__qualname__], "fields": fields}
    raise TypeError(f"A {type(value).__name__} cannot be kept in a checkpoint.")


def _restore(tree: Any, arrays: Mapping[str, np.ndarray[Any, Any]], place: Path) -> Any:
    def back(item: Any) -> Any:
        return _restore(item, arrays, place)

    if isinstance(tree, list):
        return tuple(back(item) for item in tree)
    if not isinstance(tree, dict):
        return tree
    match tree[TAG]:
        case "array":
            return arrays[tree["name"]]
        case "days":
            return pd.DatetimeIndex(arrays[tree["name"]], freq=tree["freq"])
        case "frame":
            return pd.read_parquet(place / f"{tree['name']}.parquet")
        case "csr":
            data, indices, indptr = (arrays[name] for name in tree["names"])
            return sparse.csr_matrix((data, indices, indptr), shape=tuple(tree["shape"]))
        case "date":
            return date.fromisoformat(tree["text"])
        case "instant":
            return datetime.fromisoformat(tree["text"])
        case "dict":
            return {back(name): back(item) for name, item in tree["items"]}
        case "record":
            module, name = tree["of"]
            if not str(module).startswith(OURS):
                raise ValueError(f"{module}.{name} is none of our records")
            fields = {field: back(item) for field, item in tree["fields"].items()}
            return getattr(importlib.import_module(module), name)(**fields)
    raise ValueError(f"unknown kind {tree[TAG]!r} in a checkpoint")

"""Finished steps of a run, kept as files: a run that was killed resumes after the last one.

A step is a folder that is renamed into place when it is whole, so that half a step is never found. Arrays lie in
`arrays.npz`, frames in Parquet, the rest in `value.json`.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from forecasting.publishing.plain_values import DAMAGED, flatten, restore
from stocktide.foundation.telemetry import log

T = TypeVar("T")
FOLDER = "checkpoints"


def run_key(**parts: Any) -> str:
    """Return a run's name, made of all that decides its outcome: lake version, cutoff, spec and the code itself."""
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
        folder = self._folder / step
        if folder.is_dir():
            try:
                found: T = _read(folder)
            except DAMAGED as error:
                log("checkpoint_damaged", step=step, error=str(error))
                shutil.rmtree(folder)
            else:
                log("checkpoint_found", step=step)
                return found
        made = make()
        _write(folder, made)
        return made

    def has(self, step: str) -> bool:
        """Return True if a step is finished."""
        return self._folder is not None and (self._folder / step).is_dir()

    def finish(self) -> None:
        """Drop all steps: the run is published."""
        if self._folder is not None:
            shutil.rmtree(self._folder)


def _write(folder: Path, value: Any) -> None:
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    frames: dict[str, pd.DataFrame] = {}
    tree = flatten(value, arrays, frames)
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    unfinished.mkdir()
    with (unfinished / "arrays.npz").open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # names are ours, never allow_pickle
    for name, frame in frames.items():
        frame.to_parquet(unfinished / f"{name}.parquet")
    (unfinished / "value.json").write_text(json.dumps(tree), "utf-8")
    for path in unfinished.iterdir():
        _sync(path)
    unfinished.rename(folder)
    _sync(folder.parent)


def _sync(path: Path) -> None:
    """Flush a file or folder to the disk: after a power cut a rename must not be there without its content."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(folder: Path) -> Any:
    tree = json.loads((folder / "value.json").read_text("utf-8"))
    # opened here: numpy leaves a file open that is not an archive
    with (
        (folder / "arrays.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as arrays,
    ):
        return restore(tree, dict(arrays), lambda name: pd.read_parquet(folder / f"{name}.parquet"))

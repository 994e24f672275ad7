"""Values as JSON with arrays and frames aside: no code is ever loaded from a file, and only our records are rebuilt.

A value is numbers, texts, dates, arrays, sparse matrices, frames, and tuples, dicts and dataclasses of these.
"""

import dataclasses
import importlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

# Only our own records are rebuilt from a file.
OURS = "forecasting."
TAG = "$"
# What a file that was cut off or changed by somebody raises when it is read.
DAMAGED = (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile)
# Names in one file; arrays are a0, a1, and frames f0, f1, as Parquet.
TREE = "tree"


def pack(value: Any) -> bytes:
    """Pack a value into one file: an archive of arrays, frames as Parquet, and the JSON.

    Raises TypeError as `flatten` does.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    frames: dict[str, pd.DataFrame] = {}
    tree = flatten(value, arrays, frames)
    aside = {TREE: _bytes(json.dumps(tree).encode())}
    for name, frame in frames.items():
        written = io.BytesIO()
        frame.to_parquet(written)
        aside[name] = _bytes(written.getvalue())
    file = io.BytesIO()
    np.savez(file, **arrays, **aside)  # type: ignore[arg-type]  # names are ours, never allow_pickle
    return file.getvalue()


def unpack(data: bytes) -> Any:
    """Read a value that `pack` has written. Raises one of DAMAGED."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        arrays = dict(file)
    tree = json.loads(arrays[TREE].tobytes())
    return restore(tree, arrays, lambda name: pd.read_parquet(io.BytesIO(arrays[name].tobytes())))


def _bytes(data: bytes) -> np.ndarray[Any, Any]:
    return np.frombuffer(data, dtype=np.uint8)


def flatten(
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
        return flatten(item, arrays, frames)

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


def restore(
    tree: Any,
    arrays: Mapping[str, np.ndarray[Any, Any]],
    frame: Callable[[str], pd.DataFrame],
) -> Any:
    """Rebuild a value from its JSON, its arrays, and how to read a frame by its name. Raises one of DAMAGED."""

    def back(item: Any) -> Any:
        return restore(item, arrays, frame)

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
            return frame(tree["name"])
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
                raise ValueError(f"{module}.{name} is not one of our records")
            fields = {field: back(item) for field, item in tree["fields"].items()}
            return getattr(importlib.import_module(module), name)(**fields)
    raise ValueError(f"unknown kind {tree[TAG]!r} in a checkpoint")

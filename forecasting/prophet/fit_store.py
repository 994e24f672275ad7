"""Fitted models as files: one Parquet file of arrays, a row a series, with the model and its columns as metadata."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from forecasting.prophet.fits import LABELS, Fits
from forecasting.prophet.model import ProphetModel, Regressor, Seasonality
from stocktide.foundation.errors import Invalid

FORMAT = 1
_KEY = b"stocktide.prophet"
_NUMBERS = tuple(field.name for field in fields(Fits) if field.name not in LABELS)


def save_fits(path: Path, model: ProphetModel, fits: Fits) -> None:
    """Write fits and model to `path`, by way of a file beside it that is renamed, so that no half file is ever read."""
    columns: dict[str, pa.Array] = {"code": pa.array(fits.code.tolist())}
    for name in _NUMBERS:
        values = np.ascontiguousarray(getattr(fits, name), dtype=np.float64)
        if values.ndim == 1:
            columns[name] = pa.array(values)
        else:
            flat = pa.array(values.ravel())
            columns[name] = (
                pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
                if values.shape[1]
                else pa.nulls(len(values))
            )
    note = {
        "format": FORMAT,
        "model": _model_note(model),
        "keys": fits.keys,
        "component": fits.component,
        "multiplicative": fits.multiplicative.tolist(),
    }
    table = pa.table(columns).replace_schema_metadata({_KEY: json.dumps(note)})
    beside = path.with_suffix(path.suffix + ".part")
    pq.write_table(table, beside)
    beside.replace(path)


def load_fits(path: Path) -> tuple[ProphetModel, Fits]:
    """Read what `save_fits` wrote: equal to the bit. Raises Invalid (`fits_file`) for any other file."""
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, FileNotFoundError) as error:
        raise Invalid("fits_file", f"{path} cannot be read as fitted models: {error}") from error
    note = json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))
    if note.get("format") != FORMAT:
        raise Invalid(
            "fits_file",
            f"{path} holds no fitted models of format {FORMAT}; fit and save them again.",
        )
    arrays = {name: _numbers(table.column(name)) for name in _NUMBERS}
    fits = Fits(
        **arrays,
        code=np.array(table.column("code").to_pylist(), dtype="U16"),
        keys=tuple(note["keys"]),
        component=tuple(note["component"]),
        multiplicative=np.array(note["multiplicative"], dtype=np.bool_),
    )
    return _model_of(note["model"]), fits


def _numbers(column: pa.ChunkedArray) -> Any:
    together = column.combine_chunks()
    if pa.types.is_null(together.type):
        return np.zeros((len(together), 0))
    if not pa.types.is_fixed_size_list(together.type):
        return together.to_numpy(zero_copy_only=False)
    return together.flatten().to_numpy(zero_copy_only=False).reshape(len(together), -1)


def _model_note(model: ProphetModel) -> dict[str, Any]:
    note = {field.name: getattr(model, field.name) for field in fields(ProphetModel)}
    if model.holidays is not None:
        note["holidays"] = model.holidays.assign(ds=model.holidays["ds"].astype(str)).to_dict(
            "list"
        )
    if model.changepoints is not None:
        note["changepoints"] = [str(day) for day in model.changepoints]
    note["seasonalities"] = [vars(part) for part in model.seasonalities]
    note["regressors"] = [vars(part) for part in model.regressors]
    note["level_windows_days"] = list(model.level_windows_days)
    return note


def _model_of(note: dict[str, Any]) -> ProphetModel:
    given = dict(note)
    if given["holidays"] is not None:
        table = pd.DataFrame(given["holidays"])
        given["holidays"] = table.assign(ds=pd.to_datetime(table["ds"]))
    if given["changepoints"] is not None:
        given["changepoints"] = tuple(pd.Timestamp(day) for day in given["changepoints"])
    given["seasonalities"] = tuple(Seasonality(**part) for part in given["seasonalities"])
    given["regressors"] = tuple(Regressor(**part) for part in given["regressors"])
    given["level_windows_days"] = tuple(given["level_windows_days"])
    return ProphetModel(**given)

"""Cells: the columns of a caller's frame as dates and numbers; a fault is named by series and row, counted from 0."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stocktide.foundation.errors import Invalid

Array = NDArray[np.float64]
# The series of each row, for the message.
Names = NDArray[np.object_]


def read_dates(column: pd.Series, names: Names) -> pd.DatetimeIndex:
    """Read dates without a time zone, at midnight; texts are ISO 8601, for 01/02 is two days."""
    aware = _aware(column)
    if aware.any() and not aware.all():
        row = int(np.argmin(aware)) if aware[0] else int(np.argmax(aware))
        has = "has a time zone and earlier rows have none" if aware[row] else "has no time zone"
        raise Invalid(
            "ds_zone",
            f"Series {names[row]!r}, row {row}: ds {column.iloc[row]!s} {has}; give all or none.",
            row=row,
        )
    # The wall clock's day is the business day, so the zone is dropped and not converted.
    local = column.map(lambda stamp: stamp.replace(tzinfo=None)) if aware.any() else column
    if pd.api.types.is_numeric_dtype(local.dtype):
        raise Invalid("ds_invalid", "Column ds holds numbers; give dates.")
    parsed = pd.to_datetime(local, errors="coerce", format="ISO8601" if _is_text(local) else None)
    bad = np.flatnonzero(parsed.isna().to_numpy())
    if bad.size:
        row = int(bad[0])
        raise Invalid(
            "ds_invalid",
            f"Series {names[row]!r}, row {row}: ds {column.iloc[row]!r} is not a date.",
            row=row,
        )
    ds = pd.DatetimeIndex(parsed).as_unit("ns")
    hours = np.flatnonzero(ds != ds.normalize())
    if hours.size:
        row = int(hours[0])
        raise Invalid(
            "ds_time",
            f"Series {names[row]!r}, row {row}: ds {ds[row]} has a time of day; sum to days first.",
            row=row,
        )
    return ds


def _is_text(column: pd.Series) -> bool:
    return bool(column.map(lambda value: isinstance(value, str)).any())


def _aware(column: pd.Series) -> NDArray[np.bool_]:
    """Return which rows have a time zone, (rows,)."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return np.ones(len(column), dtype=np.bool_)
    if column.dtype != object:
        return np.zeros(len(column), dtype=np.bool_)
    zoned = column.map(lambda value: getattr(value, "tzinfo", None) is not None)
    return zoned.to_numpy(dtype=np.bool_)


def read_numbers(column: pd.Series, name: str, names: Names) -> Array:
    """Read a column of numbers; missing ones are NaN."""
    booleans = pd.api.types.is_bool_dtype(column.dtype)
    if pd.api.types.is_numeric_dtype(column.dtype) or booleans:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        numbers = column.map(
            lambda value: isinstance(value, int | float | np.number) and not isinstance(value, bool)
        ).to_numpy()
        bad = np.flatnonzero(~(numbers.astype(np.bool_) | column.isna().to_numpy()))
        if bad.size:
            row = int(bad[0])
            raise Invalid(
                "value_text",
                f"Series {names[row]!r}, row {row}: {name} is {column.iloc[row]!r}, not a number.",
                row=row,
            )
        values = column.astype(object).where(column.notna(), np.nan).to_numpy(dtype=np.float64)
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        row = int(infinite[0])
        raise Invalid(
            "value_infinite",
            f"Series {names[row]!r}, row {row}: {name} is {values[row]}; leave it out, or give a number.",
            row=row,
        )
    return np.asarray(values, dtype=np.float64)

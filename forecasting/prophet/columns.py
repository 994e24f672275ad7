"""The columns that series share: Fourier terms, holidays and regressors over one line of dates.

T dates, K columns. What depends on a series' own dates (time, changes of slope) is in trend.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import holidays
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.prophet.model import BUILT_IN, ProphetModel, Seasonality
from stocktide.foundation.errors import Invalid

Array = NDArray[np.float64]
EPOCH = pd.Timestamp("1970-01-01")
DAY = pd.Timedelta(days=1)
# Between a holiday's name and the day of its window.
OFFSET = "|"


@dataclass(frozen=True)
class Columns:
    """values: (T, K) float64. component: (K,) the part each column belongs to. key: (K,) its own name.

    scale: (K,) prior sd.

    multiplicative: (K,) bool. given: (K,) bool, a regressor's column, which is standardised per series; binary ones
    and those told not to be are not. own: names of regressors that differ per series; their columns of `values` are 0.
    """

    values: Array
    component: tuple[str, ...]
    key: tuple[str, ...]
    scale: Array
    multiplicative: NDArray[np.bool_]
    given: NDArray[np.bool_]
    own: tuple[str, ...]

    @property
    def size(self) -> int:
        """Return the number of columns, K."""
        return len(self.component)

    def over(self, dates: slice) -> "Columns":
        """Return the same columns over some of the dates."""
        return replace(self, values=self.values[dates])

    def matching(self, keys: Sequence[str]) -> Array:
        """Return the values (T, K) of the columns with these keys; one that is not here (a holiday) is 0 throughout."""
        at = {key: position for position, key in enumerate(self.key)}
        values = np.zeros((self.values.shape[0], len(keys)))
        for position, key in enumerate(keys):
            if key in at:
                values[:, position] = self.values[:, at[key]]
        return values


def day_numbers(ds: pd.DatetimeIndex) -> Array:
    """Count days since 1970-01-01, with fractions. Returns (T,)."""
    return np.asarray((ds - EPOCH) / DAY, dtype=np.float64)


def fourier(days: Array, period: float, order: int) -> Array:
    """Evaluate sin and cos of 2 pi i t / period for i = 1..order, in Prophet's order. Returns (T, 2 order)."""
    angle = 2.0 * np.pi * days[:, None] * (np.arange(1, order + 1)[None, :] / period)
    out = np.empty((days.size, 2 * order))
    out[:, 0::2], out[:, 1::2] = np.sin(angle), np.cos(angle)
    return out


def build_columns(
    model: ProphetModel,
    ds: pd.DatetimeIndex,
    *,
    shared: pd.DataFrame | None = None,
    own: Mapping[str, Array] | None = None,
) -> Columns:
    """Build all columns over `ds` (T,), history and future alike.

    shared: frame indexed like ds with the columns that conditions and shared regressors name. own: names of regressors
    given per series. Raises Invalid: `regressor_missing`, `regressor_nan`, `country_unknown`, `holidays`.
    """
    parts = [
        *_built_in(model, ds),
        *(_seasonal(part, model, ds, shared) for part in model.seasonalities),
        *_holidays(model, ds),
    ]
    given_own = tuple(own or ())
    for part in model.regressors:
        mode = part.mode or model.seasonality_mode
        scale = part.prior_scale or model.holidays_prior_scale
        values = np.zeros(len(ds)) if part.name in given_own else _given(shared, part.name, ds)
        parts.append((part.name, values[:, None], scale, mode == "multiplicative", True))
    return Columns(
        values=np.hstack([np.zeros((len(ds), 0)), *(values for _, values, _, _, _ in parts)]),
        component=tuple(
            name.split(OFFSET)[0] for name, values, *_ in parts for _ in range(values.shape[1])
        ),
        key=tuple(f"{name}{i}" for name, values, *_ in parts for i in range(values.shape[1])),
        scale=_spread(parts, 2).astype(np.float64),
        multiplicative=_spread(parts, 3).astype(np.bool_),
        given=_spread(parts, 4).astype(np.bool_),
        own=given_own,
    )


_Part = tuple[str, Array, float, bool, bool]


def _spread(parts: list[_Part], field: int) -> NDArray[np.generic]:
    return np.array([part[field] for part in parts for _ in range(part[1].shape[1])])


def built_in_order(model: ProphetModel, name: str, default: int) -> int:
    """Return the Fourier order of a built-in part; what "auto" leaves to the history counts as on."""
    given = getattr(model, f"{name}_seasonality")
    if given == "auto" or given is True:
        return default
    return int(given)


def _built_in(model: ProphetModel, ds: pd.DatetimeIndex) -> list[_Part]:
    parts: list[_Part] = []
    for name, period, default, _ in BUILT_IN:
        order = built_in_order(model, name, default)
        if order and not (
            name == "daily" and model.daily_seasonality == "auto" and not _within_day(ds)
        ):
            values = fourier(day_numbers(ds), period, order)
            multiplicative = model.seasonality_mode == "multiplicative"
            parts.append((name, values, model.seasonality_prior_scale, multiplicative, False))
    return parts


def _within_day(ds: pd.DatetimeIndex) -> bool:
    return len(ds) > 1 and bool(np.diff(ds.to_numpy()).min() < DAY.to_timedelta64())


def _seasonal(
    part: Seasonality, model: ProphetModel, ds: pd.DatetimeIndex, shared: pd.DataFrame | None
) -> _Part:
    values = fourier(day_numbers(ds), part.period, part.fourier_order)
    if part.condition is not None:
        values = values * (_given(shared, part.condition, ds) != 0)[:, None]
    mode = part.mode or model.seasonality_mode
    scale = part.prior_scale or model.seasonality_prior_scale
    return part.name, values, scale, mode == "multiplicative", False


def _given(shared: pd.DataFrame | None, name: str, ds: pd.DatetimeIndex) -> Array:
    if shared is None or name not in shared:
        raise Invalid(
            "regressor_missing",
            f"The model names the column {name!r}, which was not given; give it for every date, future ones too.",
            regressor=name,
        )
    values = np.asarray(shared[name].reindex(ds), dtype=np.float64)
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise Invalid(
            "regressor_nan",
            f"The column {name!r} has no finite value for {int(wrong.sum())} of {len(ds)} dates, the first is "
            f"{ds[int(np.argmax(wrong))]}.",
            regressor=name,
        )
    return values


def _holidays(model: ProphetModel, ds: pd.DatetimeIndex) -> list[_Part]:
    table = holiday_table(model, ds)
    multiplicative = (model.holidays_mode or model.seasonality_mode) == "multiplicative"
    at = pd.DatetimeIndex(ds.normalize())
    parts: list[_Part] = []
    for key, rows in table.groupby(["holiday", "offset"], sort=True):
        name, offset = key[0], int(str(key[1]))
        on = at.isin(pd.DatetimeIndex(rows["ds"]) + offset * DAY).astype(np.float64)
        if on.any():
            scale = float(rows["prior_scale"].iloc[0])
            parts.append((f"{name}{OFFSET}{offset:+d}", on[:, None], scale, multiplicative, False))
    return parts


def holiday_table(model: ProphetModel, ds: pd.DatetimeIndex) -> pd.DataFrame:
    """List holiday, ds, offset (days, one row for each day of the window) and prior_scale. Raises Invalid."""
    frames = [] if model.holidays is None else [_own_holidays(model.holidays)]
    if model.country_holidays is not None:
        frames.append(country_table(model.country_holidays, sorted(set(ds.year))))
    columns = ["holiday", "ds", "lower_window", "upper_window", "prior_scale"]
    if not frames:
        return pd.DataFrame(columns=[*columns, "offset"])
    table = pd.concat([frame.reindex(columns=columns) for frame in frames], ignore_index=True)
    table["prior_scale"] = table["prior_scale"].astype(float).fillna(model.holidays_prior_scale)
    spans = table[["lower_window", "upper_window"]].astype(float).fillna(0).astype(int)
    table["offset"] = [list(range(low, high + 1)) for low, high in spans.itertuples(index=False)]
    return table.explode("offset").dropna(subset=["offset"]).astype({"offset": int})


def _own_holidays(given: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in ("holiday", "ds") if name not in given]
    if missing:
        raise Invalid("holidays", f"The holidays table has no column {missing[0]!r}.")
    table = given.assign(ds=pd.to_datetime(given["ds"]).dt.normalize())
    if "prior_scale" in table:
        scales = table.groupby("holiday")["prior_scale"].nunique(dropna=False)
        if (scales > 1).any():
            name = scales.index[int(np.argmax(scales > 1))]
            raise Invalid("holidays", f"Holiday {name!r} is given more than one prior_scale.")
    return table


def country_table(country: str, years: Sequence[int]) -> pd.DataFrame:
    """List a country's holidays of some years: holiday, ds. Raises Invalid (`country_unknown`)."""
    try:
        found = holidays.country_holidays(
            country, years=list(years), expand=False, language="en_US"
        )
    except NotImplementedError:
        raise Invalid(
            "country_unknown",
            f"No holidays are known for {country!r}; give an ISO 3166 code such as GB, or none.",
        ) from None
    rows = [(name, pd.Timestamp(day)) for day in sorted(found) for name in found.get_list(day)]
    return pd.DataFrame(rows, columns=["holiday", "ds"])

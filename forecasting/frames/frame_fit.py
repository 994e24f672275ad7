"""Prophet over a data frame, in a notebook: a long frame in, forecasts and their parts out. No server, no database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.frames.frames import Series, from_long
from forecasting.frames.frequency import Frequency
from forecasting.prophet.fit import fit_series
from forecasting.prophet.fit_store import save_fits
from forecasting.prophet.fits import Fits
from forecasting.prophet.model import ProphetModel
from forecasting.prophet.predict import components, forecast
from forecasting.prophet.uncertainty import quantiles
from stocktide.foundation.errors import Invalid

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FrameFit:
    """Models fitted to the series of a frame; made by `fit_frame`."""

    model: ProphetModel
    series: Series
    fits: Fits

    def forecast(
        self,
        horizon: int,
        *,
        level: Sequence[int] = (80, 95),
        future: pd.DataFrame | None = None,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Forecast `horizon` dates: unique_id, ds, yhat, and yhat-lo-L, yhat-hi-L for each L (percent), and code.

        future: the regressors of those dates, a row a series and date (unique_id, ds and a column each); others answer
        "what if" at once, without another fit, as `with_holidays` does for holidays. code: why a series is odd, "" if
        it is not. Raises Invalid: `regressor_missing`, `horizon`.
        """
        ds = self._ahead(horizon)
        yhat = forecast(self.model, self.fits, ds, own=self._future(future, ds))
        table = self._table(ds).assign(yhat=yhat.ravel())
        rng = np.random.default_rng(seed)
        sides = [(f"yhat-{side}-{width}", p) for width in level for side, p in _sides(width)]
        placed = quantiles(self.model, self.fits, ds, yhat, [p for _, p in sides], rng=rng)
        for position, (name, _) in enumerate(sides):
            table[name] = placed[:, :, position].ravel()
        return table.assign(code=np.repeat(self.fits.code, horizon))

    def components(self, horizon: int, *, future: pd.DataFrame | None = None) -> pd.DataFrame:
        """Split the forecast into parts that add up to it: unique_id, ds, and a column a part."""
        ds = self._ahead(horizon)
        parts = components(self.model, self.fits, ds, own=self._future(future, ds))
        return self._table(ds).assign(**{name: values.ravel() for name, values in parts.items()})

    def with_holidays(self, holidays: pd.DataFrame) -> "FrameFit":
        """Return the same fit under other holidays ahead: dates change, effects stay as they were learnt.

        holidays: as of `ProphetModel`. Raises Invalid (`holidays`) for a name that the fit has no effect of.
        """
        known = self.model.holidays
        names = [] if known is None else known["holiday"].unique().tolist()
        new = sorted(set(holidays["holiday"]) - set(names))
        if new:
            raise Invalid(
                "holidays",
                f"The fit has no effect of {new[0]!r}; it knows {', '.join(map(str, names)) or 'none'}.",
            )
        return replace(self, model=replace(self.model, holidays=holidays))

    def save(self, path: Path) -> None:
        """Write the models as one Parquet file of arrays; `forecasting.load_fits` reads it."""
        save_fits(path, self.model, self.fits)

    def _ahead(self, horizon: int) -> pd.DatetimeIndex:
        if horizon < 1:
            raise Invalid("horizon", f"horizon is at least 1, not {horizon}.")
        return self.series.future(horizon)

    def _table(self, ds: pd.DatetimeIndex) -> pd.DataFrame:
        labels = np.array(self.series.labels, dtype=object)
        return pd.DataFrame(
            {"unique_id": np.repeat(labels, len(ds)), "ds": np.tile(ds, len(labels))}
        )

    def _future(self, future: pd.DataFrame | None, ds: pd.DatetimeIndex) -> dict[str, Array]:
        names = list(self.series.regressors)
        if not names:
            return {}
        if future is None:
            raise Invalid(
                "regressor_missing",
                f"The models use {', '.join(names)}; give their future values, a row a series and date, as `future`.",
            )
        given = from_long(future.assign(y=0.0), regressors=names, frequency=self.series.frequency)
        rows = [
            given.labels.index(name) if name in given.labels else -1 for name in self.series.labels
        ]
        at = given.days.get_indexer(ds)
        return {
            name: _picked(name, values, rows, at, self.series.labels, ds)
            for name, values in given.regressors.items()
        }


def fit_frame(
    frame: pd.DataFrame,
    model: ProphetModel | None = None,
    *,
    frequency: Frequency | None = None,
    threads: int | None = None,
) -> FrameFit:
    """Fit `model` (default: Prophet's defaults) to every series of a long frame (unique_id, ds, y, and regressors).

    The model's regressors are columns of the frame, a value a series and date. Raises Invalid as `from_long` and
    `fit_series` do, and `regressor_nan` where y is known and a regressor is not.
    """
    model = model or ProphetModel()
    names = [part.name for part in model.regressors]
    series = from_long(frame, regressors=names, frequency=frequency)
    for name, values in series.regressors.items():
        _refuse_unknown(name, values, series)
    own: Mapping[str, Array] = series.regressors
    fits = fit_series(model, series.days, series.Y, own=own, threads=threads)
    return FrameFit(model, series, fits)


def _sides(width: int) -> list[tuple[str, float]]:
    if not 0 < width < 100:
        raise Invalid("level", f"level is a percentage between 0 and 100, not {width}.")
    tail = (100 - width) / 200
    return [("lo", tail), ("hi", 1 - tail)]


def _refuse_unknown(name: str, values: Array, series: Series) -> None:
    wrong = np.isfinite(series.Y) & ~np.isfinite(values)
    if wrong.any():
        row, column = (int(at[0]) for at in np.nonzero(wrong))
        raise Invalid(
            "regressor_nan",
            f"Series {series.labels[row]!r} has y but no {name} on {series.days[column].date()}.",
            regressor=name,
        )


def _picked(
    name: str,
    values: Array,
    rows: Sequence[int],
    at: NDArray[np.intp],
    labels: Sequence[str],
    ds: pd.DatetimeIndex,
) -> Array:
    picked = np.where(np.array(rows)[:, None] >= 0, values[rows][:, at], np.nan)
    picked[:, at < 0] = np.nan
    wrong = ~np.isfinite(picked)
    if wrong.any():
        row, column = (int(where[0]) for where in np.nonzero(wrong))
        raise Invalid(
            "regressor_missing",
            f"`future` has no {name} of series {labels[row]!r} on {ds[column].date()}.",
            regressor=name,
        )
    return np.asarray(picked)

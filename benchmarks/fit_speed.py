"""The batched fit beside the prophet library and prophet-batch: speed, objective, forecasts and quantiles, in one run.

2,000 M5 store-item series of 1,550 days, same settings, all cores for ours and for prophet-batch. The library is timed
on a sample of them, fit only; then fit, 28 days ahead and 9 quantiles. On the sample the penalised objective must not
be above the library's by more than 0.01 nats, in four kinds of model. Data: `--data DIR`, else STOCKTIDE_TEST_DATA,
else ../shared/data beside the checkout; the 823 series of one store are read in windows that start a quarter apart
until there are 2,000.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks._claims import at_least, at_most, data_folder, need_package
from forecasting import ProphetModel, fit_series, predict, quantiles, quiet_prophet

Array = NDArray[np.float64]

QUANTILES = (0.005, 0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975, 0.995)
SERIES, DAYS, QUARTER = 2_000, 1_550, 91
HORIZON = 28
GAP_SHARE = 0.05
FIRST_DATE = pd.Timestamp("2011-01-29")


@dataclass(frozen=True)
class Kind:
    """One kind of model: ours, the library's maker, and which series it is shown on."""

    name: str
    model: ProphetModel
    gaps: bool
    settings: dict[str, Any]
    country: str | None = None

    def make(self, **more: Any) -> Any:
        """Make the library's model with the same settings."""
        from prophet import Prophet

        made = Prophet(**self.settings, **more)
        if self.country:
            made.add_country_holidays(self.country)
        return made


def kinds() -> list[Kind]:
    """List the kinds of model that are compared."""
    return [
        Kind("additive", ProphetModel(), False, {}),
        Kind(
            "multiplicative",
            ProphetModel(seasonality_mode="multiplicative"),
            False,
            {"seasonality_mode": "multiplicative"},
        ),
        Kind("holidays", ProphetModel(country_holidays="US"), False, {}, "US"),
        Kind("gaps", ProphetModel(), True, {}),
    ]


def read_series(folder: Path, count: int) -> tuple[Array, pd.DatetimeIndex]:
    """Read so many series of DAYS days, all on the same dates: (n, DAYS)."""
    whole = pd.read_parquet(folder / "m5" / "foods3_tx3_d1_d1913.parquet")
    values = whole.drop(columns="id").to_numpy(np.float64)
    windows = [values[:, s : s + DAYS] for s in range(0, values.shape[1] - DAYS + 1, QUARTER)]
    varied = np.concatenate(windows)
    varied = varied[varied.std(axis=1) > 0][:count]
    return varied, pd.date_range(FIRST_DATE, periods=DAYS)


def with_gaps(Y: Array, rng: np.random.Generator) -> Array:
    """Start each series at its first sale and drop one day in twenty, each on days of its own."""
    started = np.maximum.accumulate(Y > 0, axis=1)
    kept = started & (rng.random(Y.shape) >= GAP_SHARE)
    gappy = np.where(kept, Y, np.nan)
    return np.asarray(gappy[np.isfinite(gappy).sum(axis=1) >= 400])


def seconds(work: Callable[[], Any]) -> float:
    """Time one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def best_of(times: int, work: Callable[[], Any]) -> float:
    """Time the fastest of several calls: what the machine does when nobody else uses it."""
    return min(seconds(work) for _ in range(times))


def ahead(ds: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the dates of the horizon."""
    return pd.date_range(ds[-1] + pd.Timedelta(days=1), periods=HORIZON)


def ours_whole(model: ProphetModel, ds: pd.DatetimeIndex, Y: Array) -> Array:
    """Fit, forecast and place quantiles."""
    fits = fit_series(model, ds, Y)
    yhat = predict(model, fits, ahead(ds))
    return quantiles(model, fits, ahead(ds), yhat, QUANTILES, rng=np.random.default_rng(0))


def frame_of(y: Array, ds: pd.DatetimeIndex) -> pd.DataFrame:
    """Return the library's frame."""
    return pd.DataFrame({"ds": ds, "y": y})


def library_objective(made: Any) -> float:
    """Evaluate Prophet's negative log posterior at the library's own parameters, up to the same constants as ours."""
    X, scales, columns, _ = made.make_all_seasonality_features(made.history)
    k, m = float(np.ravel(made.params["k"])[0]), float(np.ravel(made.params["m"])[0])
    delta, beta = np.ravel(made.params["delta"]), np.ravel(made.params["beta"])
    sigma = float(np.ravel(made.params["sigma_obs"])[0])
    trend = made.piecewise_linear(made.history["t"].to_numpy(), delta, k, m, made.changepoints_t)
    many, added = (columns[f"{kind}_terms"].to_numpy() for kind in ("multiplicative", "additive"))
    f = trend * (1 + X.to_numpy() @ (beta * many)) + X.to_numpy() @ (beta * added)
    residual = made.history["y_scaled"].to_numpy() - f
    value: float = (
        residual.size * np.log(sigma)
        + residual @ residual / (2 * sigma**2)
        + 2 * sigma**2
        + np.abs(delta).sum() / made.changepoint_prior_scale
        + (k**2 + m**2) / 50
        + (beta**2 / (2 * np.asarray(scales) ** 2)).sum()
    )
    return value


def library_whole(kind: Kind, y: Array, ds: pd.DatetimeIndex) -> Array:
    """Fit, forecast and place quantiles by the library's own samples."""
    made = kind.make(uncertainty_samples=1000).fit(frame_of(y, ds))
    future = pd.DataFrame({"ds": ahead(ds)})
    made.predict(future)
    samples = made.predictive_samples(future)["yhat"]
    return np.asarray(np.quantile(samples, QUANTILES, axis=1).T)


def batch_seconds(Y: Array, ds: pd.DatetimeIndex) -> float:
    """Time prophet-batch's fit a series, in one process or in one a core, whichever is faster."""
    import prophet_batch

    long = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(Y.shape[0]), Y.shape[1]),
            "ds": np.tile(ds.to_numpy(), Y.shape[0]),
            "y": Y.ravel(),
        }
    )
    both: list[float] = [
        seconds(lambda jobs=jobs: prophet_batch.fit_many(long, n_jobs=jobs))  # type: ignore[misc]
        for jobs in (1, os.cpu_count() or 1)
    ]
    print(
        f"  prophet-batch: one process {both[0]:.2f} s, {os.cpu_count()} processes {both[1]:.2f} s"
    )
    fastest: float = min(both)
    return fastest / len(Y)


def compare(kind: Kind, Y: Array, ds: pd.DatetimeIndex, sample: int) -> dict[str, float]:
    """Time and score one kind of model: seconds a series, and the worst objective of the sample."""
    fit_s = best_of(3, lambda: fit_series(kind.model, ds, Y)) / Y.shape[0]
    whole_s = best_of(2, lambda: ours_whole(kind.model, ds, Y)) / Y.shape[0]
    rows = np.random.default_rng(1).choice(Y.shape[0], sample, replace=False)
    fits = fit_series(kind.model, ds, Y[rows])
    theirs, fit_times, whole_times = [], [], []
    with quiet_prophet():
        for y in Y[rows]:
            made = kind.make(uncertainty_samples=0)
            fit_times.append(seconds(lambda made=made, y=y: made.fit(frame_of(y, ds))))  # type: ignore[misc]
            theirs.append(library_objective(made))
        for y in Y[rows[: max(sample // 4, 2)]]:
            whole_times.append(seconds(lambda y=y: library_whole(kind, y, ds)))  # type: ignore[misc]
    above = fits.objective - np.array(theirs)
    return {
        "ours_ms": fit_s * 1e3,
        "prophet_ms": float(np.mean(fit_times)) * 1e3,
        "ours_whole_ms": whole_s * 1e3,
        "prophet_whole_ms": float(np.mean(whole_times)) * 1e3,
        "worst_nats": float(above.max()),
        "median_nats": float(np.median(above)),
    }


def parity(folder: Path) -> pd.DataFrame:
    """Compare forecasts and quantiles on the library's own two example series, relative to max |y|."""
    rows = []
    examples = {
        "example_wp_log_peyton_manning.csv": (365, "D"),
        "example_retail_sales.csv": (24, "MS"),
    }
    for name, (horizon, frequency) in examples.items():
        history = pd.read_csv(folder / "prophet" / name, parse_dates=["ds"])
        ds, y = pd.DatetimeIndex(history["ds"]), history["y"].to_numpy(np.float64)
        for mode in ("additive", "multiplicative"):
            rows.append(_parity_of(name, mode, history, ds, y, horizon, frequency))
    return pd.DataFrame(rows)


def _parity_of(
    name: str,
    mode: Any,
    history: pd.DataFrame,
    ds: pd.DatetimeIndex,
    y: Array,
    horizon: int,
    frequency: str,
) -> dict[str, Any]:
    from prophet import Prophet

    with quiet_prophet():
        made = Prophet(seasonality_mode=mode, uncertainty_samples=20_000).fit(history)
        future = made.make_future_dataframe(horizon, freq=frequency)
        np.random.seed(0)  # noqa: NPY002 - the library draws from the global state
        theirs = made.predict(future)["yhat"].to_numpy()
        samples = made.predictive_samples(future[-horizon:])["yhat"]
    model = ProphetModel(seasonality_mode=mode)
    fits = fit_series(model, ds, y[None])
    dates = pd.DatetimeIndex(future["ds"])
    yhat = predict(model, fits, dates)
    placed = quantiles(
        model, fits, dates[-horizon:], yhat[:, -horizon:], QUANTILES, rng=np.random.default_rng(0)
    )[0]
    scale = np.abs(y).max()
    off = np.abs(yhat[0] - theirs) / scale
    return {
        "series": name.removeprefix("example_").removesuffix(".csv"),
        "mode": mode,
        "yhat_rms": float(np.sqrt((off**2).mean())),
        "yhat_max_ahead": float(off[-horizon:].max()),
        "yhat_max_past": float(off[:-horizon].max()),
        "quantile_max": float(
            np.abs(placed - np.quantile(samples, QUANTILES, axis=1).T).max() / scale
        ),
        "objective_below_by": library_objective(made) - float(fits.objective[0]),
    }


def main() -> None:
    """Run as described at the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sample", type=int, default=40, help="series that the library fits")
    parser.add_argument("--quick", action="store_true", help="400 series, a sample of 6")
    given = parser.parse_args()
    logging.disable(logging.INFO)
    need_package("prophet_batch")
    folder = data_folder(given.data, "m5")
    Y, ds = read_series(folder, 400 if given.quick else SERIES)
    sample = 6 if given.quick else given.sample
    print(f"{Y.shape[0]:,} series x {Y.shape[1]:,} days, {os.cpu_count()} cores; ms a series")
    fit_series(ProphetModel(), ds, Y[:64])
    gappy = with_gaps(Y, np.random.default_rng(0))
    found = {kind.name: compare(kind, gappy if kind.gaps else Y, ds, sample) for kind in kinds()}
    table = pd.DataFrame(found).T
    table["fit_ratio"] = table["prophet_ms"] / table["ours_ms"]
    table["whole_ratio"] = table["prophet_whole_ms"] / table["ours_whole_ms"]
    print(table.round(3).to_string())
    batch_ms = batch_seconds(Y[: 100 if given.quick else 600], ds) * 1e3
    likeness = parity(folder)
    print("\nThe library's own examples, differences relative to max |y|:")
    print(likeness.round(5).to_string(index=False))
    _claims(table, batch_ms, likeness)


def _claims(table: pd.DataFrame, batch_ms: float, likeness: pd.DataFrame) -> None:
    additive = {str(name): float(str(value)) for name, value in table.loc["additive"].items()}
    at_least("fit_vs_prophet", additive["fit_ratio"], 300)
    at_least("fit_vs_prophet_batch", batch_ms / additive["ours_ms"], 20)
    for name, row in table.iterrows():
        at_least(f"forecast_vs_prophet_{name}", row["whole_ratio"], 100)
        at_most(f"objective_above_{name}", row["worst_nats"], 0.01)
    at_most("yhat_off", likeness[["yhat_rms", "yhat_max_ahead"]].max().max(), 0.005)
    at_most("yhat_off_past_max", likeness["yhat_max_past"].max(), 0.005)
    at_most("quantiles_off", likeness["quantile_max"].max(), 0.02)


if __name__ == "__main__":
    main()

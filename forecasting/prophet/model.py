"""Specification of a Prophet model: names and defaults are Prophet's own; what is ours is off by default."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from stocktide.foundation.errors import Invalid

Mode = Literal["additive", "multiplicative"]
Growth = Literal["linear", "flat", "logistic"]
Order = Literal["auto"] | bool | int
Scaling = Literal["absmax", "minmax", "mean", "none"]
Target = Literal["identity", "log1p"]

YEAR_DAYS, WEEK_DAYS, DAY_DAYS = 365.25, 7.0, 1.0
# The parts whose order a model gives by number or leaves to the history: name, period, order, history needed (days).
BUILT_IN = (
    ("yearly", YEAR_DAYS, 10, 730.0),
    ("weekly", WEEK_DAYS, 3, 14.0),
    ("daily", DAY_DAYS, 4, 2.0),
)


@dataclass(frozen=True)
class Seasonality:
    """One Fourier series. period: days. condition: a 0/1 column of the regressor frame that switches it, or None.

    prior_scale, mode: None takes the model's.
    """

    name: str
    period: float
    fourier_order: int
    prior_scale: float | None = None
    mode: Mode | None = None
    condition: str | None = None


@dataclass(frozen=True)
class Regressor:
    """One extra column, shared by all series or one a series. prior_scale, mode: None takes the model's."""

    name: str
    prior_scale: float | None = None
    standardize: Literal["auto"] | bool = "auto"
    mode: Mode | None = None


@dataclass(frozen=True)
class ProphetModel:
    """A model to fit. Everything down to `scaling` is Prophet's, with its defaults.

    holidays: frame of holiday, ds and optionally lower_window, upper_window (days), prior_scale. country_holidays: ISO
    code. seasonalities, regressors: beyond the built-in ones. scaling: "mean" (of the last year) and "none" are ours.
    Ours, too: recency_half_life_days weights a day by 2^(-age / half life); target fits log(1 + y); level_windows_days
    corrects the forecast by sum(y) / sum(fit) over the last days, averaged over these windows.
    """

    growth: Growth = "linear"
    changepoints: Sequence[pd.Timestamp] | None = None
    n_changepoints: int = 25
    changepoint_range: float = 0.8
    yearly_seasonality: Order = "auto"
    weekly_seasonality: Order = "auto"
    daily_seasonality: Order = "auto"
    holidays: pd.DataFrame | None = None
    country_holidays: str | None = None
    seasonality_mode: Mode = "additive"
    seasonality_prior_scale: float = 10.0
    holidays_prior_scale: float = 10.0
    holidays_mode: Mode | None = None
    changepoint_prior_scale: float = 0.05
    scaling: Scaling = "absmax"
    seasonalities: Sequence[Seasonality] = ()
    regressors: Sequence[Regressor] = ()
    recency_half_life_days: float | None = None
    target: Target = "identity"
    level_windows_days: Sequence[int] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be fitted. Raises Invalid (`model`), which names the field."""
        for name in (
            "seasonality_prior_scale",
            "holidays_prior_scale",
            "changepoint_prior_scale",
        ):
            _require(getattr(self, name) > 0, name, getattr(self, name), "above 0")
        _require(
            0 < self.changepoint_range <= 1,
            "changepoint_range",
            self.changepoint_range,
            "in (0, 1]",
        )
        _require(self.n_changepoints >= 0, "n_changepoints", self.n_changepoints, "at least 0")
        half_life = self.recency_half_life_days
        _require(
            half_life is None or half_life > 0,
            "recency_half_life_days",
            half_life,
            "above 0, or None",
        )
        for part in self.seasonalities:
            _require(part.period > 0, f"period of {part.name}", part.period, "above 0 days")
            _require(
                part.fourier_order >= 1,
                f"fourier_order of {part.name}",
                part.fourier_order,
                "at least 1",
            )
        scaled: tuple[Seasonality | Regressor, ...] = (*self.seasonalities, *self.regressors)
        names = [part.name for part in scaled]
        twice = sorted({name for name in names if names.count(name) > 1})
        _require(not twice, "name", twice[0] if twice else None, "given once")
        for item in scaled:
            scale = item.prior_scale
            _require(scale is None or scale > 0, f"prior_scale of {item.name}", scale, "above 0")


def _require(holds: bool, name: str, value: object, what: str) -> None:
    if not holds:
        raise Invalid("model", f"{name} is {what}, not {value!r}.", setting=name)

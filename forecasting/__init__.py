"""Lake to forecasts: a hierarchy, Prophet for every node, reconciled, tested, logged and published.

In a notebook, without server or database: `fit_frame(frame).forecast(28)`; for a hierarchy `from_long` or `from_wide`,
`fit_series`, `build_hierarchy` and `reconcile`.
"""

from forecasting.baselines import BASELINES, baseline
from forecasting.choose import Choice
from forecasting.demand_class import demand_classes
from forecasting.experiment import TrackingStore
from forecasting.fit import Fits, fit_series
from forecasting.fit_store import load_fits, save_fits
from forecasting.forecast import Forecast, make_forecast
from forecasting.frame_demand import demand_of
from forecasting.frame_fit import FrameFit, fit_frame
from forecasting.frames import Series, from_long, from_wide
from forecasting.hierarchy import Hierarchy, build_hierarchy
from forecasting.logistic import forecast_logistic
from forecasting.model import ProphetModel, Regressor, Seasonality
from forecasting.paths import coherent_paths, leaf_paths, node_paths
from forecasting.periods import sum_periods
from forecasting.reconcile import METHODS, reconcile
from forecasting.run import ForecastReport, run_forecast
from forecasting.scikit_hts import from_nodes
from forecasting.scores import score, value_added
from forecasting.shares import recent_shares
from forecasting.spec import ForecastSpec, spec_from_toml
from forecasting.uncertainty import quantiles

__all__ = [
    "BASELINES",
    "METHODS",
    "Choice",
    "Fits",
    "Forecast",
    "ForecastReport",
    "ForecastSpec",
    "FrameFit",
    "Hierarchy",
    "ProphetModel",
    "Regressor",
    "Seasonality",
    "Series",
    "TrackingStore",
    "baseline",
    "build_hierarchy",
    "coherent_paths",
    "demand_classes",
    "demand_of",
    "fit_frame",
    "fit_series",
    "forecast_logistic",
    "from_long",
    "from_nodes",
    "from_wide",
    "leaf_paths",
    "load_fits",
    "make_forecast",
    "node_paths",
    "quantiles",
    "recent_shares",
    "reconcile",
    "run_forecast",
    "save_fits",
    "score",
    "spec_from_toml",
    "sum_periods",
    "value_added",
]

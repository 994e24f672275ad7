"""Lake to forecasts: a hierarchy, Prophet for every node, reconciled, tested, logged and published."""

from forecasting.experiment import TrackingStore
from forecasting.hierarchy import Hierarchy, build_hierarchy
from forecasting.reconcile import METHODS, reconcile
from forecasting.run import ForecastReport, run_forecast
from forecasting.scikit_hts import from_nodes
from forecasting.spec import ForecastSpec, spec_from_toml

__all__ = [
    "METHODS",
    "ForecastReport",
    "ForecastSpec",
    "Hierarchy",
    "TrackingStore",
    "build_hierarchy",
    "from_nodes",
    "reconcile",
    "run_forecast",
    "spec_from_toml",
]

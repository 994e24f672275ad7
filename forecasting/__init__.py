"""Lake to forecasts: a hierarchy, Prophet for every node, reconciled, tested, logged and published."""

from forecasting.baselines import BASELINES, baseline
from forecasting.choose import Choice
from forecasting.demand_class import demand_classes
from forecasting.experiment import TrackingStore
from forecasting.forecast import Forecast, make_forecast
from forecasting.frames import Series, from_long, from_wide
from forecasting.hierarchy import Hierarchy, build_hierarchy
from forecasting.periods import sum_periods
from forecasting.reconcile import METHODS, reconcile
from forecasting.run import ForecastReport, run_forecast
from forecasting.scikit_hts import from_nodes
from forecasting.scores import score, value_added
from forecasting.shares import recent_shares
from forecasting.spec import ForecastSpec, spec_from_toml

__all__ = [
    "BASELINES",
    "METHODS",
    "Choice",
    "Forecast",
    "ForecastReport",
    "ForecastSpec",
    "Hierarchy",
    "Series",
    "TrackingStore",
    "baseline",
    "build_hierarchy",
    "demand_classes",
    "from_long",
    "from_nodes",
    "from_wide",
    "make_forecast",
    "recent_shares",
    "reconcile",
    "run_forecast",
    "score",
    "spec_from_toml",
    "sum_periods",
    "value_added",
]

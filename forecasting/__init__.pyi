from forecasting.assuming.assume import assume
from forecasting.assuming.assumed import Assumed
from forecasting.assuming.published import assume_published
from forecasting.baselines.baseline import BASELINES, baseline
from forecasting.choosing.choose import Choice
from forecasting.choosing.kept import Learnt
from forecasting.choosing.scores import score, value_added
from forecasting.forecast import make_forecast
from forecasting.forecast_result import Forecast
from forecasting.frames.frame_demand import demand_of
from forecasting.frames.frame_fit import FrameFit, fit_frame
from forecasting.frames.frames import Series, from_long, from_wide
from forecasting.intervals.coverage import DECILES, share_held, weighted_quantile_loss
from forecasting.intervals.joint_draw import PathPlan, Paths, draw_days, leaf_keys
from forecasting.intervals.paths import coherent_paths, find_templates, leaf_paths, node_paths
from forecasting.intervals.probabilities import QUANTILES
from forecasting.nodes.demand import Demand
from forecasting.nodes.demand_class import demand_classes
from forecasting.nodes.known_ahead import KnownAhead, PlannedRegressor
from forecasting.nodes.plan_effects import plan_effects
from forecasting.path_store import PathLineage, prune_paths, read_lineage, read_paths, write_paths
from forecasting.prophet.fit import fit_series
from forecasting.prophet.fit_store import load_fits, save_fits
from forecasting.prophet.fits import Fits
from forecasting.prophet.logistic import forecast_logistic
from forecasting.prophet.model import ProphetModel, Regressor, Seasonality
from forecasting.prophet.predict import forecast as predict
from forecasting.prophet.uncertainty import quantiles
from forecasting.publishing.experiment import TrackingStore
from forecasting.quiet_prophet import quiet_prophet
from forecasting.refresh import refresh_forecast
from forecasting.refresh_run import run_refresh
from forecasting.rolling import Rolled, known_demand, rolling_forecasts
from forecasting.run import run_forecast
from forecasting.run_report import ForecastReport
from forecasting.sampling import sample_paths
from forecasting.spec import ForecastSpec, spec_from_toml
from forecasting.structure.hierarchy import Hierarchy, build_hierarchy
from forecasting.structure.periods import sum_periods
from forecasting.structure.reconcile import METHODS, Method, reconcile
from forecasting.structure.scikit_hts import from_nodes
from forecasting.structure.shares import recent_shares

__all__ = [
    "BASELINES",
    "DECILES",
    "METHODS",
    "QUANTILES",
    "Assumed",
    "Choice",
    "Demand",
    "Fits",
    "Forecast",
    "ForecastReport",
    "ForecastSpec",
    "FrameFit",
    "Hierarchy",
    "KnownAhead",
    "Learnt",
    "Method",
    "PathLineage",
    "PathPlan",
    "Paths",
    "PlannedRegressor",
    "ProphetModel",
    "Regressor",
    "Rolled",
    "Seasonality",
    "Series",
    "TrackingStore",
    "assume",
    "assume_published",
    "baseline",
    "build_hierarchy",
    "coherent_paths",
    "demand_classes",
    "demand_of",
    "draw_days",
    "find_templates",
    "fit_frame",
    "fit_series",
    "forecast_logistic",
    "from_long",
    "from_nodes",
    "from_wide",
    "known_demand",
    "leaf_keys",
    "leaf_paths",
    "load_fits",
    "make_forecast",
    "node_paths",
    "plan_effects",
    "predict",
    "prune_paths",
    "quantiles",
    "quiet_prophet",
    "read_lineage",
    "read_paths",
    "recent_shares",
    "reconcile",
    "refresh_forecast",
    "rolling_forecasts",
    "run_forecast",
    "run_refresh",
    "sample_paths",
    "save_fits",
    "score",
    "share_held",
    "spec_from_toml",
    "sum_periods",
    "value_added",
    "weighted_quantile_loss",
    "write_paths",
]

"""Lake to forecasts: a hierarchy, Prophet for every node, reconciled, tested, logged and published.

In a notebook, without server or database: `fit_frame(frame).forecast(28)`; for a hierarchy `from_long` or `from_wide`,
`fit_series`, `build_hierarchy` and `reconcile`.
"""

# at once: its module has its name, which would hide the function
from forecasting.quiet_prophet import quiet_prophet as quiet_prophet
from stocktide.foundation.lazy import lazy_names

# pandas, SciPy and MLflow take seconds, and an import of one module here does not need all of them
__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)

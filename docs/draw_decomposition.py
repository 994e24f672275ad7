"""Draws docs/pictures/decomposition.png: the sample chain's daily sales, taken apart.

Usage: python docs/draw_decomposition.py
"""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import vl_convert

from dashboard.forecasts.figures import component_tiles
from dashboard.forecasts.node_picture import stack
from dashboard.theme import LIGHT
from data import simulate
from forecasting import ProphetModel, Seasonality, fit_series
from forecasting.prophet.predict import components

END = date(2026, 1, 5)
SHOWN_DAYS, HORIZON = 365, 28


def main() -> None:
    """Fit one series and draw its parts, a year back and four weeks ahead."""
    truth = simulate(seed=7, days=730, end=END).truth
    days = pd.DatetimeIndex(truth.days.astype("datetime64[ns]"))
    sold = (truth.sold / 1000.0).sum(axis=0)
    Y = np.where(sold > 0, sold, np.nan)[None]
    model = ProphetModel(
        country_holidays="PT",
        yearly_seasonality=False,
        seasonalities=(Seasonality("yearly", 365.25, 3, prior_scale=0.5),),
    )
    fits = fit_series(model, days, Y)
    shown = pd.date_range(days[-SHOWN_DAYS], periods=SHOWN_DAYS + HORIZON)
    made = components(model, fits, shown)
    parts = {name: made.pop(name) for name in ("trend", "yearly", "weekly")}
    parts["holidays"] = np.sum(list(made.values()), axis=0)
    long = pd.concat(
        pd.DataFrame({"component": name, "ds": shown, "units": values[0]})
        for name, values in parts.items()
    )
    first, *others = component_tiles(long, days[-1], LIGHT)
    spec = stack(first, others, ground="#FFFFFF", text=LIGHT.actual)
    png = vl_convert.vegalite_to_png(spec, scale=1.4)
    (Path(__file__).parent / "pictures" / "decomposition.png").write_bytes(png)


if __name__ == "__main__":
    main()

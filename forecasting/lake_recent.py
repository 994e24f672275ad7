"""Sales since a forecast was made: its leaves, by its periods, as a run would read them."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pandas as pd

from forecasting.frames.frequency import Frequency
from forecasting.lake_demand import daily_units_schema, in_rhythm, opened
from forecasting.lake_unusual import with_usual_units
from forecasting.lake_window import read_window
from forecasting.nodes.demand import Demand, densify
from forecasting.nodes.stockout import EMPTY_RUN_DAYS_MAX
from stocktide.foundation.database import sql
from stocktide.foundation.errors import NotFound
from stocktide.foundation.lake import Lake

KEYS = ("location", "product")


def read_since(
    lake: Lake, cutoff: date, *, now: datetime, frequency: Frequency, unusual: pd.DataFrame
) -> Demand | None:
    """Read the whole periods after a forecast's cutoff that are over at `now` (aware); None where there are none.

    unusual: days that count as usual ones, of `read_unusual_days`. A product without a sale has no leaf.
    """
    try:
        with opened(lake) as (connection, version):
            window = read_window(connection, now, frequency)
            # an empty shelf is carried on from days before
            first = cutoff + timedelta(days=1)
            since = first - timedelta(days=EMPTY_RUN_DAYS_MAX if frequency == "D" else 0)
            days = {"since": since - timedelta(days=1), "through": window.through}
            if window.through <= cutoff:
                return None
            pairs = connection.execute(
                sql("forecasting/pairs"), {**days, "ranked_since": window.through}
            ).df()
            daily = connection.execute(sql("forecasting/daily_units"), days).df()
    except NotFound:
        return None
    if pairs.empty:
        return None
    units, _ = with_usual_units(daily_units_schema().validate(daily), unusual)
    demand = densify(pairs, units, KEYS, through=window.through, lake_version=version, since=since)
    found = in_rhythm(demand, window)
    after = found.days >= pd.Timestamp(first)
    return replace(
        found, days=found.days[after], units=found.units[:, after], empty=found.empty[:, after]
    )

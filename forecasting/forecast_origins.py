"""Origins that a run forecasts: those that teach, and the one whose period is reported."""

from forecasting.choosing.origins import teaching_origins
from forecasting.experts.cycles import CYCLES
from forecasting.nodes.demand import Demand
from forecasting.spec import ForecastSpec


def reported_origin(demand: Demand, spec: ForecastSpec) -> int | None:
    """Return the periods known at the origin of the reported period, the last horizon; None if they are too few."""
    known = demand.days.size - spec.horizon_days
    return known if known >= CYCLES[demand.frequency].ended_periods else None


def all_origins(demand: Demand, spec: ForecastSpec) -> list[int]:
    """List the periods known at every origin that a run tests, oldest first: those that teach, and the reported one."""
    cycles, horizon, recent = CYCLES[demand.frequency], spec.horizon_days, spec.backtest_origins
    ends = [demand.days.size]
    reported = reported_origin(demand, spec)
    if reported is not None:
        ends.append(reported)
    teaching = {
        known for end in ends for known in teaching_origins(cycles, horizon, end, recent=recent)
    }
    return sorted(teaching | ({reported} if reported is not None else set()))


def full_origins(demand: Demand, spec: ForecastSpec) -> set[int]:
    """Return the origins at which levels of many nodes are fitted: the two nearest, and the one a year ago.

    Seen from the last period, and from the reported origin.
    """
    reported = reported_origin(demand, spec)
    ends = [demand.days.size] + ([reported] if reported is not None else [])
    horizon, year = spec.horizon_days, CYCLES[demand.frequency].year
    near = {end - back for end in ends for back in (horizon, 2 * horizon, year)}
    return near & set(all_origins(demand, spec))

"""Which origins teach: the last ones, and those before the season ahead, a year ago."""

from forecasting.experts.cycles import Cycles

SEASON_ORIGINS = 3


def least_known(cycles: Cycles, horizon: int, periods: int) -> int:
    """Return how many periods an origin must know to be worth a test."""
    return max(2 * horizon, min(cycles.year, periods // 2))


def teaching_origins(cycles: Cycles, horizon: int, periods: int, *, recent: int) -> list[int]:
    """List how many periods each origin knows that teaches a forecast after `periods`, oldest first, each once.

    recent: how many of the last ones. A year ago the season ahead was last seen: the origin then, and those a horizon
    after and before it where the horizon is short beside a year.
    """
    last = [periods - (back + 1) * horizon for back in range(recent)]
    ago = periods - cycles.year
    shifts = (0, horizon, -horizon) if horizon < cycles.year // 4 else (0,)
    season = [ago + shift for shift in shifts[:SEASON_ORIGINS]]
    least = least_known(cycles, horizon, periods)
    return sorted({known for known in [*last, *season] if least <= known <= periods - horizon})

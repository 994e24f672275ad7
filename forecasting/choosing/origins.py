"""Origins that teach: the last ones, and those before the season ahead, a year ago."""

from forecasting.experts.cycles import Cycles

SEASON_ORIGINS = 3


def least_known(cycles: Cycles, horizon: int, periods: int) -> int:
    """Return how many periods an origin must know to be worth a test.

    As many as it forecasts, and half of what is known now or a year: from less, models are others than they are now.
    """
    return max(horizon, min(cycles.year, periods // 2))


def teaching_origins(cycles: Cycles, horizon: int, periods: int, *, recent: int) -> list[int]:
    """List how many periods each origin knows that teaches a forecast after `periods`, oldest first, each once.

    recent: how many of the last ones; a short history that lacks some has them half a horizon apart, for two tests that
    share periods teach more than one. A year ago the season ahead was last seen: the origin then, and those a horizon
    after and before it where the horizon is short beside a year.
    """
    least = least_known(cycles, horizon, periods)
    apart = horizon
    if periods - recent * horizon < least:
        apart = max(1, horizon // 2)
    last = [periods - horizon - back * apart for back in range(recent)]
    ago = periods - cycles.year
    shifts = (0, horizon, -horizon) if horizon < cycles.year // 4 else (0,)
    season = [ago + shift for shift in shifts[:SEASON_ORIGINS]]
    return sorted({known for known in [*last, *season] if least <= known <= periods - horizon})

"""The level that sales have now, as an order line tells it."""

from collections.abc import Mapping
from typing import Any

# Less than this nobody needs to read.
TOLD_MIN = 0.01


def level_words(level: Mapping[str, Any] | None, period: str) -> str:
    """Return the end of a line's sentence where its paths were moved, else nothing.

    "; the forecast is lowered by 18 %, since 102 sold where 140 were expected of the last 26 days".
    """
    if level is None or abs(level["factor"] - 1) < TOLD_MIN:
        return ""
    way = "raised" if level["factor"] > 1 else "lowered"
    many = f"{level['periods']} {period}{'' if level['periods'] == 1 else 's'}"
    return (
        f"; the forecast is {way} by {100 * abs(level['factor'] - 1):.0f} %, since {level['sold']:,.0f} sold where "
        f"{level['expected']:,.0f} were expected of the last {many}"
    )

"""The chance that shelves run out: in how many of the forecast's sample paths more is wanted than is there."""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
import sqlalchemy as sa

from catalog.frames import read_frame


def stock_out_chances(
    engine: sa.Engine,
    skus: Sequence[str],
    codes: Sequence[str],
    days: Sequence[int],
    *,
    now: datetime,
) -> list[float | None]:
    """Return the chance of each shelf (sku and location's code) within so many days of its own, None where unknown."""
    chances: list[float | None] = [None] * len(skus)
    if not chances:
        return chances
    asked = {"skus": list(skus), "codes": list(codes), "days": list(days)}
    found: pd.DataFrame = read_frame(engine, "stock_out_chances", **asked, now=now)
    for row, paths, beyond in zip(found["row"], found["paths"], found["beyond"], strict=True):
        chances[int(row)] = beyond / paths
    return chances

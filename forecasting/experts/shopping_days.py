"""Days on which people shop otherwise: public and unofficial holidays of a country, Easter Sunday everywhere."""

from collections.abc import Sequence
from functools import lru_cache

import holidays
import pandas as pd
from dateutil.easter import easter

from stocktide.foundation.errors import Invalid

EASTER = "Easter Sunday"
# Valentine's Day, Mother's Day, Halloween and the like are under "unofficial".
CATEGORIES = ("public", "unofficial")


def shopping_days(country: str, years: Sequence[int]) -> pd.DataFrame:
    """List holiday, ds of a country (ISO code) and some years, sorted by day.

    A holiday that is observed on another day is its own day; Easter Sunday replaces all of the same name.
    Raises Invalid (`country_unknown`).
    """
    return _listed(country.upper(), min(years), max(years)).copy()


@lru_cache(maxsize=64)
def _listed(country: str, first: int, last: int) -> pd.DataFrame:
    years = range(first, last + 1)
    rows = [(EASTER, pd.Timestamp(easter(year))) for year in years]
    found = _country(country, years)
    rows += [
        (name, pd.Timestamp(day))
        for day in sorted(found)
        for name in found.get_list(day)
        if "observed" not in name.lower() and name != EASTER
    ]
    table = pd.DataFrame(rows, columns=["holiday", "ds"]).drop_duplicates()
    return table.sort_values(["ds", "holiday"], ignore_index=True)


def has_holidays(country: str) -> bool:
    """Return True if the holidays of a country are known, by its ISO code."""
    return country.upper() in holidays.list_supported_countries()


def _country(country: str, years: range) -> holidays.HolidayBase:
    try:
        able = holidays.country_holidays(country).supported_categories
        return holidays.country_holidays(
            country,
            years=years,
            categories=tuple(name for name in CATEGORIES if name in able),
            language="en_US",
        )
    except NotImplementedError:
        raise Invalid(
            "country_unknown",
            f"No holidays are known for {country!r}; give an ISO 3166 code such as GB, or none.",
        ) from None

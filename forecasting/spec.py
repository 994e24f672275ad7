"""What to forecast: the settings of one run, from stocktide.toml."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_args

from forecasting.closures import country_holidays
from forecasting.levels import Levels, parse_levels
from forecasting.prophet_fit import SeasonalityMode
from forecasting.reconcile import METHODS, Method
from stocktide.errors import Invalid

HORIZON_DAYS_MAX = 365
DEFAULT_LEVELS: Levels = ((), ("location",), ("product",), ("location", "product"))


@dataclass(frozen=True)
class ForecastSpec:
    """levels: key lists, leaves last. horizon_days: days ahead. method: reconciliation, named as in scikit-hts.

    best_sellers: products kept apart, the others pooled (None: all). holidays_country: ISO code (None: no holidays).
    """

    levels: Levels = DEFAULT_LEVELS
    horizon_days: int = 28
    method: Method = "WLSS"
    best_sellers: int | None = None
    holidays_country: str | None = None
    seasonality_mode: SeasonalityMode = "additive"


def spec_from_toml(mapping: Mapping[str, Any]) -> ForecastSpec:
    """Read stocktide.toml, parsed: [hierarchy] levels = [[], …], and [forecast] with the other settings by name.

    Raises Invalid: `setting_unknown` (with the nearest known name), `setting_type`, `setting_value`, and those of
    `parse_levels`.
    """
    _refuse_unknown(mapping, ("hierarchy", "forecast"), "section")
    hierarchy, forecast = _table(mapping, "hierarchy"), _table(mapping, "forecast")
    _refuse_unknown(hierarchy, ("levels",), "setting of [hierarchy]")
    known = tuple(field.name for field in fields(ForecastSpec) if field.name != "levels")
    _refuse_unknown(forecast, known, "setting of [forecast]")
    levels = parse_levels(hierarchy["levels"]) if "levels" in hierarchy else DEFAULT_LEVELS
    for name in ("horizon_days", "best_sellers"):
        _check_int(forecast, name)
    _check_at_most(forecast, "horizon_days", HORIZON_DAYS_MAX)
    _check_choice(forecast, "method", METHODS)
    _check_choice(forecast, "seasonality_mode", get_args(SeasonalityMode))
    _check_country(forecast)
    return ForecastSpec(levels=levels, **forecast)


def _table(mapping: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = mapping.get(name, {})
    if not isinstance(table, Mapping):
        raise Invalid(
            "setting_type", f"[{name}] is a table of settings, not {table!r}.", setting=name
        )
    return table


def _refuse_unknown(table: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
    for name in table:
        if name not in known:
            close = difflib.get_close_matches(str(name), known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise Invalid(
                "setting_unknown",
                f"There is no {what} named {name!r}.{hint} Known: {', '.join(known)}.",
                setting=name,
            )


def _check_int(table: Mapping[str, Any], name: str) -> None:
    if name not in table:
        return
    value = table[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise Invalid("setting_type", f"{name} is a whole number, not {value!r}.", setting=name)
    if value < 1:
        raise Invalid("setting_value", f"{name} is at least 1, not {value}.", setting=name)


def _check_at_most(table: Mapping[str, Any], name: str, most: int) -> None:
    if name in table and table[name] > most:
        raise Invalid(
            "setting_value", f"{name} is at most {most}, not {table[name]}.", setting=name
        )


def _check_choice(table: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> None:
    if name in table and table[name] not in choices:
        close = difflib.get_close_matches(str(table[name]), choices, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise Invalid(
            "setting_value",
            f"{name} is one of {', '.join(choices)}, not {table[name]!r}.{hint}",
            setting=name,
        )


def _check_country(table: Mapping[str, Any]) -> None:
    country = table.get("holidays_country")
    if country is None:
        return
    if not isinstance(country, str):
        raise Invalid(
            "setting_type",
            f"holidays_country is a text such as GB, not {country!r}.",
            setting="holidays_country",
        )
    country_holidays(country, [])

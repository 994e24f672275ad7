"""Settings of one forecast run, from stocktide.toml."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from forecasting.choosing.candidates import SPLITS, Split, known_names
from forecasting.frames.frequency import FREQUENCIES, Frequency
from forecasting.nodes.closures import country_holidays
from forecasting.prophet.model import Mode
from forecasting.publishing.promotion import PromotionRule
from forecasting.structure.levels import Levels, level_name, parse_levels
from forecasting.structure.reconcile import METHODS, Method
from forecasting.structure.shares import HALF_LIFE_DAYS
from stocktide.foundation.errors import Invalid

HORIZON_DAYS_MAX = 365
# Periods ahead if the settings do not say: what a buyer plans in that rhythm.
HORIZON_PERIODS: dict[Frequency, int] = {"D": 28, "W": 13, "M": 12, "Q": 4}
# Each origin costs as much as a fit of everything.
BACKTEST_ORIGINS_MAX = 24
AUTO: Literal["auto"] = "auto"
DEFAULT_LEVELS: Levels = ((), ("location",), ("product",), ("location", "product"))


@dataclass(frozen=True)
class ForecastSpec:
    """Settings of a forecast.

    levels: key lists, leaves last. horizon_days: days ahead, or periods where demand is by week, month or quarter.

    frequency: the rhythm of the demand, D, W, M or Q; "auto": found in the data.

    candidates: what the backtest chooses from, by name, e.g. "WLSS additive" or "seasonal_naive"; "auto": the learnt
    mixture, Prophet in one response form, and the baselines (`auto_names`). backtest_origins: how many of the last ones
    teach, before the period that is reported; those of a year ago are added. method, seasonality_mode: the candidate
    that is taken where no origin can teach; the method is named as in scikit-hts.
    best_sellers: products kept apart, the others pooled (None: all). holidays_country: ISO code (None: no holidays).
    fit_levels: the levels where a model is fitted (None: all); without the leaves among them, the finest is split over
    the leaves by recent shares, whose half-life is split_half_life_days. split: "FP" splits by the leaves' own
    forecasts instead, which must then be fitted. promotion_margin, champion_days_max: when a run replaces the published
    one (`PromotionRule`). find_stock_outs: take pauses that are over, and too long for chance, for stock-outs that
    nobody recorded (`with_probable_stock_outs`).
    """

    levels: Levels = DEFAULT_LEVELS
    horizon_days: int = 28
    frequency: Literal["auto"] | Frequency = AUTO
    method: Method = "WLSS"
    best_sellers: int | None = None
    holidays_country: str | None = None
    seasonality_mode: Mode = "additive"
    candidates: Literal["auto"] | tuple[str, ...] = AUTO
    backtest_origins: int = 3
    fit_levels: Levels | None = None
    split: Split = "recent_shares"
    split_half_life_days: float = HALF_LIFE_DAYS
    promotion_margin: float = 0.0
    champion_days_max: int = 7
    find_stock_outs: bool = False

    def in_rhythm(self, frequency: Frequency) -> "ForecastSpec":
        """Return the spec with the default horizon of a rhythm, where none was set: 28 are days alone."""
        if frequency == "D" or self.horizon_days != HORIZON_PERIODS["D"]:
            return self
        return replace(self, horizon_days=HORIZON_PERIODS[frequency])

    @property
    def rule(self) -> PromotionRule:
        """Return the rule by which a run replaces the published one."""
        return PromotionRule(self.promotion_margin, self.champion_days_max)

    @property
    def default_candidate(self) -> str:
        """Return the name of the candidate that is taken untested."""
        return f"{self.method} {self.seasonality_mode}"


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
    for name in ("horizon_days", "best_sellers", "backtest_origins", "champion_days_max"):
        _check_int(forecast, name)
    _check_at_most(forecast, "horizon_days", HORIZON_DAYS_MAX)
    _check_at_most(forecast, "backtest_origins", BACKTEST_ORIGINS_MAX)
    _check_choice(forecast, "frequency", (AUTO, *FREQUENCIES))
    _check_choice(forecast, "method", METHODS)
    _check_choice(forecast, "split", SPLITS)
    _check_number(
        forecast, "split_half_life_days", "above 0", lambda value: 0 < value < float("inf")
    )
    _check_bool(forecast, "find_stock_outs")
    _check_number(forecast, "promotion_margin", "from 0 to below 1", lambda value: 0 <= value < 1)
    _check_choice(forecast, "seasonality_mode", get_args(Mode))
    _check_country(forecast)
    parsed = {
        "candidates": parse_candidates(forecast.get("candidates", AUTO)),
        "fit_levels": parse_fit_levels(forecast.get("fit_levels"), levels),
    }
    spec = ForecastSpec(levels=levels, **{**forecast, **parsed})
    _refuse_split(spec)
    return spec


def parse_candidates(value: object) -> Literal["auto"] | tuple[str, ...]:
    """Check `candidates`: "auto", or a list of names. Raises Invalid (`setting_type`, `setting_value`)."""
    if value == AUTO:
        return AUTO
    if not isinstance(value, list | tuple) or not value:
        raise Invalid(
            "setting_type",
            f'candidates is "auto" or a list of names, not {value!r}.',
            setting="candidates",
        )
    for name in value:
        _check_choice({"candidates": name}, "candidates", tuple(known_names()))
    return tuple(dict.fromkeys(value))


def parse_fit_levels(value: object, levels: Levels) -> Levels | None:
    """Check `fit_levels`: key lists that are all in `levels`. Raises Invalid (`setting_value`, as `parse_levels`)."""
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not value:
        raise Invalid(
            "setting_type", "fit_levels is a list of key lists, e.g. [[]].", setting="fit_levels"
        )
    named = {frozenset(level): level for level in levels}
    found = []
    for keys in value:
        level = named.get(frozenset(keys)) if isinstance(keys, list | tuple) else None
        if level is None:
            raise Invalid(
                "setting_value",
                f"fit_levels names {keys!r}, which is not one of the levels: "
                f"{', '.join(level_name(known) for known in levels)}.",
                setting="fit_levels",
            )
        found.append(level)
    return tuple(found)


def _refuse_split(spec: ForecastSpec) -> None:
    fitted = spec.levels if spec.fit_levels is None else spec.fit_levels
    if spec.split == "FP" and spec.levels[-1] not in fitted:
        raise Invalid(
            "setting_value",
            'split = "FP" splits by the forecasts of the leaves, so the last level must be in fit_levels; '
            'add it, or take "recent_shares".',
            setting="split",
        )


def _check_number(
    table: Mapping[str, Any], name: str, what: str, allowed: Callable[[float], bool]
) -> None:
    if name not in table:
        return
    value = table[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid("setting_type", f"{name} is a number, not {value!r}.", setting=name)
    if not allowed(value):
        raise Invalid("setting_value", f"{name} is {what}, not {value}.", setting=name)


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


def _check_bool(table: Mapping[str, Any], name: str) -> None:
    if name in table and not isinstance(table[name], bool):
        raise Invalid(
            "setting_type", f"{name} is true or false, not {table[name]!r}.", setting=name
        )


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

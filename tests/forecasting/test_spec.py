import pytest

from forecasting.spec import DEFAULT_LEVELS, ForecastSpec, spec_from_toml
from stocktide.foundation.errors import Invalid


def test_spec_from_toml_reads_both_sections() -> None:
    spec = spec_from_toml(
        {
            "hierarchy": {"levels": [[], ["region"], ["location", "product"]]},
            "forecast": {
                "method": "BU",
                "best_sellers": 200,
                "holidays_country": "GB",
                "candidates": ["WLSS additive", "ETS", "WLSS additive"],
                "backtest_origins": 4,
                "fit_levels": [["region"], []],
                "split_half_life_days": 14,
            },
        }
    )
    assert spec == ForecastSpec(
        levels=((), ("region",), ("location", "product")),
        method="BU",
        best_sellers=200,
        holidays_country="GB",
        candidates=("WLSS additive", "ETS"),
        backtest_origins=4,
        fit_levels=(("region",), ()),
        split_half_life_days=14,
    )
    assert spec.default_candidate == "BU additive"


def test_spec_from_toml_has_defaults_when_empty() -> None:
    assert spec_from_toml({}) == ForecastSpec(levels=DEFAULT_LEVELS)


@pytest.mark.parametrize(
    ("mapping", "code", "says"),
    [
        ({"forecasts": {}}, "setting_unknown", "Did you mean forecast?"),
        ({"hierarchy": {"level": []}}, "setting_unknown", "Did you mean levels?"),
        ({"forecast": {"horizon": 3}}, "setting_unknown", "Did you mean horizon_days?"),
        ({"forecast": {"levels": []}}, "setting_unknown", "Known: horizon_days"),
        ({"forecast": 3}, "setting_type", "table"),
        ({"forecast": {"horizon_days": "28"}}, "setting_type", "whole number"),
        ({"forecast": {"horizon_days": True}}, "setting_type", "whole number"),
        ({"forecast": {"horizon_days": 0}}, "setting_value", "at least 1"),
        ({"forecast": {"horizon_days": 1000}}, "setting_value", "at most 365"),
        ({"forecast": {"best_sellers": -1}}, "setting_value", "at least 1"),
        ({"forecast": {"method": "WLSX"}}, "setting_value", "Did you mean WLS"),
        ({"forecast": {"seasonality_mode": "log"}}, "setting_value", "additive, multiplicative"),
        ({"forecast": {"holidays_country": 44}}, "setting_type", "text such as GB"),
        ({"forecast": {"holidays_country": "Narnia"}}, "country_unknown", "Narnia"),
        ({"forecast": {"candidates": "all"}}, "setting_type", '"auto" or a list'),
        ({"forecast": {"candidates": []}}, "setting_type", '"auto" or a list'),
        ({"forecast": {"candidates": ["WLSX additive"]}}, "setting_value", "Did you mean WLS. add"),
        ({"forecast": {"candidates": [3]}}, "setting_value", "not 3"),
        ({"forecast": {"backtest_origins": 0}}, "setting_value", "at least 1"),
        ({"forecast": {"backtest_origins": 99}}, "setting_value", "at most 24"),
        ({"forecast": {"fit_levels": "total"}}, "setting_type", "list of key lists"),
        (
            {"forecast": {"fit_levels": [["region"]]}},
            "setting_value",
            "not one of the levels: total, loc",
        ),
        ({"forecast": {"split": "PHA"}}, "setting_value", "recent_shares, FP"),
        (
            {"forecast": {"split": "FP", "fit_levels": [[]]}},
            "setting_value",
            "must be in fit_levels",
        ),
        ({"forecast": {"split_half_life_days": 0}}, "setting_value", "above 0"),
        ({"forecast": {"split_half_life_days": "10"}}, "setting_type", "is a number"),
        ({"forecast": {"promotion_margin": 1}}, "setting_value", "from 0 to below 1"),
        ({"forecast": {"champion_days_max": 0}}, "setting_value", "at least 1"),
        ({"hierarchy": {"levels": [[], ["aisle"]]}}, "level_unknown_key", "aisle"),
    ],
)
def test_spec_from_toml_names_the_fault(mapping: dict[str, object], code: str, says: str) -> None:
    with pytest.raises(Invalid, match=says.replace("?", r"\?")) as raised:
        spec_from_toml(mapping)
    assert raised.value.code == code

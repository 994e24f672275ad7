"""The versions of the forecast as people compare them: which won, where, by how much, and what was decided."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

CHOSEN, CHAMPION, NAIVE = "chosen", "champion", "seasonal_naive"
# The choice with the weights that it would publish, as they are compared with the champion's.
CHALLENGER = "challenger"
# Rows that sum up others: what was chosen, and how it and the champion's choice would be published.
NOT_CANDIDATES = frozenset({CHOSEN, CHAMPION, CHALLENGER})
# What a backtest is summed up by: the first of these that it has.
METRICS = ("wrmsse", "rmsse")


def main_metric(backtest: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Return the name and the rows of the metric that a backtest is summed up by."""
    known = set(backtest["metric"])
    metric = next((name for name in METRICS if name in known), METRICS[-1])
    return metric, backtest[backtest["metric"] == metric].reset_index(drop=True)


def levels_won(
    backtest: pd.DataFrame, champion_choice: Mapping[str, Any] | None
) -> tuple[int, int] | None:
    """Count levels where a version's choice errs less than the champion's on the same days, and levels compared.

    backtest: rows of one run from the query backtest, one metric. None where the champion's choice was not tested.
    """
    wide = backtest.pivot_table(index="level", columns="candidate", values="value")
    rival = CHAMPION if CHAMPION in wide else (champion_choice or {}).get("winner")
    mine = CHALLENGER if CHALLENGER in wide else CHOSEN
    if mine not in wide or rival not in wide:
        return None
    both = wide[[mine, rival]].dropna()
    return int((both[mine] < both[rival]).sum()), len(both)


def against_naive(backtest: pd.DataFrame) -> pd.DataFrame:
    """Compare each run's choice with seasonal naive on its own days: forecast_run_id, level, level_name, gain.

    gain: share of naive's error that is saved, above 0 is better; so versions of different days are comparable.
    """
    keys = ["forecast_run_id", "level", "level_name"]
    wide = backtest.pivot_table(index=keys, columns="candidate", values="value").reset_index()
    if CHOSEN not in wide or NAIVE not in wide:
        return pd.DataFrame(columns=[*keys, "gain"])
    known = wide[wide[NAIVE] > 0].dropna(subset=[CHOSEN])
    return known.assign(gain=1 - known[CHOSEN] / known[NAIVE])[[*keys, "gain"]].reset_index(
        drop=True
    )


def error_ratios(by_origin: pd.DataFrame) -> pd.DataFrame:
    """Divide the choice's error by seasonal naive's, a row a level and origin.

    by_origin: rows of the query backtest_origins, one metric. Returns origin, level, level_name, ours, naive, ratio;
    ratio is missing where naive had no error.
    """
    keys = ["origin", "level", "level_name"]
    wide = by_origin.pivot_table(index=keys, columns="candidate", values="value").reset_index()
    if CHOSEN not in wide or NAIVE not in wide:
        return pd.DataFrame(columns=[*keys, "ours", "naive", "ratio"])
    named = wide.rename(columns={CHOSEN: "ours", NAIVE: "naive"}).rename_axis(columns=None)
    return named.assign(ratio=(named["ours"] / named["naive"]).where(named["naive"] > 0))[
        [*keys, "ours", "naive", "ratio"]
    ]


def winners(backtest: pd.DataFrame) -> pd.DataFrame:
    """Return for each level the candidate with the lowest error, and how the choice compares.

    backtest: rows of one run, one metric. The rows "chosen", "champion" and "challenger" are not candidates. Returns
    level, level_name, winner, best, chosen, naive.
    """
    rivals = backtest[~backtest["candidate"].isin(NOT_CANDIDATES)]
    best = rivals.sort_values("value").drop_duplicates("level").set_index("level")
    wide = backtest.pivot_table(index="level", columns="candidate", values="value")
    frame = pd.DataFrame(
        {
            "level_name": best["level_name"],
            "winner": best["candidate"],
            "best": best["value"],
            "chosen": wide[CHOSEN].reindex(best.index) if CHOSEN in wide else float("nan"),
            "naive": wide[NAIVE].reindex(best.index) if NAIVE in wide else float("nan"),
        }
    )
    return frame.sort_index().reset_index()


def parameter_differences(models: pd.DataFrame) -> pd.DataFrame:
    """Show what differs between versions, and nothing that does not: a row a parameter, a column a version.

    models: rows of the query models.
    """
    shown = {
        f"version {row['version']}": {
            "method": row["method"],
            "data version": row["lake_version"],
            "trained to": row["cutoff"],
            "nodes": row["nodes"],
            **{
                name: value
                for name, value in (row["choice"] or {}).items()
                if not isinstance(value, dict | list)
            },
        }
        for row in models.to_dict("records")
    }
    table = pd.DataFrame(shown)
    text = table.map(_text)
    different = text[text.nunique(axis=1) > 1]
    return different.rename_axis("parameter").reset_index()


def _text(value: Any) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)

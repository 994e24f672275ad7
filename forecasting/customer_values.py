"""Customers valued: both models fitted to all of them, and what each is expected to buy in the next 12 months."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from forecasting.customers.bg_nbd import BgNbdFit
from forecasting.customers.gamma_gamma import GammaGammaFit
from forecasting.customers.holdout import hold_out
from forecasting.customers.summary import DAYS_A_WEEK, customer_summary
from forecasting.customers.value import fit_value, predict_groups
from forecasting.lake_customers import Bought, forget_values, read_bought, write_values
from stocktide.foundation.errors import Conflict
from stocktide.foundation.lake import Lake
from stocktide.foundation.lake_schemas import CUSTOMER_VALUES
from stocktide.foundation.runs import RUN_S_MAX, single_flight, when_free

JOB = "customer_values"
YEAR_DAYS = 365
LEVEL = 0.9
# The four parameters of BG/NBD are learnt from customers who bought again alone: of fewer than that their intervals
# would be wider than what one guesses without a model.
REPEATERS_MIN = 30
# Gamma-Gamma takes for granted that who buys often spends no more at once. Fader and Hardie (2013) find .11 in CDNOW,
# and call that no matter; from .3 on textbooks no longer call a correlation weak.
CORRELATION_MAX = 0.3
# Equal data give equal intervals.
SEED = 59
# The name under which all segments together stand.
ALL = "all"


def value_customers(
    engine: sa.Engine, lake: Lake, *, tell: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Value all customers of the lake, currency by currency, and write the table `customer_values`.

    Returns what is kept with the run: by currency the parameters, how good the fit is, and what segments are worth
    together. Raises Conflict while another run is under way, NotFound before the first ETL.
    """
    with single_flight(engine, JOB) as free:
        if not free:
            raise Conflict("customers_valued", "Customers are being valued already.")
        erased = erased_customers(engine)
        tables, said = [], {}
        for bought in read_bought(lake, without=erased):
            rows, said[bought.currency] = value_currency(bought)
            tables.append(rows)
            tell(f"{bought.currency or 'no currency'}: {rows.num_rows:,} customers valued")
        values = pa.concat_tables(tables) if tables else CUSTOMER_VALUES.empty_table()
        version = write_values(lake, values)
        # who was erased meanwhile is in what was written
        forget_values(lake, erased_customers(engine) - erased)
        return {"customers": values.num_rows, "lake_version": version, "currencies": said}


def value_currency(bought: Bought) -> tuple[pa.Table, dict[str, Any]]:
    """Value the customers of one currency; returns rows of `customer_values`, none without a fit, and what is said."""
    rng = np.random.default_rng(SEED)
    end = bought.purchases["ds"].max()
    summary = customer_summary(bought.purchases, end=end)
    repeaters = int((summary["frequency"] > 0).sum())
    said: dict[str, Any] = {
        "as_of": f"{end:%Y-%m-%d}",
        "customers": len(summary),
        "repeaters": repeaters,
        "history_days": int((end - bought.purchases["ds"].min()).days) + 1,
        "level": LEVEL,
    }
    if repeaters < REPEATERS_MIN:
        why = (
            f"only {repeaters:,} customers bought on more than one day; {REPEATERS_MIN} are needed"
        )
        return CUSTOMER_VALUES.empty_table(), {**said, "why": [why]}
    fit = fit_value(summary)
    names, groups = np.unique(bought.segments[summary["unique_id"]], return_inverse=True)
    t = YEAR_DAYS / DAYS_A_WEEK
    valued, together = predict_groups(
        summary, fit, groups.astype(np.int64), t=t, rng=rng, level=LEVEL
    )
    correlation = correlation_of(summary)
    held = hold_out(bought.purchases, end=end, level=LEVEL, rng=rng)
    said |= {
        "why": list(fit.why),
        "purchases": fitted(fit.purchases),
        "spend": fitted(fit.spend),
        "correlation": correlation,
        "independent": None if correlation is None else abs(correlation) < CORRELATION_MAX,
        "holdout": None if held is None else asdict(held),
        "segments": _segments([*names.tolist(), ALL], together),
    }
    return _rows(bought, summary, valued, end), said


def erased_customers(engine: sa.Engine, *, unpurged: bool = False) -> set[str]:
    """Return the pseudonyms of erased customers; unpurged: of those alone who have not been written over yet."""
    query = "SELECT pseudonym FROM customers WHERE erased_at IS NOT NULL"
    with engine.connect() as connection:
        rows = connection.execute(sa.text(f"{query}{' AND purged_at IS NULL' if unpurged else ''}"))
        return set(rows.scalars())


def forget_erased(engine: sa.Engine, lake: Lake) -> int:
    """Delete what is predicted of customers who were erased and not purged yet; returns the rows that there were.

    Waits for a run that values customers: its files are not in the table yet, and would be taken for old ones.
    """

    def forget() -> int:
        with single_flight(engine, JOB) as free:
            if not free:
                raise Conflict("customers_valued", "Customers are being valued; erase again later.")
            return forget_values(lake, erased_customers(engine, unpurged=True))

    return when_free(forget, patience_s=RUN_S_MAX)


def fitted(fit: BgNbdFit | GammaGammaFit | None) -> dict[str, Any] | None:
    """Return what is kept of a fit. certain: it knows how sure it is, so intervals hold the parameters' uncertainty."""
    if fit is None:
        return None
    kept = {name: value for name, value in vars(fit).items() if name != "covariance"}
    return {**kept, "certain": fit.covariance is not None}


def correlation_of(summary: pd.DataFrame) -> float | None:
    """Return the correlation of how often customers bought again and what they spent at once; None without spread."""
    paid = summary[summary["paid"] > 0]
    if paid["paid"].nunique() < 2 or paid["monetary"].nunique() < 2:
        return None
    return float(paid["frequency"].corr(paid["monetary"]))


def _segments(names: list[str], together: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what segments are worth; what is not known is None, for JSON has no NaN."""
    return [
        {
            "segment": name,
            "customers": int(customers),
            **{
                key: None if np.isnan(value) else float(value)
                for key, value in zip(("value", "low", "high"), money, strict=True)
            },
        }
        for name, customers, *money in zip(
            names,
            *(together[column].to_numpy() for column in ("customers", "value", "low", "high")),
            strict=True,
        )
    ]


def _rows(
    bought: Bought, summary: pd.DataFrame, valued: pd.DataFrame, end: pd.Timestamp
) -> pa.Table:
    frame = pd.DataFrame(
        {
            "customer_id": bought.pseudonyms[summary["unique_id"]],
            "currency": bought.currency,
            "as_of": end.date(),
            "p_alive": valued["p_alive"],
            "orders": valued["purchases"],
            **{name: valued[name] for name in ("average", "value", "low", "high")},
        }
    )
    return pa.Table.from_pandas(frame, CUSTOMER_VALUES, preserve_index=False)

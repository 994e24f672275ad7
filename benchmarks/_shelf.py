"""The sets of the shelf: a loader each, by name. No benchmark itself.

Gaps count as the shelf's own description says: 0 where no row means no sale, unknown (NaN) where it means no report.
Keys of places are called location and those of goods product, as a chain's own demand has them.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks._shelf_panel import (
    ORIGINS,
    STEPS,
    Array,
    Frequency,
    Levels,
    Metric,
    Panel,
    Plans,
    ShelfSet,
    lay_out,
)


def _breakfast_frat(folder: Path) -> ShelfSet:
    goods = pd.read_parquet(folder / "breakfast_frat/products.parquet", columns=["upc", "category"])
    frame = pd.read_parquet(folder / "breakfast_frat/sales.parquet").merge(goods, on="upc")
    frame = frame.rename(columns={"upc": "product", "store_id": "location"})
    panel = lay_out(frame, ["category", "product", "location"], "week_end", "units", "W", gap=0.0)
    product = pd.factorize(panel.leaves["product"])[0]
    flags = {
        name: _filled_over_stores(panel.column(name), product)
        for name in ("feature", "display", "tpr_only")
    }
    price, usual = (
        _filled_over_stores(panel.column(name), product) for name in ("price", "base_price")
    )
    promoted = np.any([flag > 0.5 for flag in flags.values()], axis=0)
    levels = ((), ("category",), ("location",), ("product",), ("location", "product"))
    plans = Plans(promoted, flags, price, usual)
    return _of(panel, "breakfast_frat", "W", 13, levels, country="US", gap_above=0.0, plans=plans)


def _filled_over_stores(values: Array, product: NDArray[np.intp]) -> Array:
    """Fill gaps with the mean of the other stores in that week; a gap must not say that nothing sold."""
    known = np.isfinite(values)
    total, count = (np.zeros((int(product.max()) + 1, values.shape[1])) for _ in range(2))
    np.add.at(total, product, np.nan_to_num(values))
    np.add.at(count, product, known.astype(np.float64))
    mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return np.where(known, values, mean[product])


def _orange_juice(folder: Path) -> ShelfSet:
    frame = pd.read_parquet(folder / "orange_juice/sales.parquet")
    frame = frame.rename(columns={"brand": "product", "store": "location"})
    panel = lay_out(frame, ["location", "product"], "week_start", "units", "W")
    flags = {name: panel.column(name) for name in ("deal", "feat")}
    promoted = np.any([np.nan_to_num(flag) > 0 for flag in flags.values()], axis=0)
    levels = ((), ("product",), ("location",), ("location", "product"))
    plans = Plans(promoted, flags, panel.column("price"))
    return _of(panel, "orange_juice", "W", 8, levels, country="US", plans=plans)


def _aus_retail(folder: Path) -> ShelfSet:
    frame = pd.read_parquet(folder / "aus_retail/turnover.parquet")
    keys = ["state", "industry_group", "industry"]
    panel = lay_out(frame[frame["leaf"]], keys, "month", "turnover", "M")
    levels = ((), ("state",), ("industry_group",), ("state", "industry"))
    return _of(panel, "aus_retail", "M", 24, levels, country="AU")


def _pbs_scripts(folder: Path) -> ShelfSet:
    frame = pd.read_parquet(folder / "pbs_scripts/scripts.parquet")
    keys = ("concession", "type", "atc1", "atc2")
    panel = lay_out(frame, keys, "month", "scripts", "M", gap=0.0)
    levels = ((), ("atc1",), ("atc2",), keys)
    return _of(panel, "pbs_scripts", "M", 12, levels, country="AU", gap_above=0.0)


def _m3_monthly(folder: Path) -> ShelfSet:
    """Set the series side by side at their ends: many have no real calendar, so each keeps a phase of its own."""
    frame = pd.read_parquet(folder / "m3_monthly/values.parquet")
    last = frame.groupby("series")["period"].transform("max")
    months = pd.date_range("2000-01-01", periods=int(last.max()), freq="MS")
    frame["month"] = months[(frame["period"] - last - 1).to_numpy() + months.size]
    panel = lay_out(frame.rename(columns={"series": "product"}), ["product"], "month", "y", "M")
    return _of(panel, "m3_monthly", "M", 18, (("product",),), metric="sMAPE", origins=1)


def _rossmann_100(folder: Path) -> ShelfSet:
    stores = pd.read_parquet(
        folder / "rossmann_100/stores.parquet", columns=["store", "store_type"]
    )
    frame = pd.read_parquet(folder / "rossmann_100/sales.parquet").merge(stores, on="store")
    frame = frame.rename(columns={"store": "location"})
    panel = lay_out(frame, ["store_type", "location"], "date", "sales", "D", gap=0.0)
    is_open = np.nan_to_num(panel.column("open")) > 0
    promo, school = (np.nan_to_num(panel.column(name)) for name in ("promo", "school_holiday"))
    flags = {"promo": promo * is_open, "school_holiday": school * is_open}
    plans = Plans((promo > 0) & is_open, flags, closed=~is_open)
    levels = ((), ("store_type",), ("location",))
    return _of(panel, "rossmann_100", "D", 48, levels, country="DE", gap_above=0.0, plans=plans)


def _recruit_restaurants(folder: Path) -> ShelfSet:
    """Load the restaurants. A closed day is unknown for one, 0 visitors above it: only open days are scored below."""
    stores = pd.read_parquet(folder / "recruit_restaurants/stores.parquet")
    frame = pd.read_parquet(folder / "recruit_restaurants/visits.parquet").merge(stores, on="store")
    frame = frame.rename(columns={"store": "location"})
    keys = ["prefecture", "genre", "location"]
    panel = lay_out(frame, keys, "visit_date", "visitors", "D")
    levels = ((), ("prefecture",), ("genre",), ("location",))
    return _of(panel, "recruit_restaurants", "D", 39, levels, country="JP", gap_above=0.0)


def _vic_elec_daily(folder: Path) -> ShelfSet:
    frame = pd.read_parquet(folder / "vic_elec_daily/demand.parquet").assign(product="demand")
    panel = lay_out(frame, ["product"], "date", "demand_mwh", "D")
    return _of(panel, "vic_elec_daily", "D", 56, (("product",),), country="AU")


def _bike_sharing(folder: Path) -> ShelfSet:
    frame = pd.read_parquet(folder / "bike_sharing/daily.parquet").melt(
        id_vars="date", value_vars=["casual", "registered"], var_name="product"
    )
    panel = lay_out(frame, ["product"], "date", "value", "D")
    return _of(panel, "bike_sharing", "D", 28, ((), ("product",)), country="US")


def _freshretail_sample(folder: Path) -> ShelfSet:
    goods = pd.read_parquet(folder / "freshretail_sample/products.parquet")
    frame = pd.read_parquet(folder / "freshretail_sample/sales.parquet").merge(
        goods[["product_id", "first_category_id"]], on="product_id"
    )
    names = {
        "city_id": "city",
        "first_category_id": "category",
        "store_id": "location",
        "product_id": "product",
    }
    panel = lay_out(frame.rename(columns=names), list(names.values()), "date", "sale", "D", gap=0.0)
    levels = ((), ("city",), ("category",), ("location",), ("location", "product"))
    return _of(panel, "freshretail_sample", "D", 7, levels, country="CN", gap_above=0.0)


def _carparts(folder: Path) -> ShelfSet:
    panel = lay_out(
        pd.read_parquet(folder / "carparts/demand.parquet").rename(columns={"part": "product"}),
        ["product"],
        "month",
        "qty",
        "M",
    )
    whole = np.isfinite(panel.Y).all(axis=1)
    leaves = panel.leaves.iloc[np.flatnonzero(whole)].reset_index(drop=True)
    return _parts("carparts", "M", 6, leaves, panel.days, panel.Y[whole])


def _spare_raf(folder: Path) -> ShelfSet:
    return _spare(folder, "raf", "item", "month", "M", 12, ("1996-01-01", "2002-12-01"))


def _spare_man(folder: Path) -> ShelfSet:
    return _spare(folder, "man", "sku", "week", "W", 13, ("2012-01-02", "2014-11-10"))


def _spare_oil(folder: Path) -> ShelfSet:
    """Load from 1998: by the source's own remark a month of 1997 is wrong; returns to stock are not demand."""
    return _spare(folder, "oil", "material", "month", "M", 8, ("1998-01-01", "2001-08-01"))


def _spare_auto(folder: Path) -> ShelfSet:
    frame = pd.read_parquet(folder / "spare_parts/auto_demand.parquet")
    wide = frame.pivot(index="sku", columns="period", values="qty")
    days = pd.date_range("2000-01-01", periods=wide.shape[1], freq="MS")
    leaves = pd.DataFrame({"product": wide.index.astype(str)})
    return _parts("spare_auto", "M", 6, leaves, days, wide.to_numpy(np.float64))


def _spare(
    folder: Path,
    part: str,
    key: str,
    at: str,
    frequency: Frequency,
    horizon: int,
    span: tuple[str, str],
) -> ShelfSet:
    """Read a set that holds periods with demand only, of every item that its list has."""
    frame = pd.read_parquet(folder / f"spare_parts/{part}_demand.parquet")
    listed = pd.read_parquet(folder / f"spare_parts/{part}_items.parquet")[key]
    days = pd.date_range(*span, freq=STEPS[frequency])
    wide = frame.assign(**{at: pd.to_datetime(frame[at])}).pivot(
        index=key, columns=at, values="qty"
    )
    Y = wide.reindex(index=np.sort(listed.unique()), columns=days).fillna(0.0).clip(lower=0.0)
    leaves = pd.DataFrame({"product": Y.index.astype(str)})
    return _parts(f"spare_{part}", frequency, horizon, leaves, days, Y.to_numpy(np.float64))


def _tourism(folder: Path) -> ShelfSet:
    frame = pd.read_csv(folder / "tourism/tourism.csv")
    panel = lay_out(frame, ["State", "Region", "Purpose"], "Quarter", "Trips", "Q")
    levels = (
        (),
        ("State",),
        ("Purpose",),
        ("State", "Region"),
        ("State", "Purpose"),
        ("State", "Region", "Purpose"),
    )
    return _of(panel, "tourism", "Q", 8, levels, country="AU")


def _of(
    panel: Panel,
    name: str,
    frequency: Frequency,
    horizon: int,
    levels: Levels,
    *,
    country: str | None = None,
    metric: Metric = "WAPE",
    gap_above: float = np.nan,
    origins: int = ORIGINS,
    plans: Plans | None = None,
) -> ShelfSet:
    return ShelfSet(
        name=name,
        frequency=frequency,
        horizon=horizon,
        levels=levels,
        leaves=panel.leaves,
        days=panel.days,
        Y=panel.Y,
        country=country,
        metric=metric,
        gap_above=gap_above,
        origins=origins,
        plans=plans,
    )


def _parts(
    name: str,
    frequency: Frequency,
    horizon: int,
    leaves: pd.DataFrame,
    days: pd.DatetimeIndex,
    Y: Array,
) -> ShelfSet:
    """Make a set of intermittent parts: the total and the parts, judged by RMSSE and by quantiles."""
    levels = ((), ("product",))
    metric: Metric = "RMSSE and WQL"
    return ShelfSet(name, frequency, horizon, levels, leaves, days, Y, metric=metric)


LOADERS: dict[str, Callable[[Path], ShelfSet]] = {
    "breakfast_frat": _breakfast_frat,
    "orange_juice": _orange_juice,
    "aus_retail": _aus_retail,
    "pbs_scripts": _pbs_scripts,
    "m3_monthly": _m3_monthly,
    "rossmann_100": _rossmann_100,
    "recruit_restaurants": _recruit_restaurants,
    "vic_elec_daily": _vic_elec_daily,
    "bike_sharing": _bike_sharing,
    "freshretail_sample": _freshretail_sample,
    "carparts": _carparts,
    "spare_raf": _spare_raf,
    "spare_auto": _spare_auto,
    "spare_man": _spare_man,
    "spare_oil": _spare_oil,
    "tourism": _tourism,
}

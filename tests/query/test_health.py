"""Reports of inventory health against pandas and plain loops, which are given what was sent."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from query.jail.execution import open_database
from query.report_engine import Reports
from query.reports import all_reports, find_report, values_of
from stocktide.foundation.database import create_engine
from stocktide.foundation.embedded import Postgres
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.conftest import copied
from tests.query.health_chain import (
    CAME,
    COSTS,
    CURRENCY,
    DAYS,
    DEPARTMENTS,
    LONG,
    PRICES,
    SHELVES,
    SHORT,
    send_chain,
    simulated,
)

LAST = date(2026, 6, 30)
LEAD_DAYS = 5
STATES = {
    ("A", "S1"): "healthy", ("B", "S1"): "at risk", ("C", "S1"): "out", ("D", "S1"): "excess", ("E", "S1"): "dead",
    ("F", "S1"): "healthy", ("G", "S1"): "cannot judge", ("H", "S1"): "cannot judge", ("A", "S2"): "cannot judge",
}  # fmt: skip
WHY = {("G", "S1"): "stock unknown", ("H", "S1"): "too new", ("A", "S2"): "lead time missing"}


@pytest.fixture(scope="module")
def reports(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reports]:
    """Reports over the chain, landed."""
    settings = Settings(home=tmp_path_factory.mktemp("health"))
    with copied(postgres) as url:
        engine: sa.Engine = create_engine(url)
        send_chain(engine, Lake(settings.lake_root), LAST)
        reports = Reports(engine, settings)
        yield reports
        reports.close()
        engine.dispose()


def frame_of(
    reports: Reports, name: str, *, as_of: datetime | None = None, **given: str
) -> pd.DataFrame:
    result = reports.answer(name, given, as_of=as_of)
    with result.spool:
        return pd.DataFrame(result.reader().read_all().to_pylist())


def window(frame: pd.DataFrame, days: int) -> pd.DataFrame:
    return frame[frame["day"] > LAST - timedelta(days=days)]


def measured() -> pd.DataFrame:
    """A row a shelf: what the reports should find of it."""
    every = simulated(LAST)
    every["currency"] = every["location"].map(CURRENCY)
    shelves = every.groupby(["sku", "location"]).agg(
        on_hand=("on_hand", "last"), age=("day", "size"), received=("received", "first"),
        currency=("currency", "first"),
    )  # fmt: skip
    for name, days in (("sold_28", SHORT), ("sold_91", LONG)):
        shelves[name] = window(every, days).groupby(["sku", "location"])["sold"].sum()
    shelves["cost"] = [COSTS[sku] for sku, _ in shelves.index]
    shelves["cost"] = shelves["cost"].where(shelves["received"])
    shelves["on_hand"] = shelves["on_hand"].where(shelves["received"])
    shelves["value"] = shelves["on_hand"] * shelves["cost"]
    pace = shelves["sold_28"] / shelves["age"].clip(upper=SHORT)
    shelves["cover"] = (shelves["on_hand"] / pace).where(pace > 0)
    return shelves


def test_each_shelf_has_the_first_state_that_fits(reports: Reports) -> None:
    found = frame_of(reports, "health_shelves").set_index(["sku", "code"])
    wanted = measured().rename_axis(["sku", "code"]).loc[found.index]
    assert found["state"].to_dict() == STATES
    assert found["why"].dropna().to_dict() == WHY
    for name, of in (("on_hand", "on_hand"), ("cover_days", "cover"), ("value", "value")):
        np.testing.assert_allclose(found[name].astype(float), wanted[of], rtol=1e-9)
    excess = wanted["on_hand"] - wanted["sold_91"].where(found["state"] == "excess", 0)
    excess = excess.where(found["state"].isin(["excess", "dead"]))
    np.testing.assert_allclose(found["excess_units"].astype(float), excess, rtol=1e-9)
    assert set(found["wait_days"].dropna()) == {LEAD_DAYS}
    assert found["coming"].to_dict() == {key: 30.0 * (key == ("B", "S1")) for key in STATES}
    assert found["found"].unique().tolist() == [len(STATES)]
    dead = frame_of(reports, "health_shelves", state="dead", rows="1")
    assert dead["sku"].tolist() == ["E"]


def test_states_and_matrix_add_the_shelves_up(reports: Reports) -> None:
    wanted = measured()
    wanted["state"] = [STATES[key] for key in wanted.index]
    found = frame_of(reports, "health_states").groupby(["state", "currency"])["value"].sum()
    sums = wanted.groupby(["state", "currency"])["value"].sum()
    assert {k: v for k, v in found.items() if v} == pytest.approx(
        {k: v for k, v in sums.items() if v}
    )
    wanted["department"] = [DEPARTMENTS[sku] for sku, _ in wanted.index]
    whole = wanted.reset_index().groupby(["location", "department"])["value"].sum()
    bad = wanted[wanted["state"] != "healthy"].reset_index()
    part = bad.groupby(["location", "department"])["value"].sum()
    cells = frame_of(reports, "health_matrix").set_index(["code", "department"])["share"]
    assert cells.to_dict() == pytest.approx((part / whole).dropna().to_dict())
    one = frame_of(reports, "health_matrix", location="S2", department="Fresh")
    assert one["share"].tolist() == [1.0]


def test_lost_sales_are_what_the_same_weekday_in_stock_sells(reports: Reports) -> None:
    every = simulated(LAST)
    every = every[every["received"]]
    wanted = {}
    for (sku, shop), days in every.groupby(["sku", "location"]):
        out = window(days, SHORT).loc[lambda d: d["empty"]]
        in_stock = days[~days["empty"]].set_index("day")["sold"]
        if len(out):
            units = 0.0
            for empty_day, sold in zip(out["day"], out["sold"], strict=True):
                around = [empty_day + timedelta(weeks=n) for n in range(-4, 5) if n]
                usual = in_stock[in_stock.index.isin(around)].mean()
                units += max(usual - sold, 0)
            margin = units * (PRICES[str(sku)] - COSTS[str(sku)])
            wanted[sku, shop] = (len(out), units, units * PRICES[str(sku)], margin)
    rows = frame_of(reports, "health_stock_outs").to_dict("records")
    found = {
        (row["sku"], row["code"]): (
            row["days_out"], row["lost_units"], row["lost_sales"], row["lost_margin"]
        )
        for row in rows
    }  # fmt: skip
    assert found.keys() == wanted.keys() == {("C", "S1")}
    assert found["C", "S1"] == pytest.approx(wanted["C", "S1"])


def test_shrinkage_is_written_off_and_missing_less_found(reports: Reports) -> None:
    found = frame_of(reports, "health_shrinkage").set_index("sku")
    columns = ["written_off", "missing_at_counts", "found_at_counts", "value"]
    wanted = {
        "A": [4.0, 0.0, 0.0, 4 * COSTS["A"]],
        "D": [0.0, 7.0, 0.0, 7 * COSTS["D"]],
        "B": [0.0, 0.0, 2.0, -2 * COSTS["B"]],
    }
    assert {sku: list(row) for sku, row in found[columns].iterrows()} == wanted
    older = frame_of(reports, "health_shrinkage", days="120").set_index("sku")
    assert older["written_off"].to_dict() == {"A": 4.0, "B": 0.0, "D": 0.0, "F": 5.0}


def test_phantom_stock_is_what_stopped_selling_by_more_than_chance(reports: Reports) -> None:
    days = simulated(LAST)
    days = days[(days["sku"] == "F") & (days["on_hand"] > 0)]
    stopped = days.loc[days["sold"] > 0, "day"].max()
    [row] = frame_of(reports, "health_phantom").to_dict("records")
    assert (row["sku"], row["last_sold"], row["days_without"]) == (
        "F",
        stopped,
        (LAST - stopped).days,
    )
    # the formula itself is tested in test_phantom
    assert 0.95 < row["chance"] < 1


def test_the_out_of_stock_rate_is_that_of_the_shelf_days(reports: Reports) -> None:
    every = simulated(LAST)
    # nothing has moved for 28 days: no longer a shelf
    moved = every[every["sold"] > 0].groupby(["sku", "location"])["day"].max()
    until = [moved[key] for key in zip(every["sku"], every["location"], strict=True)]
    alive = [(day - last).days <= SHORT for day, last in zip(every["day"], until, strict=True)]
    known = window(every[every["received"] & np.array(alive)], LONG)
    wanted = known.groupby("day")["empty"].agg(["sum", "count"])
    found = frame_of(reports, "health_trend").set_index("day")
    assert found["empty"].tolist() == wanted["sum"].tolist()
    assert found["known"].tolist() == wanted["count"].tolist()
    metric = frame_of(reports, "out_of_stock_rate").set_index("day").loc[found.index]
    assert found["rate"].tolist() == metric["out_of_stock_rate"].tolist()


def test_classes_and_turns_equal_pandas(reports: Reports) -> None:
    every = window(simulated(LAST), LONG)
    every["revenue"] = every["sold"] * every["sku"].map(PRICES)
    every["currency"] = every["location"].map(CURRENCY)
    every["week"] = [(LAST - day).days // 7 for day in every["day"]]
    weeks = every.pivot_table(index="sku", columns="week", values="sold", aggfunc="sum").fillna(0)
    cv = weeks.std(axis=1, ddof=0) / weeks.mean(axis=1)
    xyz = pd.cut(cv, [-1, 0.5 - 1e-12, 1 - 1e-12, np.inf], labels=["X", "Y", "Z"])
    wanted: dict[tuple[str, str, str], float] = {}
    for currency, sold in every.groupby("currency"):
        sales = sold.groupby("sku")["revenue"].sum().sort_values(ascending=False)
        sales = sales[sales > 0]
        before = (sales.cumsum() - sales) / sales.sum()
        for sku in map(str, sales.index):
            share = before[sku]
            abc = "A" if share < 0.8 else "B" if share < 0.95 else "C"
            key = (str(currency), abc, str(xyz[sku]))
            wanted[key] = wanted.get(key, 0.0) + float(sales[sku])
    found = frame_of(reports, "health_classes").set_index(["currency", "abc", "xyz"])
    assert found["net_sales"].to_dict() == pytest.approx(wanted)
    assert found.groupby("currency")["share"].sum().tolist() == pytest.approx([1.0, 1.0])
    turns = frame_of(reports, "health_turns", location="S2").to_dict("records")
    mine = simulated(LAST).loc[lambda d: d["location"] == "S2"]
    long = window(mine, LONG)
    average = float((long["on_hand"] * COSTS["A"]).sum()) / LONG
    cost = float(long["sold"].sum()) * COSTS["A"]
    short, left = float(window(mine, SHORT)["sold"].sum()), float(mine["on_hand"].iloc[-1])
    [row] = turns
    assert row["turns"] == pytest.approx(cost / average * 365 / LONG)
    assert row["sell_through"] == pytest.approx(short / (short + left))


AGES = [(30, "0_30"), (60, "31_60"), (90, "61_90"), (180, "91_180"), (10**6, "over_180")]


def ages() -> dict[tuple[str, str], dict[str, float]]:
    """Units of each shelf by band: what is there, taken from its deliveries, the newest first."""
    on_hand = simulated(LAST).groupby(["sku", "location"])["on_hand"].last()
    found = {}
    for sku, shop, received, born, _, _ in SHELVES:
        rest = float(on_hand[sku, shop])
        came = [(born, received or 0)] + [(CAME, 5)] * ((sku, shop) == ("A", "S1"))
        bands: dict[str, float] = {}
        for day, units in sorted(came, reverse=True):
            age = DAYS - 1 - day
            band = next(name for limit, name in AGES if age <= limit)
            bands[band] = bands.get(band, 0.0) + min(units, rest)
            rest -= min(units, rest)
        bands["before_ledger"] = rest
        if received is not None:
            found[sku, shop] = {band: units for band, units in bands.items() if units}
    return {key: bands for key, bands in found.items() if bands}


def test_stock_is_aged_by_its_newest_deliveries(reports: Reports) -> None:
    wanted = ages()
    rows = frame_of(reports, "health_ageing_shelves").to_dict("records")
    names = {f"value_{name}": name for name in [*(name for _, name in AGES), "before_ledger"]}
    found = {
        (row["sku"], row["code"]): {
            name: row[column] / COSTS[row["sku"]] for column, name in names.items() if (row[column] or 0) > 0
        }
        for row in rows
    }  # fmt: skip
    assert found == {key: pytest.approx(bands) for key, bands in wanted.items()}
    assert {band for bands in wanted.values() for band in bands} >= {"0_30", "91_180"}
    by_band = frame_of(reports, "health_ageing").groupby("band")["value"].sum()
    sums = {
        name: sum(bands.get(name, 0) * COSTS[sku] for (sku, _), bands in wanted.items())
        for name in names.values()
    }
    assert sorted(by_band) == pytest.approx(sorted(value for value in sums.values() if value))


def test_only_deliveries_in_force_have_an_age() -> None:
    """12 on hand: 5 came by a receipt, 3 by a transfer, one receipt was taken back, and the rest was always there."""
    kinds = [("receipt", "received", "on_order"), ("transfer", "adjusted", None),
             ("adjustment", "adjusted", None)]  # fmt: skip
    moved = [
        (1, 0, "receipt", 40, 5.0, None), (3, 1, "transfer", 70, 3.0, None), (4, 0, "receipt", 10, 9.0, None),
        (5, 0, "receipt", 10, -9.0, 4), (6, 0, "adjustment", 5, 4.0, None),
    ]  # fmt: skip
    days = {number: LAST - timedelta(days=number) for _, _, _, number, _, _ in moved}
    tables = {
        "movements": pd.DataFrame(
            [(entry, leg, kind, days[ago], units, corrects) for entry, leg, kind, ago, units, corrects in moved],
            columns=["entry_id", "leg", "kind", "day", "quantity", "corrects"],
        ).assign(product_id=1, location_id=1),
        "kinds": pd.DataFrame(kinds, columns=["kind", "counts_as", "closes"]),
        "stock": pd.DataFrame({"product_id": [1], "location_id": 1, "on_hand": 12.0, "cost": 2.0, "price": 3.0,
                               "cost_currency": "EUR", "currency": "EUR"}),
        "products": pd.DataFrame({"product_id": [1], "sku": "A", "name": "A", "department": "D", "category": "C",
                                  "unit": "each", "price": 3.0, "currency": "EUR"}),
        "locations": pd.DataFrame({"location_id": [1], "code": ["S1"], "name": "S1"}),
        "daily_demand": pd.DataFrame({"day": [LAST]}),
    }  # fmt: skip
    report = find_report("health_ageing")
    with open_database({"threads": "1"}) as database:
        for name, rows in tables.items():
            database.register(name, rows)
        found = database.execute(report.text, values_of(report, {})).df()
    assert dict(zip(found["band"], found["value"], strict=True)) == {
        "31-60 days": 10.0, "61-90 days": 6.0, "before the ledger": 8.0,
    }  # fmt: skip


OF_HEALTH = sorted(name for name in all_reports() if name.startswith("health_"))


@pytest.mark.parametrize("name", [*OF_HEALTH, "days_of_cover", "stock_value", "empty_shelves"])
def test_each_report_says_of_the_past_what_it_says_now_while_nothing_came(
    reports: Reports, name: str
) -> None:
    now, then = (frame_of(reports, name, as_of=at) for at in (None, datetime.now(UTC)))
    pd.testing.assert_frame_equal(then, now)


def test_shared_expressions_stand_in_the_statement_that_is_shown() -> None:
    text = find_report("health_states").text
    assert "shelf_states AS (" in text
    assert "-- part" not in text

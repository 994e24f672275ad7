"""Figures of pages, computed by the API over a lake, beside pandas over what was sent.

Online Retail is imported by the mapping that ships, the sample chain is posted; each report that pages draw is asked
for over HTTP. pandas knows nothing of ledger, lake and SQL: it reads the file, or the events as they were sent.
`figures_differ`: figures that are not the same, among all that were compared.
"""

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

# Run as a script, this file's folder comes first on the path.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable

from benchmarks._claims import at_least, at_most, data_folder
from data import simulate
from data.faults import FIRST
from stocktide.domain.kinds import KINDS, RETURN, SALE, TYPE_PREFIX, EventKind
from stocktide.foundation.lake import Lake
from tests.system.running import Running, up

FILE = "online_retail/onlineretail.parquet"
SERVICES = {"POST", "DOT", "C2", "M", "D", "S", "BANK CHARGES", "AMAZONFEE", "CRUK", "B"}
ALL_DAYS = 3_660
CHAIN_DAYS = 400
PAIRED, TOGETHER_LEAST = 200, 30
# As many digits of a sum of prices as a double keeps over half a million lines.
PRECISION = 1e-9
Key = tuple[Any, ...]
Figures = dict[Key, float]


def main() -> None:
    """Compare, and print a line a report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of public data sets")
    folder = data_folder(parser.parse_args().data, FILE)
    compared = differ = 0
    for name, lines, send in (
        ("Online Retail", retail_lines(folder / FILE), lambda r: send_file(r, folder / FILE)),
        ("sample chain", *chain_lines()),
    ):
        with tempfile.TemporaryDirectory() as home, up(Path(home) / "home") as running:
            send(running)
            done = running.run("etl", "--json")
            if done.returncode != 0:
                raise SystemExit(done.stderr)
            for report, ours, theirs in compare(running, lines):
                wrong = differing(ours, theirs)
                compared, differ = compared + len(theirs), differ + len(wrong)
                print(
                    f"{name:14} {report:20} {len(theirs):8,} figures {len(wrong):6,} differ",
                    *wrong[:3],
                )
    at_least("figures_compared", compared, 1)
    at_most("figures_differ", differ, 0)


def retail_lines(path: Path) -> pd.DataFrame:
    """Read the invoices: a row a line that sells or brings back goods."""
    raw = pd.read_parquet(path)
    sku = raw["StockCode"].astype(str).str.upper()
    goods = ~(
        raw["InvoiceNo"].astype(str).str.startswith("A")
        | sku.isin(SERVICES)
        | raw["StockCode"].astype(str).str.startswith("gift_")
    )
    back = raw["InvoiceNo"].astype(str).str.startswith("C") & (raw["Quantity"] < 0)
    gift = (raw["UnitPrice"] == 0) & raw["CustomerID"].isna()
    sold = (raw["Quantity"] > 0) & (raw["UnitPrice"] >= 0) & ~gift
    kept = goods & (back | sold)
    when = pd.to_datetime(raw["InvoiceDate"])
    return pd.DataFrame(
        {
            "sold": sold, "quantity": raw["Quantity"].abs().astype(float), "price": raw["UnitPrice"].astype(float),
            "currency": "GBP", "sku": sku, "location": raw["Country"], "order": raw["InvoiceNo"].astype(str),
            "customer": raw["CustomerID"].astype("Int64").astype(str).where(raw["CustomerID"].notna()),
            "day": when.dt.date, "hour": when.dt.hour, "unit": "each",
        }
    )[kept]  # fmt: skip


def send_file(running: Running, path: Path) -> None:
    """Import the invoices as a user does."""
    done = running.run("import", str(path), "--mapping", "online_retail", "--json")
    if done.returncode != 0:
        raise SystemExit(done.stderr)


def chain_lines() -> tuple[pd.DataFrame, Callable[[Running], None]]:
    """Simulate the sample chain; returns its lines as they are sent, and what sends them."""
    yesterday = datetime.now(UTC).date() - timedelta(1)
    chain = simulate(seed=11, days=CHAIN_DAYS, end=yesterday)
    batches = list(chain.batches(4_000))
    sent = [line for batch in batches for line in batch.split(b"\n") if line]
    # the others are sent again, or spoilt on their way
    events = [json.loads(sent[n]) for n in np.flatnonzero(chain.arrivals.what == FIRST)]
    units = {product["sku"]: product.get("unit", "each") for product in chain.products}
    zones = {place["code"]: place.get("timezone", "UTC") for place in chain.locations}
    rows = [
        {**event["data"], "sold": daily == SALE.daily, "at": event["time"]}
        for event in events
        if (daily := kind_of(event).daily) in (SALE.daily, RETURN.daily)
    ]
    if any(kind_of(event).corrects for event in events):
        raise SystemExit("The sample chain corrects events now: leave those out that it corrects.")
    table = pd.DataFrame(rows)
    table["at"] = pd.to_datetime(table["at"], utc=True, format="ISO8601")
    parts = []
    for location, part in table.groupby("location"):
        local = part["at"].dt.tz_convert(zones[str(location)])
        parts.append(part.assign(day=local.dt.date, hour=local.dt.hour))
    lines = pd.concat(parts).rename(
        columns={"product": "sku", "order_id": "order", "customer_id": "customer"}
    )
    lines["unit"] = lines["sku"].map(units)

    def send(running: Running) -> None:
        with running.client("operate") as client:
            for path, body in (
                ("products", {"products": chain.products}),
                ("locations", {"locations": chain.locations}),
            ):
                client.put(f"/v1/{path}", json=body).raise_for_status()
            for batch in batches:
                answer = client.post(
                    "/v1/events", content=batch, headers={"content-type": "application/x-ndjson"}
                )
                answer.raise_for_status()

    return lines, send


def kind_of(event: dict[str, Any]) -> EventKind:
    """Return the kind of an event that was sent."""
    return KINDS[event["type"].removeprefix(TYPE_PREFIX)]


def compare(running: Running, lines: pd.DataFrame) -> Iterable[tuple[str, Figures, Figures]]:
    """Give each report with its figures, ours and pandas'."""
    lines = lines.assign(
        amount=lines["quantity"] * lines["price"] * np.where(lines["sold"], 1, -1),
        net=lines["quantity"] * np.where(lines["sold"], 1, -1),
    )
    sold = lines[lines["sold"]]
    with running.client("read") as client:

        def report(name: str, keys: list[str], values: list[str], **parameters: object) -> Figures:
            answer = client.get(
                f"/v1/reports/{name}",
                params={key: str(value) for key, value in parameters.items()},
                headers={"Accept": "application/vnd.apache.arrow.stream"},
            )
            answer.raise_for_status()
            rows = pa.ipc.open_stream(answer.content).read_all().to_pandas()
            return figures(rows, keys, values)

        yield (
            "sales_by_day",
            report("sales_by_day", ["day", "unit", "currency"], ["net_units", "net_sales"]),
            sums(lines, ["day", "unit", "currency"], {"net_units": "net", "net_sales": "amount"}),
        )
        yield (
            "net_sales",
            report("net_sales", ["day", "currency"], ["net_sales"]),
            sums(lines, ["day", "currency"], {"net_sales": "amount"}),
        )
        yield (
            "sales_by_product",
            report(
                "sales_by_product", ["sku", "currency"], ["net_units", "net_sales"], days=ALL_DAYS
            ),
            sums(lines, ["sku", "currency"], {"net_units": "net", "net_sales": "amount"}),
        )
        yield (
            "demand_by_hour",
            report("demand_by_hour", ["unit", "weekday", "hour"], ["units"], days=ALL_DAYS),
            sums(
                sold.assign(weekday=weekday(sold)),
                ["unit", "weekday", "hour"],
                {"units": "quantity"},
            ),
        )
        yield (
            "demand_season",
            report("demand_season", ["unit", "month"], ["units_a_day", "index"]),
            seasons(sold),
        )
        yield (
            "demand_pareto",
            report(
                "demand_pareto",
                ["currency", "sku"],
                ["net_sales", "cumulative_share"],
                days=ALL_DAYS,
            ),
            pareto(lines),
        )
        pairs = report(
            "bought_together",
            ["sku", "other_sku"],
            ["together", "support", "lift"],
            days=ALL_DAYS,
            products=PAIRED,
            least=TOGETHER_LEAST,
        )
        yield ("bought_together", *together(pairs, sold))
        yield ("customers", *customers(running, lines))


def figures(rows: pd.DataFrame, keys: list[str], values: list[str]) -> Figures:
    """Return each value of a table by what it is of."""
    rows = rows.assign(**{k: rows[k].map(plain) for k in keys})
    return {
        (*key, value): float(row[value])
        for key, row in zip(
            rows[keys].itertuples(index=False, name=None), rows.to_dict("records"), strict=True
        )
        for value in values
        # what is not listed is nothing
        if row[value]
    }


def plain(value: Any) -> Any:
    """Return a day as its text, anything else as it is."""
    return str(value)[:10] if hasattr(value, "year") else value


def sums(lines: pd.DataFrame, keys: list[str], of: dict[str, str]) -> Figures:
    """Sum columns by keys."""
    added = lines.groupby(keys, as_index=False)[list(of.values())].sum()
    return figures(added.rename(columns={c: n for n, c in of.items()}), keys, list(of))


def weekday(lines: pd.DataFrame) -> pd.Series:
    """Return the weekday of each line, Monday is 1."""
    return pd.to_datetime(lines["day"]).dt.isocalendar().day.astype(int)


def seasons(sold: pd.DataFrame) -> Figures:
    """Units a day in each month of the calendar, over all days from the first to the last, and their index."""
    rows = []
    for unit, part in sold.groupby("unit"):
        days = part.groupby("day")["quantity"].sum()
        days.index = pd.to_datetime(days.index)
        days = days.reindex(pd.date_range(days.index.min(), days.index.max()), fill_value=0.0)
        mean = days.groupby(pd.DatetimeIndex(days.index).month).mean()
        rows += [(unit, m, value, value / mean.mean()) for m, value in mean.items()]
    frame = pd.DataFrame(rows, columns=["unit", "month", "units_a_day", "index"])
    return figures(frame, ["unit", "month"], ["units_a_day", "index"])


def pareto(lines: pd.DataFrame) -> Figures:
    """Net sales of each product that brought some, and the share of it and all larger ones."""
    added = lines.groupby(["currency", "sku"], as_index=False)["amount"].sum()
    # what prices add up to has no fractions of a millionth
    added["amount"] = added["amount"].round(6)
    added = added[added["amount"] > 0].sort_values(
        ["currency", "amount", "sku"], ascending=[True, False, True]
    )
    by_currency = added.groupby("currency")["amount"]
    added["cumulative_share"] = by_currency.cumsum() / by_currency.transform("sum")
    added = added.rename(columns={"amount": "net_sales"})
    return figures(added, ["currency", "sku"], ["net_sales", "cumulative_share"])


def together(ours: Figures, sold: pd.DataFrame) -> tuple[Figures, Figures]:
    """Compare pairs of products in one order, among orders of two products and more.

    Which of the products that tie for the last place are paired is not compared.
    """
    baskets = sold.dropna(subset="order").groupby("order")["sku"].agg(set)
    baskets = baskets[baskets.map(len) >= 2]
    orders = baskets.explode().value_counts().rename_axis("sku").reset_index(name="orders")
    popular = orders.sort_values(["orders", "sku"], ascending=[False, True]).head(PAIRED)
    least = popular["orders"].min()
    counts = popular.set_index("sku")["orders"].to_dict()
    sure = {sku for sku, count in counts.items() if count > least}
    found: dict[tuple[str, str], int] = {}
    for basket in baskets:
        for pair in combinations(sorted(basket & sure), 2):
            found[pair] = found.get(pair, 0) + 1
    total = len(baskets)
    ours = {
        tuple(sorted(key[:2])) + key[2:]: value for key, value in ours.items() if {*key[:2]} <= sure
    }
    return ours, {
        (*pair, name): value
        for pair, count in found.items()
        if count >= TOGETHER_LEAST
        for name, value in (
            ("together", float(count)),
            ("support", count / total),
            ("lift", count * total / (counts[pair[0]] * counts[pair[1]])),
        )
    }


def customers(running: Running, lines: pd.DataFrame) -> tuple[Figures, Figures]:
    """Compare the lake's customers by what each bought, in the order of these figures: ids are pseudonyms there."""
    landed = DeltaTable(Lake(str(running.home / "lake")).path("customers")).to_pandas()
    ours = landed.assign(sales=landed["sales_micros"] / 1e6, returns=landed["returns_micros"] / 1e6)
    named = lines.dropna(subset="customer")
    sold = named[named["sold"]]
    by = ["customer", "currency"]
    theirs = pd.DataFrame(
        {
            "orders": sold.groupby(by)["order"].nunique(),
            "first_day": sold.groupby(by)["day"].min(),
            "last_day": sold.groupby(by)["day"].max(),
            "sales": sold.groupby(by)["amount"].sum(),
            "returns": -named[~named["sold"]].groupby(by)["amount"].sum(),
        }
    ).reset_index()
    return ranked(ours), ranked(theirs)


def ranked(rows: pd.DataFrame) -> Figures:
    """Rank customers by what they bought."""
    rows = rows.assign(
        **{
            name: rows[name].astype(float).fillna(0).round(6)
            for name in ("orders", "sales", "returns")
        },
        **{
            name: rows[name].map(lambda day: "" if pd.isna(day) else plain(day))
            for name in ("first_day", "last_day")
        },
    ).sort_values(["currency", "sales", "returns", "first_day", "last_day", "orders"])
    rows["number"] = range(len(rows))
    keys = ["number", "currency", "first_day", "last_day"]
    return figures(rows, keys, ["orders", "sales", "returns"])


def differing(ours: Figures, theirs: Figures) -> list[str]:
    """Say where two tables differ."""
    return [
        f"{key}: {ours.get(key)} {theirs.get(key)}"
        for key in sorted(ours.keys() | theirs.keys(), key=str)
        if not math.isclose(
            ours.get(key, 0.0), theirs.get(key, 0.0), rel_tol=PRECISION, abs_tol=1e-6
        )
    ]


if __name__ == "__main__":
    main()

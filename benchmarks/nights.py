"""What every store holds after months in bulk and a month of nights: sizes, and growth a night in steady state.

The sample chain at `--times` its size (its shops again under other names, from other seeds): eleven months are sent in
bulk, then `--nights` days one by one, each with what a night does: ETL, forecast or refresh, drift, maintenance. All
of it by commands of a real home. Clocks are not moved, so no file of the lake grows old: what replaced versions hold
is in its size, and is what a retention of as many days as there were nights keeps.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

# Run as a script, this file's folder comes first on the path, and `ingest.py` beside it would stand for the package.
sys.path[0] = str(Path(__file__).parents[1])

import httpx
import sqlalchemy as sa

from data import simulate
from stocktide.foundation.database import create_engine
from tests.forked import run_command
from tests.system.running import ROOT, Running, up, wait_until

MONTHS_DAYS, NIGHTS, TIMES = 335, 30, 10
LINES = 5_000
COMMAND_S_MAX = 3_600.0
NDJSON = {"Content-Type": "application/x-ndjson"}
STEADY = 7
# what a night does is done here: the worker's own schedule would come between
NEVER = {
    f"{job}_cron": "0 0 1 1 *"
    for job in (
        "etl",
        "forecast",
        "refresh",
        "drift",
        "quality",
        "maintain",
        "customer_values",
        "lead_times",
        "orders",
        "notices",
    )
}


def days_of(
    times: int, days: int, end: date
) -> tuple[list[Any], list[Any], dict[date, list[bytes]]]:
    """Simulate copies of the chain; returns products, locations and the lines of each day, by the day of the event."""
    products: list[Any] = []
    locations: list[Any] = []
    lines: dict[date, list[bytes]] = {}
    for copy in range(times):
        chain = simulate(seed=7 + copy, days=days, end=end)
        products = chain.products
        locations += [{**row, "code": f"{row['code']}-{copy}"} for row in chain.locations]
        for body in chain.batches():
            for line in body.splitlines():
                renamed = renamed_line(line, copy)
                if renamed is not None:
                    lines.setdefault(renamed[0], []).append(renamed[1])
    return products, locations, lines


def renamed_line(line: bytes, copy: int) -> tuple[date, bytes] | None:
    """Return an event of another copy of the chain, and its day; None for a line that is no event."""
    try:
        event = json.loads(line)
        data = event["data"]
        day = datetime.fromisoformat(event["time"]).astimezone(UTC).date()
    except (ValueError, KeyError, TypeError):
        return None
    event["source"] = f"{event.get('source')}/{copy}"
    for name in ("location", "to_location"):
        if name in data:
            data[name] = f"{data[name]}-{copy}"
    return day, json.dumps(event).encode()


def send(client: httpx.Client, lines: list[bytes]) -> None:
    """Send lines; what is refused on purpose by the simulation is refused here, too."""
    for start in range(0, len(lines), LINES):
        body = b"\n".join(lines[start : start + LINES])
        client.post("/v1/events", content=body, headers=NDJSON).raise_for_status()


def sizes(running: Running) -> dict[str, float]:
    """Return megabytes of every table with its indexes, and of every folder of the home."""
    query = (
        "SELECT coalesce(parent.relname, c.relname) AS name, sum(pg_total_relation_size(c.oid)) / 1e6"
        " FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid"
        " LEFT JOIN pg_class parent ON parent.oid = i.inhparent"
        " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY 1"
    )
    engine = create_engine(running.state()["services"]["database_url"])
    with engine.connect() as connection:
        found = {str(row[0]): float(row[1]) for row in connection.execute(sa.text(query))}
    engine.dispose()
    for folder in ("lake", "logs", "checkpoints", "mlflow"):
        held = (running.home / folder).rglob("*")
        found[f"{folder}/"] = sum(path.stat().st_size for path in held if path.is_file()) / 1e6
    return found


def night(running: Running, number: int) -> None:
    """Do what a night does; raises where a command fails."""
    forecast = ("forecast",) if number % 7 == 0 else ("forecast", "refresh")
    for command in (
        ("etl", "--wait"),
        forecast,
        ("forecast", "drift"),
        ("customers", "values"),
        ("maintain",),
    ):
        done = run_command(
            *command, environment=running.environment, folder=ROOT, seconds=COMMAND_S_MAX
        )
        # drift asks the worker for a retraining: that one is the night's forecast then
        if done.returncode != 0 and "forecast run is under way" in done.stderr:
            wait_until(lambda: not forecasting(running), COMMAND_S_MAX, "still forecasting")
        elif done.returncode != 0:
            raise RuntimeError(f"stocktide {' '.join(command)}: {done.stderr[-500:]}")


def forecasting(running: Running) -> bool:
    """Return True if a forecast is being made."""
    engine = create_engine(running.state()["services"]["database_url"])
    query = "SELECT count(*) FROM runs WHERE job LIKE 'forecast%' AND status = 'running'"
    with engine.connect() as connection:
        found = connection.execute(sa.text(query)).scalar_one()
    engine.dispose()
    return bool(found)


def report(seen: list[dict[str, float]]) -> Iterator[dict[str, Any]]:
    """Yield for each store: megabytes after the months and at the end, and growth a night over the last nights."""
    steady = seen[-min(STEADY, len(seen)) :]
    for name in sorted(seen[-1], key=lambda name: -seen[-1][name]):
        grown = (steady[-1][name] - steady[0].get(name, 0.0)) / max(1, len(steady) - 1)
        if seen[-1][name] >= 0.1:
            yield {
                "store": name,
                "after_months_mb": round(seen[0].get(name, 0.0), 1),
                "at_end_mb": round(seen[-1][name], 1),
                "mb_a_night": round(grown, 2),
            }


def main() -> None:
    """Send, live through the nights, print one line of JSON a store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--nights", type=int, default=NIGHTS)
    parser.add_argument("--months-days", type=int, default=MONTHS_DAYS)
    asked = parser.parse_args()
    end = datetime.now(UTC).date()
    products, locations, lines = days_of(asked.times, asked.months_days + asked.nights, end)
    first_night = end - timedelta(days=asked.nights)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        running = stack.enter_context(up(Path(folder) / "home", lake_history_days=1, **NEVER))
        client = stack.enter_context(running.client("operate"))
        client.put("/v1/products", json={"products": products}).raise_for_status()
        client.put("/v1/locations", json={"locations": locations}).raise_for_status()
        began = time.monotonic()
        bulk = [line for day in sorted(lines) if day < first_night for line in lines[day]]
        send(client, bulk)
        night(running, 0)
        seen = [sizes(running)]
        print(json.dumps({"events": len(bulk), "seconds": round(time.monotonic() - began, 1)}))
        # whoever has seen enough interrupts it, and gets the report of the nights until then
        with suppress(KeyboardInterrupt):
            for number in range(1, asked.nights + 1):
                began = time.monotonic()
                send(client, lines.get(first_night + timedelta(days=number - 1), []))
                night(running, number)
                seen.append(sizes(running))
                took = round(time.monotonic() - began, 1)
                total = round(sum(seen[-1].values()))
                print(json.dumps({"night": number, "seconds": took, "mb": total}), flush=True)
        for row in report(seen):
            print(json.dumps(row))


if __name__ == "__main__":
    main()

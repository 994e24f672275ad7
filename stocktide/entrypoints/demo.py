"""`stocktide demo`: the sample chain through the whole path, then a live feed that keeps it moving."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx

from data import LiveFeed, SampleChain, simulate, terms_of
from stocktide.domain.rhythm import rhythm_of
from stocktide.entrypoints.cli.output import print_table, progress, say
from stocktide.entrypoints.demo_sensors import TOPICS, ShelfSensors, publish_readings
from stocktide.foundation.database import create_engine
from stocktide.foundation.errors import Fatal
from stocktide.foundation.home import read_state
from stocktide.foundation.keys import replace_key
from stocktide.foundation.settings import Settings

SEED = 7
DAYS = 730
BATCH_EVENTS = 5_000
READY_S_MAX = 120.0
# About forty times the chain's real pace: enough to see it move, not enough to make today a record day.
LIVE_EVENTS_PER_S = 0.2
LIVE_POST_EVERY_S = 2.0
LIVE_SENSE_EVERY_S = 30.0
# The dashboard should be seen to move.
LIVE_ETL_CRON = "* * * * *"
OUTCOMES = ("accepted", "duplicate", "conflict", "rejected")

Row = list[Any]


def run_demo(settings: Settings, *, once: bool, days: int = DAYS) -> None:
    """Simulate, send, land, forecast, publish; print what happened at every stage. Then go on live, unless `once`.

    Raises Fatal if a stage's outcome is not what the simulator expects.
    """
    rows: list[Row] = []
    started = time.monotonic()
    chain = _timed(
        rows,
        "simulate",
        lambda: simulate(seed=SEED, days=days, end=_end(settings.home)),
        _simulated,
    )
    broker_port = free_port()
    supervisor = _start_up(settings, once=once, broker_port=broker_port)
    try:
        state = _timed(rows, "start", lambda: _wait_until_ready(settings, supervisor), _started)
        with httpx.Client(
            base_url=state["api"], timeout=60, headers=_authorization(state)
        ) as client:
            _timed(
                rows,
                "ingest over HTTP",
                lambda: _send(client, chain),
                lambda sent: _ingested(sent, chain),
            )
            sensors = ShelfSensors(settings.api_host, broker_port)
            _timed(rows, "sensors over MQTT", lambda: _sense(sensors, client, state), str)
            # the worker's cron may be at it already
            _timed(rows, "etl", lambda: _stage(settings, "etl", "--wait"), _landed)
            _timed(rows, "forecast", lambda: _stage(settings, "forecast"), describe_forecast)
            _timed(rows, "lead times", lambda: _stage(settings, "lead-times", "learn"), _learnt)
            _timed(rows, "orders", lambda: _stage(settings, "orders", "propose"), _proposed)
            _timed(rows, "quality", lambda: _stage(settings, "quality"), _looked_at)
            _timed(rows, "check", lambda: _stage(settings, "check"), _checked)
            _timed(rows, "read back", lambda: _read_back(client), str)
            rows.append(
                [
                    "all",
                    round(time.monotonic() - started, 1),
                    "every stage as the simulator expects",
                ]
            )
            print_table(
                "The sample chain, stage by stage", ["stage", "seconds", "what happened"], rows
            )
            if not once:
                say(f"Dashboard  {state['dashboard']}")
                say(_sign_in(settings.home))
                say(
                    f"A live feed sends an event about every {1 / LIVE_EVENTS_PER_S:.0f} s. Ctrl-C stops everything."
                )
                _live(client, chain, supervisor, sensors)
            sensors.close()
    finally:
        _end_up(supervisor)


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _end(home: Path) -> date:
    """Return the day after the last simulated one: kept in the home, so that a second demo sends the same events."""
    note = home / "demo.json"
    home.mkdir(parents=True, exist_ok=True)
    if not note.exists():
        note.write_text(json.dumps({"end": datetime.now(UTC).date().isoformat()}))
    return date.fromisoformat(json.loads(note.read_text())["end"])


def _timed(rows: list[Row], name: str, work: Callable[[], Any], tell: Callable[[Any], str]) -> Any:
    started = time.monotonic()
    say(f"{name} …")
    result = work()
    rows.append([name, round(time.monotonic() - started, 1), tell(result)])
    return result


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "STOCKTIDE_HOME": str(settings.home),
        "STOCKTIDE_API_PORT": str(settings.api_port),
        "STOCKTIDE_DASHBOARD_PORT": str(settings.dashboard_port),
    }


def _start_up(settings: Settings, *, once: bool, broker_port: int) -> "subprocess.Popen[bytes]":
    environment = _environment(settings)
    environment |= {
        "STOCKTIDE_MQTT_BROKER_PORT": str(broker_port),
        "STOCKTIDE_MQTT_URL": f"mqtt://{settings.api_host}:{broker_port}",
        "STOCKTIDE_MQTT_TOPICS": TOPICS,
    }
    if not once:
        environment.setdefault("STOCKTIDE_ETL_CRON", LIVE_ETL_CRON)
    return subprocess.Popen(
        [sys.executable, "-m", "stocktide.entrypoints.cli", "up"],
        env=environment,
        stdout=subprocess.DEVNULL,
        process_group=0,
    )


def _wait_until_ready(settings: Settings, supervisor: "subprocess.Popen[bytes]") -> dict[str, Any]:
    deadline = time.monotonic() + READY_S_MAX
    while time.monotonic() < deadline:
        if supervisor.poll() is not None:
            raise Fatal("up_failed", "`stocktide up` ended; its output is above.")
        state = read_state(settings.home)
        if state and state["pid"] == supervisor.pid:
            parts = state["parts"].values()
            if len(parts) > 2 and all(part["state"] == "ready" for part in parts):
                return state
        time.sleep(0.1)
    raise Fatal(
        "up_slow",
        f"Not all parts were ready after {READY_S_MAX:g} s; see {settings.home / 'logs'}.",
    )


def _authorization(state: dict[str, Any]) -> dict[str, str]:
    engine = create_engine(state["services"]["database_url"], pool_size=1)
    with engine.begin() as connection:
        key = replace_key(connection, "demo (made by stocktide demo)", "operate")
    engine.dispose()
    return {"Authorization": f"Bearer {key}"}


def _send(client: httpx.Client, chain: SampleChain) -> Counter[str]:
    client.put("/v1/products", json={"products": chain.products}).raise_for_status()
    client.put("/v1/locations", json={"locations": chain.locations}).raise_for_status()
    for kind, plans in (("promotions", chain.promotions), ("closures", chain.closures)):
        client.put(f"/v1/calendar/{kind}", json={kind: plans}).raise_for_status()
    for kind, terms in terms_of(chain.truth.chain).items():
        told = {kind.replace("-", "_"): terms}
        client.put(f"/v1/terms/{kind}", json=told).raise_for_status()
    sent: Counter[str] = Counter()
    with progress("sending", "events") as advance:
        for body in chain.batches(BATCH_EVENTS):
            answer = _post(client, body)
            sent.update({name: answer[name] for name in OUTCOMES})
            advance(sent.total(), chain.expected.sent)
    return sent


def _post(client: httpx.Client, body: bytes) -> dict[str, Any]:
    answer = client.post(
        "/v1/events", content=body, headers={"content-type": "application/x-ndjson"}
    )
    answer.raise_for_status()
    outcomes: dict[str, Any] = answer.json()
    return outcomes


def _sense(sensors: ShelfSensors, client: httpx.Client, state: dict[str, Any]) -> str:
    engine = create_engine(state["services"]["database_url"], pool_size=1)
    try:
        return publish_readings(engine, sensors, client)
    finally:
        engine.dispose()


def _stage(settings: Settings, command: str, *options: str) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "stocktide.entrypoints.cli", command, *options, "--json"],
        env=_environment(settings),
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        raise Fatal(
            "stage_failed",
            f"`stocktide {command}` ended with exit code {done.returncode}; see above.",
        )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _read_back(client: httpx.Client) -> str:
    listed = client.get("/v1/products", params={"limit": 1}).raise_for_status().json()["products"]
    sku = listed[0]["sku"]
    product = client.get(f"/v1/products/{sku}").raise_for_status().json()
    trending = client.get("/v1/trending", params={"limit": 1}).raise_for_status().json()["products"]
    coming = sum(day["yhat"] for day in product["forecast"])
    return (
        f"{product['name']}: stock at {len(product['stock'])} shops, {coming:,.0f} {product['unit']} expected in "
        f"{len(product['forecast'])} days; trending first: {trending[0]['name']}"
    )


def _simulated(chain: SampleChain) -> str:
    return f"{chain.expected.sent:,} events of {len(chain.locations)} shops x {len(chain.products)} products"


def _started(state: dict[str, Any]) -> str:
    return "ready: " + ", ".join(state["parts"])


def _ingested(sent: Counter[str], chain: SampleChain) -> str:
    expected = {name: getattr(chain.expected, name) for name in OUTCOMES}
    # a demo that is run again on its home finds everything there already
    again = {**expected, "accepted": 0, "duplicate": expected["accepted"] + expected["duplicate"]}
    if dict(sent) not in (expected, again):
        raise Fatal(
            "outcomes_differ", f"The API answered {dict(sent)}, the simulator expects {expected}."
        )
    return ", ".join(f"{sent[name]:,} {name}" for name in OUTCOMES)


def _landed(report: dict[str, Any]) -> str:
    changed = report["demand"]["rows_changed"]
    return f"{report['rows_total']:,} rows in the lake = ledger; {changed:,} rows of daily demand written"


def describe_forecast(report: dict[str, Any]) -> str:
    """Describe the forecast stage: the choice, its decision and reason, and its error beside seasonal naive's.

    report: what `stocktide forecast --json` prints.
    """
    fate = "published" if report["published"] else "kept, not published"
    ahead = rhythm_of(report["frequency"]).counted(report["horizon_days"])
    said = (
        f"{report['nodes']:,} nodes x {ahead}, trained to {report['cutoff']} on data version "
        f"{report['lake_version']}; {report['winner']} won; version {report['version']} {fate}: "
        f"{report['reason'].removesuffix('.')}"
    )
    tested = next(iter(report["wape"].items()), None)
    if tested is None:
        return f"{said}; the history is too short to test on"
    level, (ours, naive) = tested
    better = sum(ours <= naive for ours, naive in report["wape"].values())
    return (
        f"{said}; WAPE at level {level} {ours:.1%}, seasonal naive {naive:.1%}; "
        f"no worse than it at {better} of {len(report['wape'])} levels"
    )


def _looked_at(report: dict[str, Any]) -> str:
    failing = sum(rule["failed"] > 0 for rule in report["rules"])
    return (
        f"{len(report['rules'])} rules of quality, {failing} of them found something: page Quality"
    )


def _learnt(report: dict[str, Any]) -> str:
    return f"{report['pairs']:,} lead times learnt from {report['lines']:,.0f} lines of purchase orders"


def _proposed(report: dict[str, Any]) -> str:
    return f"{report['opened']:,} of {report['lines_looked_at']:,} lines are to be ordered: page Orders"


def _checked(report: dict[str, Any]) -> str:
    return f"{report['stock_pairs']:,} stock levels = fold of {report['ledger']['rows']:,} ledger rows; lake = ledger"


def _sign_in(home: Path) -> str:
    note = home / "first-password"
    return (
        f"Sign in    user admin, password {note.read_text().strip()}"
        if note.exists()
        else "Sign in with your user."
    )


def _live(
    client: httpx.Client,
    chain: SampleChain,
    supervisor: "subprocess.Popen[bytes]",
    sensors: ShelfSensors,
) -> None:
    waiting: list[bytes] = []
    posted_at = sensed_at = time.monotonic()
    try:
        for line in LiveFeed(chain, seed=SEED, events_per_second=LIVE_EVENTS_PER_S).stream():
            if supervisor.poll() is not None:
                raise Fatal("up_ended", "`stocktide up` ended.")
            waiting.append(line)
            if time.monotonic() - posted_at >= LIVE_POST_EVERY_S:
                posted_at = time.monotonic()
                try:
                    _post(client, b"\n".join(waiting))
                    if posted_at - sensed_at >= LIVE_SENSE_EVERY_S:
                        sensed_at = posted_at
                        sensors.publish(client)
                except httpx.HTTPError as error:
                    say(f"live feed: {error}; the events are kept and sent again", error=True)
                    continue
                waiting.clear()
    except KeyboardInterrupt:
        say("Stopping …")


def _end_up(supervisor: "subprocess.Popen[bytes]") -> None:
    if supervisor.poll() is None:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait()

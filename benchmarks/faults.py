"""What users see while something hangs, is locked, is full or is flooded, and how it comes back.

Each fault happens to a real `stocktide up` with a home of its own, under a steady load: events, reads of the API and
pages. One line of JSON a fault: the answers by route, the longest wait, memory, the time until all was well again,
acknowledged events that are not in the ledger (must be 0), answers 5xx other than 503 (must be 0), and what
`stocktide etl` and `stocktide check` say afterwards. Name faults to have only these.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Run as a script, this file's folder comes first on the path, and `ingest.py` beside it would stand for the package.
sys.path[0] = str(Path(__file__).parents[1])

import psutil
import psycopg

from benchmarks._claims import at_most
from benchmarks._faults_done import ROW_LOCK, TABLE_LOCK, Fault, fill_disk, hang, lock, small_disk
from benchmarks._faults_flood import KINDS, flood_figures
from benchmarks._faults_load import Call, Memory, load_on, machine_load, memory_mb, prepare
from tests.system.running import Running, up

FULL = {"fault_s": 60.0, "calm_s": 5.0, "flood_s": 30.0}
QUICK = {"fault_s": 12.0, "calm_s": 2.0, "flood_s": 8.0}
# What a request may take in all: the database's limit, and as long again for who waited for a thread.
DATABASE_ANSWER_S = 15.0
WAIT_S_MAX = 2 * (DATABASE_ANSWER_S + 2) + 2
BACK_S_MAX = 120.0
DISK_MB = 400
P99_RATIO_MAX = 3.0

PARTS = ("postgres", "valkey", "api", "worker", "alerts", "dashboard")
FAULTS: dict[str, Fault] = {
    "postgres": hang("postgres"),
    "valkey": hang("valkey"),
    "row": lock(ROW_LOCK),
    "table": lock(TABLE_LOCK),
    "disk": fill_disk,
}


def measure(running: Running, name: str, figures: dict[str, float]) -> dict[str, Any]:
    """Let one fault happen under load, wait until all is well again, and return the figures."""
    before = memory_mb(running)
    with Memory(running) as memory, load_on(running, name) as load:
        time.sleep(figures["calm_s"])
        began = time.monotonic()
        FAULTS[name](running, figures["fault_s"])
        over = time.monotonic()
        ready_s = _wait_for_all(running, over)
        time.sleep(figures["calm_s"] + 2)
    etl, check = running.run("etl", "--wait"), running.run("check")
    return {
        "fault": name,
        "seconds": over - began,
        "machine": machine_load(),
        **answers(load.calls, over),
        "all_parts_ready_s": ready_s,
        "memory_mb": {part: [before.get(part, 0.0), peak] for part, peak in memory.peak_mb.items()},
        "acknowledged": len(load.acknowledged),
        "acknowledged_lost": len(load.acknowledged - ledger_ids(running)),
        "etl_exit": etl.returncode,
        "check_exit": check.returncode,
        "said": (etl.stderr + check.stderr).splitlines()[-2:],
    }


def _wait_for_all(running: Running, since: float) -> float | None:
    """Return after how many seconds all parts are ready; None if they do not come back."""
    while time.monotonic() - since < BACK_S_MAX:
        if running.process.poll() is not None:
            return None
        # while the disk is full, what `up` says of itself may be old
        if running.ready() and all(psutil.pid_exists(running.pid(part)) for part in PARTS):
            return time.monotonic() - since
        time.sleep(0.1)
    return None


def answers(calls: list[Call], over: float) -> dict[str, Any]:
    """Summarise what users saw; `well_again_s`: the last answer that was not good, after the fault was over."""
    by_route: dict[str, Counter[int]] = defaultdict(Counter)
    for call in calls:
        by_route[call.route][call.status] += 1
    bad = [call for call in calls if not 200 <= call.status < 300 and call.ended > over]
    wrong = [call for call in calls if call.status >= 500 and call.status != 503]
    longest = max(calls, key=lambda call: call.took_s)
    return {
        "statuses": {route: dict(counts) for route, counts in sorted(by_route.items())},
        "longest_s": longest.took_s,
        "longest_on": longest.route,
        "well_again_s": max((call.ended - over for call in bad), default=0.0),
        "wrong_5xx": len(wrong),
        "no_answer": sum(call.status == 0 for call in calls),
        "examples": sorted({call.said for call in calls if call.said})[:6],
    }


def ledger_ids(running: Running) -> set[str]:
    """Return the id of every event in the ledger."""
    with psycopg.connect(running.state()["services"]["database_url"]) as connection:
        return {row[0] for row in connection.execute("SELECT event_id FROM ledger")}


def claims(found: dict[str, Any]) -> None:
    """Print what must hold."""
    name = found["fault"]
    at_most(f"{name}_acknowledged_lost", found["acknowledged_lost"], 0)
    at_most(f"{name}_wrong_5xx", found["wrong_5xx"], 0)
    at_most(f"{name}_longest_wait_s", found["longest_s"], WAIT_S_MAX)
    at_most(f"{name}_check_exit", found["check_exit"], 0)
    at_most(f"{name}_parts_that_stayed_away", found["all_parts_ready_s"] is None, 0)


def flood_claims(found: dict[str, Any]) -> None:
    """Print what must hold beside a flood: reads are as quick as beside clients that do nothing, about."""
    for kind in KINDS[1:]:
        ratio = found[kind]["read_p99_ms"] / found[KINDS[0]]["read_p99_ms"]
        at_most(f"flood_{kind}_p99_ratio", ratio, P99_RATIO_MAX)


@contextmanager
def home_for(name: str, folder: Path) -> Iterator[Running]:
    """Start a Stocktide of its own for a fault: on a small disk where the disk is the fault."""
    if name != "disk":
        with up(folder / name, database_answer_s=DATABASE_ANSWER_S) as running:
            yield running
        return
    # the disk is mounted above the home: what fills it lies beside the home, and so does what `up` says
    with small_disk(folder / "disk", DISK_MB) as disk, up(disk / "home") as running:
        yield running


def main() -> None:
    """Let the faults happen, one after the other, and print figures and claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faults", nargs="*", help=f"of {', '.join((*FAULTS, 'flood'))}")
    parser.add_argument("--quick", action="store_true", help="faults of 12 s")
    parser.add_argument("--keep-logs", type=Path, help="folder for what the processes said")
    options = parser.parse_args()
    figures = QUICK if options.quick else FULL
    with tempfile.TemporaryDirectory(prefix="stocktide-faults-") as text:
        for name in options.faults or (*FAULTS, "flood"):
            with home_for(name, Path(text)) as running:
                prepare(running)
                flooded = name == "flood"
                found = (
                    flood_figures(running, figures["flood_s"])
                    if flooded
                    else measure(running, name, figures)
                )
                if options.keep_logs:
                    shutil.copytree(running.home / "logs", options.keep_logs / name)
                    said = running.home.parent / f"{running.home.name}-up.log"
                    shutil.copy(said, options.keep_logs / name / "up.log")
            print(json.dumps(_rounded(found)), flush=True)
            (flood_claims if flooded else claims)(found)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return round(value, 2) if isinstance(value, float) else value


if __name__ == "__main__":
    main()

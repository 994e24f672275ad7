"""Events in from senders that try again, while what they talk to is killed again and again.

10 % repeats, 5 % out of order, 1 % conflicts, 1 % malformed, from 8 senders over HTTP and one over MQTT. API processes
are killed (kill -9), Postgres is crashed and restarted, the broker is killed. In the end every outcome, every identity
and every balance is compared with a plain ledger in this process, and the ledger's own invariants are counted.
`lost_or_doubled` counts events that are missing, that nobody sent, and that are in the ledger twice.
"""

import argparse
import contextlib
import multiprocessing
import queue
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, LiteralString

# Run as a script, this file's folder comes first on the path, and `ingest.py` beside it would stand for the package.
sys.path[0] = str(Path(__file__).parents[1])

import psycopg

from benchmarks._claims import at_most
from benchmarks._crash_events import Reference, stream
from benchmarks._crash_senders import Addresses, Report, Shared, send_http, send_mqtt
from benchmarks._crash_service import Service
from etl.check import ledger_faults
from stocktide.foundation.database import create_engine

SENDERS = 8
MQTT_SHARE = 0.02
FULL = {"events": 1_000_000, "api": 20, "crashes": 3, "restarts": 2, "brokers": 2}
QUICK = {"events": 50_000, "api": 3, "crashes": 1, "restarts": 0, "brokers": 1}


def plan(service: Service, figures: dict[str, int]) -> list[Callable[[], None]]:
    """List what is done to the service, in order: the rare things spread among the frequent."""
    kinds = (
        (service.kill_api, figures["api"]),
        (service.crash_postgres, figures["crashes"]),
        (service.restart_postgres, figures["restarts"]),
        (service.kill_broker, figures["brokers"]),
    )
    placed = [
        ((number + 0.5) / count, action)
        for action, count in kinds
        for number in range(count)
    ]  # fmt: skip
    return [action for _, action in sorted(placed, key=lambda item: item[0])]


class Senders:
    """Sender processes: forked first, while this process has one thread, they wait until there is where to send."""

    def __init__(self, events: int) -> None:
        context = multiprocessing.get_context("fork")
        self.shared = Shared(
            context.Value("q", 0), context.Value("d", 0.0), context.Queue(), context.Queue()
        )
        over_mqtt = int(events * MQTT_SHARE)
        each = (events - over_mqtt) // SENDERS
        self.sizes = {str(number): each for number in range(1, SENDERS + 1)}
        self.sizes[str(SENDERS + 1)] = over_mqtt
        self.processes = [
            context.Process(
                target=send_http if int(name) <= SENDERS else send_mqtt,
                args=(name, size, self.shared),
                daemon=True,
            )
            for name, size in self.sizes.items()
        ]
        for process in self.processes:
            process.start()

    def start(self, addresses: Addresses) -> None:
        """Start the senders."""
        for _ in self.processes:
            self.shared.addresses.put(addresses)

    def reports(self) -> Iterator[Report]:
        """Yield each one's report, when it is done; ends the program where one failed."""
        for _ in self.processes:
            yield self._next()
        for process in self.processes:
            process.join()

    def _next(self) -> Report:
        while True:
            with contextlib.suppress(queue.Empty):
                report: Report = self.shared.reports.get(timeout=0.2)
                return report
            if any(process.exitcode for process in self.processes):
                sys.exit("A sender failed; see above.")


def run(
    service: Service, senders: Senders, figures: dict[str, int]
) -> tuple[list[Report], Reference, float]:
    """Send everything while the plan is carried out; returns reports, the reference, and seconds."""
    started = time.monotonic()
    senders.start(Addresses(service.port, service.key, service.mqtt_port, service.postgres.url()))
    actions = plan(service, figures)
    for number, action in enumerate(actions, 1):
        due = figures["events"] * number / (len(actions) + 1)
        while senders.shared.progress.value < due and any(
            process.is_alive() for process in senders.processes
        ):
            time.sleep(0.01)
        action()
    got = list(senders.reports())
    seconds = time.monotonic() - started
    reference = Reference()
    for name, size in senders.sizes.items():
        reference.add(stream(name, size))
    return got, reference, seconds


def compare(database_url: str, reference: Reference) -> dict[str, int]:
    """Count what in the database differs from the reference, by name; and the ledger's own faults."""
    with psycopg.connect(database_url) as connection:
        identities = set(
            connection.execute(
                "SELECT source, event_id FROM event_identities JOIN sources USING (source_id)"
            )
        )
        twice = _one(
            connection,
            "SELECT count(*) FROM (SELECT FROM ledger GROUP BY source_id, event_id, leg HAVING count(*) > 1) t",
        )
        rows = _one(connection, "SELECT count(*) FROM ledger")
        stock = {
            (sku, code): milli
            for sku, code, milli in connection.execute(
                "SELECT sku, code, on_hand_milli FROM stock JOIN products USING (product_id)"
                " JOIN locations USING (location_id)"
            )
        }
        opened = {
            (purpose, name): int(milli)
            for purpose, name, milli in connection.execute(
                "SELECT purpose, reference, sum(opened_milli - closed_milli) FROM commitments GROUP BY 1, 2"
            )
        }
        kept = {bytes(row[0]) for row in connection.execute("SELECT raw_hash FROM rejects")}
    expected_stock, expected_open = reference.stock(), reference.commitments()
    engine = create_engine(database_url)
    faults = ledger_faults(engine)
    engine.dispose()
    return {
        "lost": len(reference.identities - identities),
        "never sent": len(identities - reference.identities),
        "twice in the ledger": twice,
        "rows too many or too few": abs(rows - reference.rows),
        "refused input not kept": len(reference.refused - kept),
        "kept but never refused": len(kept - reference.refused),
        "balances wrong": _different(stock, expected_stock),
        "commitments wrong": _different(opened, expected_open),
        "ledger faults": sum(faults.values()),
    }


def _one(connection: "psycopg.Connection[Any]", query: LiteralString) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _different(found: Mapping[Any, int], expected: Mapping[Any, int]) -> int:
    return sum(found.get(key) != expected.get(key) for key in found.keys() | expected.keys())


LOST_OR_DOUBLED = ("lost", "never sent", "twice in the ledger", "rows too many or too few")
KEPT = ("refused input not kept", "kept but never refused")


def report(
    service: Service, reports: list[Report], seconds: float, differences: Mapping[str, int]
) -> None:
    """Print the table and the claims."""
    outcomes, retries = Counter[str](), Counter[str]()
    for one in reports:
        outcomes.update(one.outcomes)
        retries.update(one.retries)
    inputs = sum(outcomes.values())
    print(
        f"{inputs:,} inputs of {len(reports)} senders in {seconds:.1f} s ({inputs / seconds:,.0f}/s)"
    )
    for name, count in sorted(service.kills.items()):
        print(f"  survived  {name:<24} {count:>9,}")
    for name, count in sorted(outcomes.items()):
        print(f"  outcome   {name:<24} {count:>9,}")
    for name, count in sorted(retries.items()):
        print(f"  sent again after {name:<17} {count:>9,}")
    print(f"  recorded, answer lost              {sum(r.in_doubt for r in reports):>9,}")
    for name, count in differences.items():
        print(f"  {name:<34} {count:>9,}")
    wrong = sum(one.wrong for one in reports)
    for example in [text for one in reports for text in one.examples][:5]:
        print(f"  wrong: {example}")
    at_most("wrong_outcomes", wrong + sum(differences[name] for name in KEPT), 0)
    at_most(
        "wrong_balances",
        sum(v for n, v in differences.items() if n not in LOST_OR_DOUBLED + KEPT),
        0,
    )
    at_most("lost_or_doubled", sum(differences[name] for name in LOST_OR_DOUBLED), 0)


def main() -> None:
    """Run it and print the claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50,000 events and few kills")
    parser.add_argument("--keep-logs", type=Path, help="folder for what the processes said")
    options = parser.parse_args()
    figures = QUICK if options.quick else FULL
    with tempfile.TemporaryDirectory(
        prefix="stocktide-crash-", ignore_cleanup_errors=True
    ) as folder:
        senders = Senders(figures["events"])
        service = Service(Path(folder), senders.shared.broker_ended_at)
        try:
            reports, reference, seconds = run(service, senders, figures)
        finally:
            service.stop()
            if options.keep_logs:
                shutil.copytree(
                    folder, options.keep_logs, ignore=shutil.ignore_patterns("postgres")
                )
        differences = compare(service.postgres.url(), reference)
        service.postgres.stop()
    report(service, reports, seconds, differences)


if __name__ == "__main__":
    main()

"""Events through HTTP against one text COPY of the same rows, and single events against a no-op route.

Everything is in place: validation, identity, ledger, stock, outbox, rejects, an outcome an event; commits are durable.
The reference of `batch_vs_copy` is one text COPY, in one transaction, of the very rows that a round wrote into a bare
table of the ledger's columns, without index. That of `single_vs_noop` is a bare ASGI endpoint of the same processes
that answers as many bytes and does nothing. Client, API processes and PostgreSQL share the machine's cores.

`customers_vs_plain` is the rate of events of which 45 % name one of 5,000 customers, who come as they do in a shop, to
that of events that name none.

Rates depend on the disk, CPU time less: `cpu_us_per_event` is what the API's processes and all of PostgreSQL's spend,
user and system, for an event of a plain batch, and `cpu_vs_copy` that in times of what the client and PostgreSQL spend
for a row of the COPY. Background processes of PostgreSQL are counted in whatever round they run in.
"""

import argparse
import random
import re
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

# Run as a script, this file's folder comes first on the path, and this file would stand for the package `ingest`.
sys.path[0] = str(Path(__file__).parents[1])

import msgspec
import numpy as np

from benchmarks._claims import at_least, at_most, figure, need_program
from benchmarks._cpu import MICROSECONDS, cpu_of
from benchmarks._ingest_service import Service, ordered_id, service
from benchmarks._load import Load, request, send_all
from benchmarks._mqtt import measure_mqtt
from stocktide.domain.kinds import SALE

PROCESSES, PRODUCTS, LOCATIONS = 2, 5_000, 50
BATCH, IN_FLIGHT, SINGLES = 1_000, 16, 64
ZIPF = 1.3
# Who buys: so many of the orders name a customer, and a few customers buy much more often than others.
CUSTOMERS, NAMED_SHARE = 5_000, 0.45
GOALS = {
    "batch": 0.35,
    "repeats": 0.20,
    "single": 0.40,
    "malformed": 0.80,
    "hot": 1.0,
    "customers": 0.90,
}
SINGLE_P99_MS_MAX = 15.0
CPU_VS_COPY_MAX = 6.0


@dataclass
class Case:
    """What the events of a case are like."""

    repeats: float = 0.0
    malformed: bool = False
    hot: bool = False
    customers: bool = False


class Events:
    """Sales of products that sell as products do, one shop a batch."""

    def __init__(self, seed: int = 1) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - ids of a benchmark
        self._numpy = np.random.default_rng(seed)
        self._batch = 0
        self._warm_customers = 0

    def lines(self, count: int, case: Case) -> list[bytes]:
        """Structured events of one batch."""
        self._batch += 1
        shop = f"L{self._batch % LOCATIONS}"
        products = self._numpy.zipf(ZIPF, count) % PRODUCTS
        now = datetime.now(UTC).isoformat()
        lines = [
            msgspec.json.encode(
                {
                    "specversion": "1.0", "id": ordered_id(self._rng), "source": f"/shops/{shop}/till",
                    "type": SALE.type, "time": now,
                    "data": {"product": f"P{0 if case.hot else product}", "location": shop, "quantity": 1 + n % 3,
                             "price": 2.5, "currency": "EUR", "order_id": f"{self._batch}-{n // 3}",
                             "order_line": n % 3},
                }
            )
            for n, product in enumerate(products.tolist())
        ]  # fmt: skip
        if case.customers:
            lines = self._named(lines)
        for place in range(count - int(case.repeats * count), count):
            lines[place] = lines[self._rng.randrange(count - int(case.repeats * count))]
        if case.malformed:
            lines[count // 2] = lines[count // 2].replace(b'"quantity"', b'"quantiti"')
        return lines

    def _named(self, lines: Sequence[bytes]) -> list[bytes]:
        """Name a customer in some orders, of three lines each."""
        orders = -(-len(lines) // 3)
        who = (CUSTOMERS * self._numpy.random(orders) ** 2).astype(int).tolist()
        named = (self._numpy.random(orders) < NAMED_SHARE).tolist()
        ends = [b',"customer_id":"C%d"}}' % who[n] if named[n] else b"}}" for n in range(orders)]
        return [line[:-2] + ends[n // 3] for n, line in enumerate(lines)]

    def batches(self, made: Service, events: int, case: Case) -> list[bytes]:
        """Make requests of BATCH events each."""
        return [
            request(
                "/v1/events",
                made.key,
                "application/cloudevents-batch+json",
                b"[" + b",".join(self.lines(BATCH, case)) + b"]",
            )
            for _ in range(events // BATCH)
        ]

    def warm_up(self, made: Service) -> list[bytes]:
        """Make requests that name all products, shops and customers several times: no process meets a new one."""
        requests = []
        for _ in range(8 * PROCESSES):
            for first in range(0, PRODUCTS, BATCH):
                names = iter(range(first, first + BATCH))
                lines = [
                    re.sub(rb'"product":"P[0-9]+"', b'"product":"P%d"' % next(names), line)
                    for line in self.lines(BATCH, Case())
                ]
                self._warm_customers = (self._warm_customers + BATCH) % CUSTOMERS
                named = range(self._warm_customers, self._warm_customers + BATCH)
                lines = [
                    line[:-2] + b',"customer_id":"C%d"}}' % who
                    for line, who in zip(lines, named, strict=True)
                ]
                body = b"[" + b",".join(lines) + b"]"
                kind = "application/cloudevents-batch+json"
                requests.append(request("/v1/events", made.key, kind, body))
        return requests

    def singles(self, made: Service, path: str, events: int) -> list[bytes]:
        """Make requests of one event each."""
        kind = "application/cloudevents+json"
        lines = [line for _ in range(events // 100) for line in self.lines(100, Case())]
        return [request(path, made.key, kind, line) for line in lines]


def main() -> None:
    """Measure and print the claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer events, no large ledger")
    quick = parser.parse_args().quick
    need_program("mosquitto")
    events, rounds = (20_000, 1) if quick else (200_000, 5)
    with service(processes=PROCESSES, products=PRODUCTS, locations=LOCATIONS) as made:
        _say_durability(made)
        source = Events()
        send_all(made.port, source.warm_up(made), IN_FLIGHT)
        ratios = _measure_batches(made, source, events, rounds)
        mqtt = measure_mqtt(made.database_url, messages=2_000 if quick else 20_000)
        print(f"MQTT QoS 1, one worker: {mqtt:,.0f} messages/s from publishing to the commit")
    # of its own: the rounds alone store millions
    with service(processes=PROCESSES, products=PRODUCTS, locations=LOCATIONS) as made:
        send_all(made.port, source.warm_up(made), IN_FLIGHT)
        sizes = [100_000] if quick else [100_000, 1_000_000, 10_000_000]
        _measure_growth(made, source, events, sizes)
    # one process, as `up` starts it: the no-op of the claim runs in the same one
    with service(processes=1, products=PRODUCTS, locations=LOCATIONS) as made:
        send_all(made.port, source.warm_up(made), IN_FLIGHT)
        # fewer than that are over before a process has found its pace
        single, p99_ms = _measure_singles(made, source, max(10_000, events // 10), rounds)
    at_least("batch_vs_copy", ratios["batch"], GOALS["batch"])
    at_least("batch_vs_copy_repeats", ratios["repeats"], GOALS["repeats"])
    at_least("single_vs_noop", single, GOALS["single"])
    at_most("single_p99_ms", p99_ms, SINGLE_P99_MS_MAX)
    at_least("malformed_vs_clean", ratios["malformed"], GOALS["malformed"])
    figure("cpu_us_per_event", ratios["cpu_us"])
    at_most("cpu_vs_copy", ratios["cpu_us"] / ratios["copy_cpu_us"], CPU_VS_COPY_MAX)
    at_least("hot_vs_spread", ratios["hot"], GOALS["hot"])
    at_least("customers_vs_plain", ratios["customers"], GOALS["customers"])


def _say_durability(made: Service) -> None:
    with made.connect() as connection:
        settings = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]  # type: ignore[index]  # one row
            for name in ("fsync", "synchronous_commit", "full_page_writes", "server_version")
        }
    print(", ".join(f"{name} {value}" for name, value in settings.items()))
    print(
        f"batches of {BATCH:,}: {PROCESSES} API processes, {IN_FLIGHT} connections; "
        f"singles: 1 process, {SINGLES} connections\n"
    )


def _measure_batches(made: Service, source: Events, events: int, rounds: int) -> dict[str, float]:
    """Return medians over rounds: ratios to COPY, of the malformed and the hot case to the plain one, and CPU, µs."""
    names = ("batch", "repeats", "malformed", "hot", "customers", "cpu_us", "copy_cpu_us")
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        plain, cpu_us = _post(made, source, events, Case(), f"round {number}: plain")
        copied, copy_cpu_us = _copy(made, events)
        repeats, _ = _post(made, source, events, Case(repeats=0.1), "10 % repeats")
        copied_after, _ = _copy(made, events)
        malformed, _ = _post(made, source, events, Case(malformed=True), "one malformed a batch")
        hot, _ = _post(made, source, events, Case(hot=True), "one hot product")
        customers, _ = _post(made, source, events, Case(customers=True), "of customers")
        reference = (copied + copied_after) / 2
        found["batch"].append(plain / reference)
        found["repeats"].append(repeats / reference)
        found["malformed"].append(malformed / plain)
        found["hot"].append(hot / plain)
        found["customers"].append(customers / plain)
        found["cpu_us"].append(cpu_us)
        found["copy_cpu_us"].append(copy_cpu_us)
    return {name: statistics.median(values) for name, values in found.items()}


def _post(made: Service, source: Events, events: int, case: Case, name: str) -> tuple[float, float]:
    """Send batches; return events/s, and CPU microseconds an event of API and PostgreSQL together."""
    requests = source.batches(made, events, case)
    with cpu_of(made.pids) as spent:
        load = send_all(made.port, requests, IN_FLIGHT)
    assert load.statuses == {200: len(requests)}, load.statuses
    rate = events / load.seconds
    print(
        f"{name:>28}: {rate:>9,.0f} events/s, request p50 {_ms(load, 50):.0f} ms, p99 {_ms(load, 99):.0f} ms, "
        f"CPU {_cpu_words(spent.us_each(events))} an event",
        flush=True,
    )
    return rate, sum(spent.us_each(events).values())


def _cpu_words(us: dict[str, float]) -> str:
    return " + ".join(f"{name} {value:.1f}" for name, value in us.items()) + " µs"


def _ms(load: Load, percent: float) -> float:
    return float(np.percentile(load.latencies, percent)) * 1e3


def _copy(made: Service, rows: int) -> tuple[float, float]:
    """Copy the newest rows of the ledger into a bare table of its columns; return rows/s and CPU microseconds a row."""
    with made.connect() as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare")
        cursor.execute("CREATE TABLE bare AS SELECT * FROM ledger WITH NO DATA")
        newest = f"SELECT * FROM ledger ORDER BY entry_id DESC LIMIT {rows}"
        with cursor.copy(f"COPY ({newest}) TO STDOUT") as out:
            text = b"".join(bytes(piece) for piece in out)
        postgres = {"PostgreSQL": made.pids["PostgreSQL"]}
        started = time.perf_counter()
        with cpu_of(postgres) as spent, cursor.copy("COPY bare FROM STDIN") as into:
            into.write(text)
        rate = rows / (time.perf_counter() - started)
    us = {"client": MICROSECONDS * spent.own / rows, **spent.us_each(rows)}
    print(
        f"{'':10}text COPY into a bare table of the ledger's columns: {rate:,.0f} rows/s, CPU {_cpu_words(us)} a row"
    )
    return rate, sum(us.values())


def _measure_singles(
    made: Service, source: Events, events: int, rounds: int
) -> tuple[float, float]:
    """Median ratio to the no-op, and the median of the rounds' p99, ms."""
    ratios, p99s = [], []
    send_all(made.port, source.singles(made, "/v1/events", 2_000), SINGLES)
    for _ in range(rounds):
        noop = send_all(made.port, source.singles(made, "/noop", 2 * events), SINGLES)
        single = send_all(made.port, source.singles(made, "/v1/events", events), SINGLES)
        assert single.statuses == {200: sum(single.statuses.values())}, single.statuses
        rates = 2 * events / noop.seconds, events / single.seconds
        print(
            f"{'singles':>28}: {rates[1]:>9,.0f} events/s, p50 {_ms(single, 50):.1f} ms, p99 {_ms(single, 99):.1f} ms; "
            f"no-op {rates[0]:,.0f}/s, p50 {_ms(noop, 50):.1f} ms, p99 {_ms(noop, 99):.1f} ms",
            flush=True,
        )
        ratios.append(rates[1] / rates[0])
        p99s.append(_ms(single, 99))
    return statistics.median(ratios), statistics.median(p99s)


FILL = """
WITH made AS (
    INSERT INTO ledger (entry_id, source_id, event_id, kind, product_id, location_id, quantity_milli, price_micros,
                        currency, order_id, order_line, occurred_at)
    SELECT n * 2 - 20000000000, 1, uuidv7(interval '-60 days' + n * interval '1 millisecond')::text, '{kind}',
           1 + (n * 7919) % {products}, 1 + n / 1000 % {locations}, -1000, 2500000, 'EUR', n::text, 1,
           now() - interval '60 days' + n * interval '1 millisecond'
    FROM generate_series({first}::bigint, {last}::bigint) n
    RETURNING source_id, event_id, entry_id, product_id, location_id, occurred_at
)
INSERT INTO event_identities (source_id, event_id, entry_id, product_id, location_id, occurred_at) SELECT * FROM made
"""


def _measure_growth(made: Service, source: Events, events: int, sizes: Sequence[int]) -> None:
    """Return the rate once so many rows are stored; they are made by SQL, and stock is left as it is."""
    made_rows = 0
    with made.connect() as connection:
        for size in sizes:
            stored = connection.execute("SELECT count(*) FROM ledger").fetchone()[0]  # type: ignore[index]
            while stored < size:
                last = made_rows + min(500_000, size - stored)
                fill = FILL.format(
                    kind=SALE.name,
                    products=PRODUCTS,
                    locations=LOCATIONS,
                    first=made_rows + 1,
                    last=last,
                )
                connection.execute(fill)
                stored += last - made_rows
                made_rows = last
            connection.execute("CHECKPOINT")
            _post(made, source, events // 2, Case(), f"{stored:,} rows stored")


if __name__ == "__main__":
    main()

"""Batches through HTTP against one text COPY of the same rows, both durable, in the same run.

The reference is one COPY of the same rows into a bare table of the ledger's columns, without index. Ours is everything:
validation, identity, ledger, stock, outcome an event. Prints the claim of the design's section 8; `--quick` for a look.
"""

import argparse
import io
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

# Run as a script, this file's folder comes first on the path, and this file would stand for the package `ingest`.
sys.path[0] = str(Path(__file__).parents[1])

import httpx
import msgspec
import psycopg
import uvicorn

from benchmarks._claims import at_least
from stocktide.api import create_app
from stocktide.cache_server import connect_cache
from stocktide.database import create_engine, migrate
from stocktide.embedded import Postgres, Valkey
from stocktide.keys import create_key
from stocktide.settings import load_settings

BATCH = 1_000
PRODUCTS, LOCATIONS = 500, 20
GOAL = 0.35
COLUMNS = "source_id, event_id, payload_hash, kind, product_id, location_id, quantity_milli, price_micros, occurred_at"


@contextmanager
def service() -> Iterator[tuple[str, str, str]]:
    """The API on a free port over its own servers: (url, key, database url)."""
    with tempfile.TemporaryDirectory(prefix="stocktide-bench-") as folder:
        home = Path(folder)
        postgres, valkey = Postgres(home), Valkey(home)
        postgres.start()
        valkey.start()
        engine = create_engine(postgres.url())
        migrate(engine)
        with engine.begin() as connection:
            key = create_key(connection, "bench", "operate")
        app = create_app(
            load_settings(home=home), engine, connect_cache(valkey.url), signing_key="bench" * 8
        )
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield (
            f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}",
            key,
            postgres.url(),
        )
        server.should_exit = True
        thread.join()
        engine.dispose()
        valkey.stop()
        postgres.stop()


def batches(events: int, tag: str) -> list[bytes]:
    """NDJSON bodies of BATCH sales each, spread over products and locations."""
    now = datetime.now(UTC).isoformat()
    lines = [
        msgspec.json.encode(
            {
                "specversion": "1.0", "id": f"{tag}-{n:09d}", "source": "/bench", "type": "stocktide.sale", "time": now,
                "data": {"product": f"P{n * 7919 % PRODUCTS}", "location": f"L{n // BATCH % LOCATIONS}",
                         "quantity": 1 + n % 3, "price": 2.5, "currency": "EUR"},
            }
        )
        for n in range(events)
    ]  # fmt: skip
    return [b"\n".join(lines[start : start + BATCH]) for start in range(0, events, BATCH)]


def post_all(url: str, key: str, bodies: list[bytes], clients: int) -> float:
    """Post bodies over several connections; returns seconds."""
    waiting = iter(bodies)
    lock = threading.Lock()

    def work() -> None:
        with httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60
        ) as client:
            while True:
                with lock:
                    body = next(waiting, None)
                if body is None:
                    return
                answer = client.post(
                    "/v1/events", content=body, headers={"content-type": "application/x-ndjson"}
                )
                assert answer.json()["accepted"] == BATCH, answer.text[:300]

    started = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


def copy_all(url: str, events: int) -> float:
    """One text COPY of as many rows of the same columns into a bare table; returns seconds."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bare")
        connection.execute(f"CREATE TABLE bare AS SELECT {COLUMNS}, xid FROM ledger WITH NO DATA")
        text = io.StringIO()
        with connection.cursor() as cursor:
            query = f"COPY (SELECT {COLUMNS}, xid FROM ledger LIMIT {events}) TO STDOUT"
            with cursor.copy(query) as rows:
                for row in rows:
                    text.write(bytes(row).decode())
            body = text.getvalue()
            started = time.perf_counter()
            with cursor.copy(f"COPY bare ({COLUMNS}, xid) FROM STDIN") as into:
                into.write(body)
            return time.perf_counter() - started


def main() -> None:
    """Run the comparison and print the claim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    events = 20_000 if parser.parse_args().quick else 100_000
    with service() as (url, key, database_url):
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as client:
            client.put(
                "/v1/products", json={"products": [{"sku": f"P{n}"} for n in range(PRODUCTS)]}
            ).raise_for_status()
            client.put(
                "/v1/locations", json={"locations": [{"code": f"L{n}"} for n in range(LOCATIONS)]}
            )
        post_all(url, key, batches(10 * BATCH, "warm"), 4)
        ratios = []
        for round_number in range(3):
            ours = events / post_all(url, key, batches(events, f"r{round_number}"), 4)
            reference = events / copy_all(database_url, events)
            ratios.append(ours / reference)
            print(
                f"round {round_number}: HTTP batches {ours:,.0f} events/s, bare text COPY {reference:,.0f} rows/s"
            )
    at_least("batch_vs_copy", statistics.median(ratios), GOAL)


if __name__ == "__main__":
    main()

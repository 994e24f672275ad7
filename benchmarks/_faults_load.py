"""The load of faults.py: senders and readers at a steady rate who note every answer, and what the parts' memory is."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count

import httpx
import psutil

from stocktide.domain.kinds import RECEIPT, SALE
from tests.http import NO_TLS
from tests.system.running import Running

PRODUCTS, PLACES = 20, 3
SENDERS, READERS = 4, 2
EVENTS_EACH = 5
EVERY_S = 0.05
# Longer than any documented limit: what hangs is seen as a long wait, and no client gives up before.
PATIENCE_S = 120.0
MEMORY_EVERY_S = 0.25
BATCH = "application/cloudevents-batch+json"
READS = ("/v1/stock", "/v1/products/P1", "/v1/trending", "/readyz", "/livez")
PAGES = ("/", "/signin")
NO_ANSWER = 0


@dataclass(frozen=True)
class Call:
    """One request: its route, when it began, its status (0: the connection broke), its wait, an error's text."""

    route: str
    began: float
    status: int
    took_s: float
    said: str = ""

    @property
    def ended(self) -> float:
        """Return when the answer came."""
        return self.began + self.took_s


@dataclass
class Load:
    """Everything that the clients saw."""

    calls: list[Call] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    stopping: threading.Event = field(default_factory=threading.Event)

    def call(self, client: httpx.Client, method: str, path: str, **more: object) -> httpx.Response:
        """Send a request and note what came of it. An answer of status 0 stands for none."""
        began = time.monotonic()
        try:
            answer = client.request(method, path, **more)  # type: ignore[arg-type]
        except httpx.TransportError as error:
            answer = httpx.Response(NO_ANSWER, text=repr(error))
        bad = answer.status_code >= 500 or answer.status_code == NO_ANSWER
        said = answer.text[:300] if bad else ""
        took_s = time.monotonic() - began
        self.calls.append(Call(f"{method} {path}", began, answer.status_code, took_s, said))
        return answer


def _send(load: Load, client: httpx.Client, name: str, kind: str) -> None:
    for number in count():
        if load.stopping.wait(EVERY_S):
            return
        events = [_event(f"{name}-{number}-{part}", kind, number + part) for part in range(EVENTS_EACH)]  # fmt: skip
        answer = load.call(
            client, "POST", "/v1/events", json=events, headers={"Content-Type": BATCH}
        )
        if answer.status_code == 200 and answer.json()["accepted"] == len(events):
            load.acknowledged.update(str(event["id"]) for event in events)


def _event(event_id: str, kind: str, number: int) -> dict[str, object]:
    data = {"product": f"P{number % PRODUCTS}", "location": f"L{number % PLACES}", "quantity": 1}
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "faults",
        "type": f"stocktide.{kind}",
        "time": datetime.now(UTC).isoformat(),
        "data": data,
    }


def _read(load: Load, client: httpx.Client, paths: tuple[str, ...]) -> None:
    for number in count():
        if load.stopping.wait(EVERY_S):
            return
        load.call(client, "GET", paths[number % len(paths)])


def prepare(running: Running) -> None:
    """Make the products and places that the events name."""
    with running.client("operate") as client:
        products = [{"sku": f"P{number}"} for number in range(PRODUCTS)]
        client.put("/v1/products", json={"products": products}).raise_for_status()
        places = [{"code": f"L{number}"} for number in range(PLACES)]
        client.put("/v1/locations", json={"locations": places}).raise_for_status()


@contextmanager
def load_on(running: Running, name: str) -> Iterator[Load]:
    """Keep tills, deliveries, readers and a browser that is signed in busy; `name` begins the ids of their events."""
    load = Load()
    with ExitStack() as opened:
        # one for each thread: a pool that threads share may close a connection under another
        apis = [opened.enter_context(running.client("operate")) for _ in range(SENDERS + READERS)]
        pages = opened.enter_context(_browser(running))
        _sign_in(running, pages)
        for client in (*apis, pages):
            client.timeout = httpx.Timeout(PATIENCE_S)
        works = [
            partial(_send, load, api, f"{name}-{number}", RECEIPT.name if number % 2 else SALE.name)
            for number, api in enumerate(apis[:SENDERS])
        ]
        works += [partial(_read, load, api, READS) for api in apis[SENDERS:]]
        works.append(partial(_read, load, pages, PAGES))
        threads = [threading.Thread(target=work, daemon=True) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield load
        finally:
            load.stopping.set()
            for thread in threads:
                thread.join(PATIENCE_S)


def _browser(running: Running) -> httpx.Client:
    return httpx.Client(base_url=running.state()["dashboard"], verify=NO_TLS)


def _sign_in(running: Running, pages: httpx.Client) -> None:
    form = {"username": "admin", "password": running.password()}
    answer = pages.post("/signin", data=form)
    assert answer.status_code == 303, f"admin cannot sign in: {answer.status_code}"


class Memory:
    """Samples how much memory each part takes, its children with it; `peak_mb` after the `with`."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.peak_mb: dict[str, float] = {}

    def __enter__(self) -> "Memory":
        """Start to sample."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop to sample."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(MEMORY_EVERY_S):
            for part, megabytes in memory_mb(self._running).items():
                self.peak_mb[part] = max(megabytes, self.peak_mb.get(part, 0.0))


def memory_mb(running: Running) -> dict[str, float]:
    """Return the memory of each part that runs, in MB; PostgreSQL's shared buffers are counted once."""
    found = {}
    for name, part in running.state()["parts"].items():
        try:
            parent = psutil.Process(part["pid"])
            family = [parent, *parent.children(recursive=True)]
            found[name] = sum(_own_mb(one) for one in family)
        except (psutil.NoSuchProcess, TypeError):
            continue  # it ended, or is between two starts
    return found


def _own_mb(process: psutil.Process) -> float:
    memory = process.memory_info()
    return float(memory.rss - memory.shared) / 2**20


def machine_load() -> str:
    """Return how busy the machine is, all that runs on it together."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"

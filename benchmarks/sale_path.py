"""The path of a sale over HTTP: which files handle it, and in which forms it is held on the way.

One sale alone and one batch go through the real route into a real PostgreSQL, after some like them, so that what
happens once (a key is read, a product looked up, a statement prepared) is over. Counted are

- files: those of `ingest` and `stocktide` of which a function runs meanwhile, on whatever thread, and those of `sql`
  whose text the server executes.
- forms: types of `ingest` that hold the identity of the sale, in a variable of a function there, made for this request.
  Neither the body's bytes count, nor those that PostgreSQL gets, nor the outcome, which is the answer.
"""

import asyncio
import gc
import json
import sys
import tempfile
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parents[1]
if __name__ == "__main__":
    # as in ingest.py
    sys.path[0] = str(ROOT)

import httpx
import msgspec
import psycopg

from benchmarks._claims import at_most
from stocktide.domain.kinds import SALE
from stocktide.entrypoints.api import create_app
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.database import create_engine, migrate
from stocktide.foundation.embedded import Postgres, Valkey
from stocktide.foundation.keys import create_key
from stocktide.foundation.settings import Settings

FILES_MAX, FORMS_MAX = 18, 7
BATCH = 1_000
ANSWERS = frozenset({"Outcome", "Shown"})
DEPTH_MAX = 8


@dataclass
class Passed:
    """What requests passed: paths of files, names of types."""

    files: set[str] = field(default_factory=set)
    forms: set[str] = field(default_factory=set)


def main() -> None:
    """Print what a sale passes, and the claims."""
    with tempfile.TemporaryDirectory(prefix="stocktide-path-") as folder:
        passed = trace_sale(Path(folder))
    for name, found in vars(passed).items():
        print(f"{len(found)} {name}:", *sorted(found), sep="\n  ")
    at_most("sale_path_files", len(passed.files), FILES_MAX)
    at_most("sale_path_forms", len(passed.forms), FORMS_MAX)


def trace_sale(home: Path) -> Passed:
    """Send one sale and one batch, on servers of their own in `home`; return what both passed together."""
    postgres, valkey = Postgres(home), Valkey(home)
    postgres.start()
    valkey.start()
    try:
        return asyncio.run(_trace(postgres, valkey.url))
    finally:
        valkey.stop()
        postgres.stop()


async def _trace(postgres: Postgres, cache_url: str) -> Passed:
    follower = _Follower()
    engine = create_engine(postgres.url())
    migrate(engine)
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("ALTER ROLE stocktide SET log_statement = 'all'")
    engine.dispose()
    # threads take it over when they start
    threading.setprofile(follower.follow)
    async with _client(postgres.url(), cache_url) as client:
        threading.setprofile(None)
        for body in ({"products": [{"sku": "A"}]}, {"locations": [{"code": "S1"}]}):
            (await client.put(f"/v1/{next(iter(body))}", json=body)).raise_for_status()
        for number in range(3):
            await _send(client, f"before-{number}")
        logged = postgres.log_path.stat().st_size
        with follower.following("followed"):
            await _send(client, "followed")
        executed = _flat(postgres.log_path.read_bytes()[logged:].decode())
    follower.passed.files |= {
        str(path.relative_to(ROOT))
        for path in (ROOT / "sql").rglob("*.sql")
        if "migrations" not in path.parts and _flat(path.read_text()) in executed
    }
    return follower.passed


@asynccontextmanager
async def _client(database_url: str, cache_url: str) -> AsyncIterator[httpx.AsyncClient]:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        key = create_key(connection, "path", "operate")
    # longer than is allowed, so that no key is read again meanwhile
    settings = Settings().model_copy(update={"key_cache_s": 60})
    app = create_app(settings, engine, connect_cache(cache_url), signing_key="x" * 32)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://path",
            headers={"Authorization": f"Bearer {key}"},
        ) as client,
    ):
        yield client
    engine.dispose()


async def _send(client: httpx.AsyncClient, name: str) -> None:
    """Send a sale, then a batch; the name stands in every identity."""
    batch = [_sale(f"{name}-{number}") for number in range(BATCH)]
    for kind, body in (("", _sale(name)), ("-batch", batch)):
        answer = await client.post(
            "/v1/events",
            content=json.dumps(body),
            headers={"Content-Type": f"application/cloudevents{kind}+json"},
        )
        answer.raise_for_status()


def _sale(event_id: str) -> dict[str, Any]:
    data = {"product": "A", "location": "S1", "quantity": 1, "price": 2.5, "currency": "EUR"}
    return {"specversion": "1.0", "id": event_id, "source": "/till", "type": SALE.type,
            "time": datetime.now(UTC).isoformat(), "data": data}  # fmt: skip


def _flat(text: str) -> str:
    return " ".join(text.split())


class _Follower:
    """Follows the calls of all threads whose profile function it is."""

    def __init__(self) -> None:
        self.passed = Passed()
        self._marker = ""
        self._before: set[int] = set()

    @contextmanager
    def following(self, marker: str) -> Iterator[None]:
        """Follow, and look for what holds the marker, until the end of the block."""
        self._before = {id(one) for one in gc.get_objects() if _is_ours(one)}
        self._marker = marker
        sys.setprofile(self.follow)
        yield
        sys.setprofile(None)
        self._marker = ""

    def follow(self, frame: FrameType, event: str, returned: object) -> None:
        """Note a function of ours, and at its end what its variables hold; the interpreter calls it."""
        path = frame.f_code.co_filename
        if not self._marker or not path.startswith((f"{ROOT}/ingest/", f"{ROOT}/stocktide/")):
            return
        self.passed.files.add(str(Path(path).relative_to(ROOT)))
        if event == "return":
            for value in (*frame.f_locals.values(), returned):
                self._holds(value, 0)

    def _holds(self, value: object, depth: int) -> bool:
        """Return True if the marker is in a value; note the types of ours that it is held in."""
        if isinstance(value, str):
            return self._marker in value
        if isinstance(value, bytes):
            return self._marker.encode() in value
        if depth > DEPTH_MAX or id(value) in self._before or type(value).__name__ in ANSWERS:
            return False
        # one of many says it for all of them
        found = any(self._holds(part, depth + 1) for part in _parts(value))
        if found and _is_ours(value):
            self.passed.forms.add(type(value).__name__)
        return found


def _is_ours(value: object) -> bool:
    return str(type(value).__module__).startswith("ingest.")


def _parts(value: object) -> Iterable[object]:
    """Return what a value is made of: elements, or the fields of what is ours."""
    if isinstance(value, dict):
        return [*list(value)[:2], *list(value.values())[:2]]
    if isinstance(value, list | tuple | set | frozenset | deque):
        return list(value)[:50] if not _is_ours(value) else list(value)
    if not _is_ours(value):
        return ()
    if isinstance(value, msgspec.Struct):
        return [getattr(value, name) for name in value.__struct_fields__]
    return vars(value).values() if hasattr(value, "__dict__") else ()


if __name__ == "__main__":
    main()

"""Stock, feeds and receivers for the tests of alerts. What ingest would write is written by hand."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from alerts.evaluation import evaluate_changes, evaluate_feeds, learn_rhythms
from alerts.rules import RuleLimits, limits_of
from stocktide.foundation.database_names import STOCK_CHANGED
from stocktide.foundation.settings import load_settings

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Shops:
    """Products A and B at S1 and S2, ids 1 and 2 of each; quantities in units."""

    engine: sa.Engine
    limits: RuleLimits = field(default_factory=lambda: limits_of(load_settings()))

    def __post_init__(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO products (sku, name, unit) VALUES ('A', 'Apples', 'kg'), ('B', NULL, 'each')"
                )
            )
            connection.execute(
                sa.text("INSERT INTO locations (code, name) VALUES ('S1', 'Shop 1'), ('S2', NULL)")
            )

    def stock(
        self, product: int, location: int, on_hand: float, *, queue: bool = True, **columns: Any
    ) -> None:
        """Set a pair's stock as a ledger transaction would, with its row in the outbox."""
        values = {"on_hand_milli": round(on_hand * 1_000), "known": True, **columns}
        pair = {"product_id": product, "location_id": location}
        table = sa.table("stock", *[sa.column(name) for name in {**pair, **values}])
        put = insert(table).values({**pair, **values})
        with self.engine.begin() as connection:
            connection.execute(put.on_conflict_do_update(index_elements=list(pair), set_=values))
            if queue:
                self.queue(connection, product, location)

    def queue(self, connection: sa.Connection, product: int, location: int) -> None:
        """Put one pair before the evaluator."""
        connection.execute(
            sa.text("INSERT INTO stock_changes (product_ids, location_ids) VALUES (:p, :l)"),
            {"p": [product], "l": [location]},
        )
        connection.execute(sa.select(sa.func.pg_notify(STOCK_CHANGED, "")))

    def reorder_point(self, product: int, location: int, units: float) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO reorder_points VALUES (:p, :l, :milli, 'test') ON CONFLICT (product_id, location_id)"
                    " DO UPDATE SET reorder_point_milli = excluded.reorder_point_milli"
                ),
                {"p": product, "l": location, "milli": round(units * 1_000)},
            )
            self.queue(connection, product, location)

    def minutes(
        self,
        feed: str,
        ages: list[float],
        *,
        accepted: int = 10,
        rejected: int = 0,
        conflict: int = 0,
    ) -> None:
        """Count events of a feed in minutes that began so many minutes ago."""
        with self.engine.begin() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO feed_minutes (feed, minute, accepted, rejected, conflict)"
                    " SELECT DISTINCT :feed, date_trunc('minute', now() - make_interval(secs => 60 * age)),"
                    " CAST(:accepted AS int), CAST(:rejected AS int), CAST(:conflict AS int)"
                    " FROM unnest(CAST(:ages AS float8[])) AS t (age)"
                ),
                {"feed": feed, "ages": ages, "accepted": accepted, "rejected": rejected, "conflict": conflict},
            )  # fmt: skip

    def pass_hours(self, hours: float) -> None:
        """Make all that feeds sent older, in two steps: the minutes of one feed are distinct at every moment."""
        with self.engine.begin() as connection:
            for moved in (876_000.0, hours - 876_000.0):
                connection.execute(
                    sa.text(
                        "UPDATE feed_minutes SET minute = minute - make_interval(secs => 3600 * CAST(:moved AS float8))"
                    ),
                    {"moved": moved},
                )

    def evaluate(self) -> tuple[int, int]:
        """Evaluate what waits; (opened, closed)."""
        with self.engine.begin() as connection:
            done = evaluate_changes(connection, self.limits)
        return done.opened, done.closed

    def look_at_feeds(self) -> tuple[int, int]:
        """Learn the rhythms and judge the feeds; (opened, closed)."""
        with self.engine.begin() as connection:
            learn_rhythms(connection)
            done = evaluate_feeds(connection, self.limits)
        return done.opened, done.closed

    def open(self) -> set[tuple[str, str]]:
        """Rule and subject of the open alerts."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                sa.text("SELECT rule, subject FROM alerts WHERE closed_at IS NULL")
            ).all()
        assert len(rows) == len(set(rows))
        return {(row.rule, row.subject) for row in rows}

    def history(self) -> list[tuple[str, str, str]]:
        """(change, rule, subject) of all events, in order."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                sa.text(
                    "SELECT e.change, a.rule, a.subject FROM alert_events e JOIN alerts a USING (alert_id)"
                    " ORDER BY event_id"
                )
            )
            return [(row.change, row.rule, row.subject) for row in rows]

    def reading(self, sensed: float, *, minute: float, on_hand: float) -> None:
        """A sensor's count of A at S1, `minute` minutes after noon, against the stock at that time."""
        at = NOON + timedelta(minutes=minute)
        self.stock(1, 1, on_hand, sensed_milli=round(sensed * 1_000), sensed_at=at)

    def scalar(self, query: str) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(sa.text(query)).scalar()


@dataclass
class Received:
    """One request that a receiver took."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A real HTTP server that answers with `answers` in turn, the last forever: (status, headers)."""

    answers: list[tuple[int, dict[str, str]]] = field(default_factory=lambda: [(204, {})])
    received: list[Received] = field(default_factory=list)
    url: str = ""

    def answer(self) -> tuple[int, dict[str, str]]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def receiver(
    *answers: tuple[int, dict[str, str]], tls: ssl.SSLContext | None = None
) -> Iterator[Receiver]:
    """Run a receiver of webhooks on a free port of 127.0.0.1; tls: with https."""
    taker = Receiver(list(answers) or [(204, {})])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            taker.received.append(Received(self.path, headers, body))
            status, more = taker.answer()
            self.send_response(status)
            for name, value in {"content-length": "0", **more}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Say nothing of clients that go away."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    taker.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield taker
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

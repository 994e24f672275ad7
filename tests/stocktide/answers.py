"""A server that answers what a test says: what stands between a sender and Stocktide is nobody's we could run."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Said:
    """One answer."""

    status: int
    body: bytes = b""
    content_type: str = "text/html"
    headers: dict[str, str] = field(default_factory=dict)


def accepted(body: bytes) -> Said:
    """The answer of a server that takes everything."""
    events = msgspec.json.decode(body)
    outcomes = [{"id": event["id"], "outcome": "accepted"} for event in events]
    return Said(200, msgspec.json.encode({"outcomes": outcomes}), "application/json")


@dataclass
class Between:
    """Answers with `answer`, a function of the body, which a test may change at any time. `bodies` is what came."""

    answer: Callable[[bytes], Said]
    url: str = ""
    bodies: list[bytes] = field(default_factory=list)


@contextmanager
def answering(answer: Callable[[bytes], Said]) -> Iterator[Between]:
    """A server that answers as it is told."""
    between = Between(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            between.bodies.append(body)
            said = between.answer(body)
            self.send_response(said.status)
            for name, value in {"Content-Type": said.content_type, **said.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, *_: object) -> None:
            """Nothing: a test says itself what went wrong."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    between.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield between
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

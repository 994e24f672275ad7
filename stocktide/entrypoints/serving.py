"""Serving of the API: one or more processes that accept from one socket."""

import gc
import socket
import sys
import threading
from collections.abc import Sequence
from typing import Any

import uvicorn

from query.console import Console
from stocktide.entrypoints.api import create_app
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.database import create_engine
from stocktide.foundation.errors import StocktideError
from stocktide.foundation.home import signing_key
from stocktide.foundation.settings import Settings
from stocktide.foundation.telemetry import log

# What was made at start stays forever: collecting it again and again costs tens of milliseconds a time.
GC_THRESHOLDS = (50_000, 20, 50)
# The ledger's writer asks for Python's lock a dozen times a group, each time that PostgreSQL has answered; a loop that
# parses would keep it waiting for Python's 5 ms each time.
SWITCH_INTERVAL_S = 0.001


def serve_api(
    settings: Settings,
    *,
    database_url: str,
    redis_url: str,
    descriptor: int | None = None,
    probe_descriptor: int | None = None,
    routes: Sequence[Any] = (),
) -> None:
    """Serve until SIGTERM. descriptor: of a socket that listens already. routes: more routes, for measuring.

    probe_descriptor: of one that this process alone accepts from, so that a supervisor can ask just this process.
    """
    app = create_app(
        settings,
        create_engine(database_url, answer_s=settings.database_answer_s),
        connect_cache(redis_url),
        signing_key=signing_key(settings),
    )
    app.router.routes[:0] = routes
    threading.Thread(target=_prepare, args=(app.state.console,), daemon=True).start()
    config = uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=10,
    )
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    given = [fd for fd in (descriptor, probe_descriptor) if fd is not None]
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=fd) for fd in given] or None)


def _prepare(console: Console) -> None:
    """Start what statements run in, so that nobody's first one waits for it; log why there is no SQL here."""
    try:
        lacking = console.why_off()
    except StocktideError as error:
        lacking = error.message
    if lacking is not None:
        log("query_off", reason=lacking)

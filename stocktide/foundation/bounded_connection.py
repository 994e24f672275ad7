"""Connections whose server may hang: they wait for an answer for so long, and no longer.

The server's own statement_timeout ends a slow statement; it ends nothing while the server itself is stopped, its disk
does not answer, or the network drops what is sent.
"""

import time
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

Answer = TypeVar("Answer")
# Beyond the server's own limits, which answer with a better reason.
GRACE_S = 2.0


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed, and raises OperationalError, when the server has not answered within `answer_s`."""

    answer_s: float | None = None

    def wait(
        self, gen: PQGen[Answer], interval: float = 0.1, timeout: float | None = None
    ) -> Answer:
        """Wait for the server as psycopg does, within the limit."""
        limit_s = self.answer_s if timeout is None else timeout
        began = time.monotonic()
        try:
            return super().wait(gen, interval=interval, timeout=limit_s)
        except psycopg.OperationalError:
            if timeout is not None or limit_s is None or time.monotonic() - began < limit_s:
                raise
            # what the server makes of it is not known: this connection says nothing more
            self.pgconn.finish()
            raise psycopg.OperationalError(
                f"the database did not answer within {limit_s:g} s"
            ) from None

"""Connections whose server may hang: they wait for an answer for so long, and no longer.

The server's own statement_timeout ends a slow statement; it ends nothing while the server itself is stopped, its disk
does not answer, or the network drops what is sent.
"""

import select
import time
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

Answer = TypeVar("Answer")
# Beyond the server's own limits, which answer with a better reason.
GRACE_S = 2.0
# What a server says before it ends a connection, and the end of it, are read in so many goes at most.
READS_MAX = 4


def is_ended(connection: "psycopg.Connection[Any]") -> bool:
    """Return True if the server has ended a connection that nobody uses: seen on the socket, without asking it.

    It is for a connection that is kept without a pool: what a pool's ping costs, a question and its answer, this does
    not, and a server that hangs keeps nobody waiting here.
    """
    poll = select.poll()
    try:
        poll.register(connection.fileno(), select.POLLIN)
        for _ in range(READS_MAX):
            if not poll.poll(0):
                return connection.closed
            connection.pgconn.consume_input()
    except (psycopg.OperationalError, OSError):
        return True
    return connection.closed


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

"""Looks up the hosts of webhooks. The system's resolver blocks, for half a minute at worst, and nothing stops it."""

import asyncio
import contextlib
import socket
import threading

from alerts.addresses import Allowed, Target, check_addresses
from stocktide.foundation.errors import Transient


class Resolver:
    """Looks each host up once at a time, on a thread of its own, within one event loop.

    So a slow one holds up no other, has one thread however many wait for it, and never the end of the process.
    """

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Future[list[str]]] = {}

    async def resolve(self, target: Target, allowed: Allowed) -> list[str]:
        """Give the target's addresses, the best first.

        Raises Invalid if one of them may not be reached, Transient if there is none.
        """
        try:
            # shielded: a try that gives up leaves the look-up to the others, and to the next try
            found = await asyncio.shield(self._look_up(target.host))
        except (OSError, UnicodeError) as error:
            raise Transient("webhook_host", f"{target.host} has no address: {error}") from None
        check_addresses(target, found, allowed)
        return found

    def _look_up(self, host: str) -> "asyncio.Future[list[str]]":
        looked_up = self._under_way.get(host)
        if looked_up is None:
            looked_up = asyncio.get_running_loop().create_future()
            looked_up.add_done_callback(lambda _done: self._under_way.pop(host))
            self._under_way[host] = looked_up
            threading.Thread(target=_ask, args=(host, looked_up), daemon=True).start()
        return looked_up


def _ask(host: str, looked_up: "asyncio.Future[list[str]]") -> None:
    """Ask the resolver, and settle the future in its own loop, which may have ended meanwhile."""
    loop = looked_up.get_loop()
    with contextlib.suppress(RuntimeError):
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            loop.call_soon_threadsafe(looked_up.set_exception, error)
        else:
            addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
            loop.call_soon_threadsafe(looked_up.set_result, addresses)

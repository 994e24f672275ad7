"""A name server of our own: what hosts of the tests are called, and where they lead."""

import socket
from collections.abc import Callable
from typing import Any

import pytest


def resolving(
    monkeypatch: pytest.MonkeyPatch,
    hosts: dict[str, list[str]],
    *,
    slow: Callable[..., None] | None = None,
) -> None:
    """Let these hosts have these addresses; none: there is no such host. `slow` is called for slow.test first."""
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *arguments: Any, **named: Any) -> list[Any]:
        if host not in hosts:
            return real(host, port, *arguments, **named)
        if host == "slow.test" and slow is not None:
            slow(host)
        if not hosts[host]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, port or 0),
            )
            for address in hosts[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

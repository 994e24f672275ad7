"""The demo's MQTT broker: amqtt in a process of its own, 3.1.1, for this machine alone and without sign-in."""

import asyncio
import logging
import signal


def run_broker(host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Sessions live in memory only: a restart forgets them."""
    asyncio.run(_serve(host, port))


async def _serve(host: str, port: int) -> None:
    from amqtt.broker import Broker  # type: ignore[import-untyped]

    for chatty in ("amqtt", "transitions"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}"}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
            },
        }
    )
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await broker.start()
    await stopping.wait()
    await broker.shutdown()

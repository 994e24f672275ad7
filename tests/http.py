"""HTTP in tests: clients that load no certificates, and a server that ends as soon as it is asked to."""

import asyncio
import socket
import ssl

import uvicorn

# Without certificates, since nothing here speaks TLS: loading the system's takes 80 ms a client.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
LOOK_EVERY_S = 0.005


class QuickServer(uvicorn.Server):
    """A server that looks whether it should end twenty times as often as uvicorn's: each test waits for that."""

    async def main_loop(self) -> None:
        """Wait until it should end."""
        while not self.should_exit:
            await asyncio.sleep(LOOK_EVERY_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down as uvicorn does, without its pauses of a tenth of a second: it ends when the last answer has."""
        for closing in (*self.servers, *(sockets or ())):
            closing.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while (self.server_state.connections or self.server_state.tasks) and not self.force_exit:
            await asyncio.sleep(LOOK_EVERY_S)
        for server in self.servers:
            await server.wait_closed()
        await self.lifespan.shutdown()

"""The fast lane's connection, on a server of its own that may crash."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from ingest.recording.fast_lane import FastLane
from stocktide.foundation.database import create_engine, migrate
from stocktide.foundation.embedded import Postgres


@pytest.mark.servers
@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGINT, signal.SIGKILL])
def test_the_loop_goes_on_when_the_server_ends(home: Path, number: signal.Signals) -> None:
    """Whatever the server says on its way out, or nothing: an immediate end, a fast one, and a kill."""
    server = Postgres(home)
    server.start()
    engine = create_engine(server.url())
    migrate(engine)
    engine.dispose()
    lane = FastLane(engine)

    async def lose_it() -> list[bool]:
        await lane.open()
        seen = [lane.is_open]
        pid = server.orphan_pid()
        assert pid is not None
        os.kill(pid, number)
        for _ in range(200):
            await asyncio.sleep(0.02)
            seen.append(lane.is_open)
            if not seen[-1]:
                break
        lane.close()
        return seen

    try:
        seen = asyncio.run(lose_it())
        assert (seen[0], seen[-1]) == (True, False)
    finally:
        server.stop()

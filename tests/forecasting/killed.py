"""Runs in processes of their own, for tests that kill them; forked from one that has imported everything once."""

import multiprocessing
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.connection import Connection

import pytest

END_S_MAX = 120
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    ["tests.forecasting.killed_run", "tests.forecasting.killed_forecast"]
)


class KilledRun:
    """A process that tells its steps, by their names, as it begins them."""

    def __init__(self, main: "Callable[..., None]", *arguments: object) -> None:
        """Start main(tell, *arguments)."""
        with pytest.MonkeyPatch.context() as patch:
            # the server's libraries must not start threads before it forks
            patch.setenv("OMP_NUM_THREADS", "1")
            forkserver.ensure_running()
        self._told, theirs = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_run, args=(main, theirs, arguments))
        self._process.start()
        theirs.close()

    def step(self) -> str:
        """Wait for the next step; fails where the run ends first."""
        try:
            return str(self._told.recv())
        except EOFError:
            raise AssertionError("the run ended early") from None

    def kill(self) -> None:
        """End the process with SIGKILL, at once."""
        self._process.kill()
        self._process.join(10)
        assert self._process.exitcode == -9
        self._told.close()

    def finish(self) -> list[str]:
        """Wait until it ended well; what it still told."""
        steps: list[str] = []
        while self._told.poll(END_S_MAX):
            try:
                steps.append(self._told.recv())
            except EOFError:
                break
        self._process.join(END_S_MAX)
        assert self._process.exitcode == 0
        return steps


def _run(main: "Callable[..., None]", told: Connection, arguments: tuple[object, ...]) -> None:
    main(told.send, *arguments)

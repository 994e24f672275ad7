"""Runs in processes of their own, for tests that kill them."""

from collections.abc import Callable
from multiprocessing.connection import Connection

from tests.forked import CONTEXT, start_forked

END_S_MAX = 120


class KilledRun:
    """A process that tells its steps, by their names, as it begins them."""

    def __init__(self, main: "Callable[..., None]", *arguments: object) -> None:
        """Start main(tell, *arguments)."""
        self._told, theirs = CONTEXT.Pipe(duplex=False)
        self._process = start_forked(_run, main, theirs, arguments)
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

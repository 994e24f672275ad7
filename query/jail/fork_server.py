"""The process that jailed ones are forked from: it has loaded what they need, and holds nothing else.

It is started with an empty environment, and told on one socket which folder the next one is to be shut in; it answers
with a handle of the process. It ends when its starter does, and takes all it started with it.
"""

import os
import signal
import socket
import sys

from query.jail import frames, walls


def main(descriptor: int) -> None:
    """Say what this system has, then start a process for each order until the keeper is gone."""
    keeper = socket.socket(fileno=descriptor)
    kernel = walls.look_around()
    lacking = kernel.lacking()
    if lacking is None:
        # loaded before anybody is shut in: there are no files afterwards
        from query.jail import execution

        execution.warm_up()
        if len(os.listdir("/proc/self/task")) != 1:
            lacking = "a library started threads, so no process can be shut in safely. Report this."
    frames.send(
        keeper, {"lacking": lacking, "landlock": kernel.landlock, "namespaces": kernel.namespaces}
    )
    try:
        while lacking is None:
            order, (connection,) = frames.receive_handed(keeper)
            _start(keeper, kernel, order, connection)
    except (frames.Broken, OSError):
        os.killpg(0, signal.SIGKILL)


def _start(
    keeper: socket.socket, kernel: walls.Kernel, order: dict[str, object], connection: int
) -> None:
    pid = os.fork()
    if pid == 0:
        _be_jailed(kernel, order, connection)
    os.close(connection)
    handle = os.pidfd_open(pid)
    frames.send(keeper, {"pid": pid}, (handle,))
    os.close(handle)
    # those that ended before, so that they are not kept
    while os.waitpid(-1, os.WNOHANG)[0]:
        pass


def _be_jailed(kernel: walls.Kernel, order: dict[str, object], connection: int) -> None:
    """Raise the walls, serve one statement, end. What goes wrong ends the process: its keeper sees that."""
    from query.jail import execution

    try:
        walls.close_all_but(connection)
        own = socket.socket(fileno=connection)
        bounds = walls.Bounds(**order["bounds"])  # type: ignore[arg-type]
        walls.raise_walls(kernel, str(order["folder"]), bounds)
        # what it prints is nobody's: standard input leads nowhere
        os.dup2(0, 2)
        execution.serve(own)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))

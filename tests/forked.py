"""Processes of their own, forked from one that has imported everything once: 2 to 6 s of CPU cheaper each."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

import __main__

if getattr(__main__, "main", None) is forkserver.main:
    # in the server: it is a program, and no session at a prompt, for which DuckDB would print how far it is
    __main__.__file__ = forkserver.__file__
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "tests.forked",  # first
        "tests.forecasting.killed_run",
        "tests.forecasting.killed_forecast",
        # and what commands import only when they are run
        "stocktide.entrypoints.cli.main",
        "stocktide.entrypoints.worker",
        "stocktide.foundation.home",
        "stocktide.foundation.users",
        "ingest.rejects.replay",
        "etl.run",
        "adbc_driver_postgresql.dbapi",
        "alembic.command",
        "rich.table",
        "sqlalchemy.dialects.postgresql.psycopg",
    ]
)
COMMAND_S_MAX = 120.0


def start_forked(main: Callable[..., None], *arguments: object) -> ForkServerProcess:
    """Start main(*arguments) in a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        # the server's libraries must not start threads before it forks
        patch.setenv("OMP_NUM_THREADS", "1")
        forkserver.ensure_running()
    process = CONTEXT.Process(target=main, args=arguments)
    process.start()
    return process


def run_command(
    *arguments: str,
    environment: dict[str, str],
    folder: Path,
    seconds: float = COMMAND_S_MAX,
) -> "subprocess.CompletedProcess[str]":
    """Run the command line in a folder, with its own environment, to its end."""
    with tempfile.TemporaryDirectory() as name:
        said = [Path(name) / stream for stream in ("stdout", "stderr")]
        process = start_forked(_command, arguments, environment, folder, said)
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(arguments, seconds)
        stdout, stderr = (path.read_text() for path in said)
    return subprocess.CompletedProcess(arguments, process.exitcode, stdout, stderr)


def _command(
    arguments: tuple[str, ...], environment: dict[str, str], folder: Path, said: list[Path]
) -> None:
    from stocktide.entrypoints.cli.main import main

    for stream, path in zip((1, 2), said, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    os.chdir(folder)
    sys.argv = ["stocktide", *arguments]
    main()

import errno
import logging
from pathlib import Path

import pytest

from stocktide.entrypoints.up import Supervisor
from stocktide.foundation.settings import load_settings


def test_supervisor_goes_on_when_what_it_says_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def say(_line: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    supervisor = Supervisor(load_settings(home=tmp_path), say)
    with caplog.at_level(logging.INFO):
        supervisor.say("valkey is back")
    assert [record.getMessage() for record in caplog.records] == ["not_said"]

"""A part's sign of life for its supervisor, for parts that serve no HTTP: a file that its main loop touches."""

import os
import time
from pathlib import Path

VARIABLE = "STOCKTIDE_HEARTBEAT"
# A loop may call `beat` as often as it likes; it should at least this often.
EVERY_S = 5.0

_last = float("-inf")


def beat() -> None:
    """Touch the file that the supervisor named, now and then; do nothing without a supervisor."""
    global _last
    path, now = os.environ.get(VARIABLE), time.monotonic()
    if path and now - _last >= EVERY_S:
        Path(path).touch()
        _last = now

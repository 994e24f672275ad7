import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.system
def test_no_event_is_lost_or_doubled_when_parts_are_killed() -> None:
    """benchmarks/crash.py, small: it ends well only when it could compare everything, and prints what it found."""
    environment = {n: v for n, v in os.environ.items() if not n.startswith("STOCKTIDE_")}
    done = subprocess.run(
        [sys.executable, "benchmarks/crash.py", "--quick"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    claims = dict(
        re.findall(r"^claim (\w+) value=(\S+) goal=0 met=yes$", done.stdout, re.MULTILINE)
    )
    assert claims == dict.fromkeys(("wrong_outcomes", "wrong_balances", "lost_or_doubled"), "0"), (
        done.stdout
    )
    survived = dict(re.findall(r"^  survived  (.+?) +(\d+)$", done.stdout, re.MULTILINE))
    assert survived == {"API kill -9": "3", "Postgres kill -9": "1", "broker kill -9": "1"}, (
        done.stdout
    )
    outcomes = re.findall(r"^  outcome   (\w+) +[\d,]+$", done.stdout, re.MULTILINE)
    assert outcomes == ["accepted", "conflict", "duplicate", "rejected"], done.stdout

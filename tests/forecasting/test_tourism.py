import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.real_data import REAL_DATA_ABSENT

CHECKOUT = Path(__file__).parents[2]
DATA = Path(os.environ.get("STOCKTIDE_TEST_DATA", CHECKOUT.parent / "shared" / "data"))


@pytest.mark.skipif(
    not (DATA / "tourism" / "tourism.csv").exists(),
    reason=f"{REAL_DATA_ABSENT}: set STOCKTIDE_TEST_DATA to the folder that holds tourism/",
)
def test_reconciled_auto_ets_equals_the_published_table() -> None:
    script = [sys.executable, "benchmarks/tourism.py", "--data", str(DATA)]
    printed = subprocess.run(script, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    claim = re.search(r"claim tourism_worst_gap value=(\S+) goal=0.001 met=yes", printed.stdout)
    assert claim is not None, printed.stdout
    assert float(claim[1]) <= 0.001
    for row in ("Base", "BottomUp", "MinT-shrink", "OLS"):
        assert re.search(rf"^{row} ", printed.stdout, re.MULTILINE)

import re
from pathlib import Path

from tests.real_data import REAL_DATA_ABSENT, absence_line

ROOT = Path(__file__).parents[1]


def test_nothing_is_said_when_no_test_lacked_data() -> None:
    assert absence_line([]) is None
    assert absence_line(["('x.py', 3, 'Skipped: only on Linux')"]) is None


def test_one_line_counts_the_tests_and_names_where_to_read_on() -> None:
    reasons = [f"('x.py', 3, 'Skipped: {REAL_DATA_ABSENT}: set it')"] * 3 + ["something else"]
    line = absence_line(reasons)
    assert line is not None
    assert line.startswith("3 skipped")
    assert "\n" not in line
    named = re.search(r'CONTRIBUTING.md, "([^"]+)"', line)
    assert named is not None
    assert f"## {named[1]}\n" in (ROOT / "CONTRIBUTING.md").read_text("utf-8")

"""The script that takes the README's pictures, run as its usage says."""

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]


def test_take_pictures_finds_its_modules_from_anywhere(tmp_path: Path) -> None:
    """It gets as far as the password of the demo, which is not there."""
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "docs" / "take_pictures.py")],
        env={**outside, "STOCKTIDE_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "ModuleNotFoundError" not in done.stderr
    assert f"{tmp_path / 'first-password'}" in done.stderr

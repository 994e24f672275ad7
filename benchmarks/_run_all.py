"""Run every benchmark, one after another, and name at the end those that failed or could not run. No benchmark itself.

`python -m benchmarks._run_all [PATH ...]`: only these scripts. Exits 1 unless all ran to their end.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks._claims import UNAVAILABLE

HERE = Path(__file__).parent


def scripts() -> list[Path]:
    """Return the benchmarks in the order of their names; a leading underscore marks what they share."""
    return sorted(path for path in HERE.glob("*.py") if not path.name.startswith("_"))


def run_all(paths: Sequence[Path]) -> bool:
    """Run each script, whatever became of the others, and print what did not run. Return True if all did."""
    codes: dict[str, int] = {}
    for path in paths:
        print(f"== {path.name}", flush=True)
        codes[path.name] = subprocess.run([sys.executable, str(path)], check=False).returncode
    lacking = [name for name, code in codes.items() if code == UNAVAILABLE]
    failed = [name for name, code in codes.items() if code not in (0, UNAVAILABLE)]
    print(f"== {len(codes) - len(lacking) - len(failed)} of {len(codes)} benchmarks ran")
    if lacking:
        print(f"not run, for what they said is missing: {', '.join(lacking)}")
    if failed:
        print(f"failed: {', '.join(failed)}")
    return not lacking and not failed


def main() -> None:
    """Run the scripts that are named, or all."""
    sys.exit(0 if run_all([Path(name) for name in sys.argv[1:]] or scripts()) else 1)


if __name__ == "__main__":
    main()

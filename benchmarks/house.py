"""Figures of the house: what a reader has to hold in mind.

`python benchmarks/house.py [CHECKOUT]`; run it on two commits to compare.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = (
    "stocktide",
    "ingest",
    "alerts",
    "etl",
    "forecasting",
    "catalog",
    "query",
    "purchasing",
    "replenishment",
    "dashboard",
    "data",
)
KINDS = (
    "sale|return|receipt|transfer|dispatch|arrival|reservation|release|adjustment|stocktake|reading"
)
# From the lowest: what everything may use, the stages, the pages, and what starts processes.
# the second form is where they stood before they had a room
ENTRY = re.compile(r"^stocktide\.(entrypoints|api|cli|cli_.*|up|worker|demo.*|serving)$")
# what computes on arrays alone stands below the stages
LAYERS = {"stocktide": 0, "replenishment": 0, "dashboard": 2}


def layer_of(module: str) -> int:
    """Return the layer of a module: 0 foundation, 1 stages, 2 pages, 3 entry points."""
    if ENTRY.match(".".join(module.split(".")[:2])):
        return 3
    return LAYERS.get(module.split(".")[0], 1)


def modules(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield each module of the packages by its name."""
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            yield ".".join(path.relative_to(root).with_suffix("").parts), path


def upward_arrows(root: Path) -> int:
    """Count imports of a lower layer from a higher one, those inside functions too."""
    found = 0
    for name, path in modules(root):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            targets = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                targets = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            ours = [target for target in targets if target.split(".")[0] in PACKAGES]
            found += any(layer_of(target) > layer_of(name) for target in ours)
    return found


def files_with_kinds(root: Path) -> int:
    """Count Python and SQL files that hold a kind as a literal; released migrations and tests do not count."""
    literal = re.compile(rf"[\"']({KINDS})[\"']")
    rooms = [*PACKAGES, "sql", "benchmarks", "examples"]
    paths = [path for room in rooms for path in (root / room).rglob("*")]
    return sum(
        bool(literal.search(path.read_text("utf-8")))
        for path in paths
        if path.suffix in (".py", ".sql")
        and "migrations" not in path.parts
        and path.name != "schema.sql"
    )


def docstrings(root: Path) -> tuple[int, int]:
    """Count public docstrings, and those that begin with another word than an imperative would."""
    nouns = re.compile(
        r"^(The|A|An|What|Whether|How|Who|Which|Where|When|All|Of|One|Some|It|In|\w+s of)\b"
    )
    total = wrong = 0
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    for _, path in modules(root):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, kinds) and not node.name.startswith("_"):
                text = ast.get_docstring(node)
                total += text is not None
                wrong += bool(text and nouns.match(text))
    return total, wrong


def lines(folder: Path) -> int:
    """Count the lines of a folder's Python."""
    return sum(path.read_text("utf-8").count("\n") for path in folder.rglob("*.py"))


def main() -> None:
    """Print the table."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    source = sum(lines(root / package) for package in PACKAGES)
    total, wrong = docstrings(root)
    anys = sum(len(re.findall(r"\bAny\b", path.read_text("utf-8"))) for _, path in modules(root))
    rows = {
        "files with kind literals": files_with_kinds(root),
        "upward arrows": upward_arrows(root),
        "files in ingest/epcis": len([*(root / "ingest/epcis").rglob("*.py")]),
        **{f"lines of {package}": lines(root / package) for package in PACKAGES},
        "lines of ingest/epcis": lines(root / "ingest/epcis"),
        "Any": anys,
        "tests : source": round(lines(root / "tests") / source, 2),
        "public docstrings": total,
        "of these not imperative": wrong,
    }
    for name, value in rows.items():
        print(f"{name:<28}{value:>10,}")


if __name__ == "__main__":
    main()

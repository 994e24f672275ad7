"""Packages whose public names load on first use (PEP 562): importing one costs nothing of what it could do.

The package's stub, `__init__.pyi`, is the one list of its names: editors and mypy read it, and so do we.
"""

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def lazy_names(
    package: str, file: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package whose `__init__.py` is `file`.

    Raises FileNotFoundError if there is no stub beside it.
    """
    origins = read_stub(Path(file).with_suffix(".pyi").read_text("utf-8"))

    def load(name: str) -> Any:
        if name not in origins:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, attribute = origins[name]
        value = getattr(import_module(module), attribute)
        # found from now on without asking here
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *origins})

    return load, names, sorted(origins)


def read_stub(text: str) -> dict[str, tuple[str, str]]:
    """Return the module and the name there of each name that a stub imports."""
    imports = [line for line in ast.parse(text).body if isinstance(line, ast.ImportFrom)]
    return {
        alias.asname or alias.name: (str(line.module), alias.name)
        for line in imports
        for alias in line.names
    }

"""Packages that load their names on first use offer what their stubs say, and nothing else."""

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import etl
import forecasting
import stocktide
from stocktide.foundation.lazy import lazy_names, read_stub

LAZY = [etl, forecasting, stocktide]


def names_of(package: ModuleType) -> list[str]:
    return list(package.__all__)


def stub_of(package: ModuleType) -> dict[str, tuple[str, str]]:
    return read_stub(Path(str(package.__file__)).with_suffix(".pyi").read_text("utf-8"))


@pytest.mark.parametrize("package", LAZY, ids=lambda package: package.__name__)
def test_every_name_is_what_its_module_has(package: ModuleType) -> None:
    stub = stub_of(package)
    assert names_of(package) == sorted(stub)
    for name, (module, attribute) in stub.items():
        assert getattr(package, name) is getattr(importlib.import_module(module), attribute)
        assert name in dir(package)


@pytest.mark.parametrize("package", LAZY, ids=lambda package: package.__name__)
def test_no_name_is_hidden_by_a_module_of_the_package(package: ModuleType) -> None:
    for name in names_of(package):
        getattr(package, name)
    modules = {found.name for found in pkgutil.iter_modules(package.__path__)}
    for name in modules & set(names_of(package)):
        importlib.import_module(f"{package.__name__}.{name}")
        assert not isinstance(getattr(package, name), ModuleType)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'forecasting' has no attribute 'profit'"):
        forecasting.profit  # type: ignore[attr-defined]  # noqa: B018 - asking is what is tested


def test_an_alias_is_loaded_by_the_name_it_has_where_it_comes_from() -> None:
    stub = "from a.b import c as d\nfrom a import (e,\n    f)\n\n__all__ = ['d', 'e', 'f']\n"
    assert read_stub(stub) == {"d": ("a.b", "c"), "e": ("a", "e"), "f": ("a", "f")}


def test_a_package_without_a_stub_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"__init__\.pyi"):
        lazy_names("anything", str(tmp_path / "__init__.py"))

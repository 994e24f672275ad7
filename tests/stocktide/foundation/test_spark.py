"""The Java that Spark runs on, where the host has none."""

import shutil
import subprocess
from pathlib import Path

import pytest

from stocktide.foundation.spark import java_home


def test_java_is_that_of_java_home_then_of_the_path_then_of_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "named"
    (named / "bin").mkdir(parents=True)
    (named / "bin/java").touch()
    monkeypatch.setenv("JAVA_HOME", str(named))
    assert java_home(tmp_path) == named
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setattr(shutil, "which", lambda _: str(named / "bin/java"))
    assert java_home(tmp_path) == named
    monkeypatch.setattr(shutil, "which", lambda _: None)
    found = java_home(tmp_path) / "bin/java"
    # Spark asks for this module on its own, and the runtime of the wheel has none of it
    command = [str(found), "--add-modules=jdk.incubator.vector", "-version"]
    subprocess.run(command, check=True, capture_output=True)

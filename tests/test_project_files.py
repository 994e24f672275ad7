"""Files where people and their tools look for them say what the project's own files say."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def needed_by(target: str) -> list[str]:
    found = re.search(rf"^{target}:(.*)$", MAKEFILE, re.MULTILINE)
    assert found is not None, f"no target {target} in the Makefile"
    return found[1].split()


def test_the_hooks_before_a_commit_are_the_parts_of_make_lint() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    called = re.findall(r"^ +entry: make (.+)$", hooks, re.MULTILINE)
    assert called == needed_by("lint")
    assert [needed_by(target) for target in called] == [["setup"]] * len(called)


def test_public_ci_runs_what_everybody_runs() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    assert "- run: bash .ci/run\n" in workflow
    assert (ROOT / ".ci" / "run").is_file()


def test_the_licence_is_the_one_that_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert project["license"] == "Apache-2.0"
    assert project["license-files"] == ["LICENSE"]
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_tests_with_servers_are_marked_by_themselves(request: pytest.FixtureRequest) -> None:
    """This one asks for none; `test_a_server_marks_its_test` does."""
    assert request.node.get_closest_marker("servers") is None


def test_a_server_marks_its_test(request: pytest.FixtureRequest, database_url: str) -> None:
    assert database_url.startswith("postgresql://")
    assert request.node.get_closest_marker("servers") is not None

"""`make bench`: what cannot run is named at the end, and the rest runs."""

from pathlib import Path

import pytest

from benchmarks import _claims
from benchmarks._claims import need_package, need_program
from benchmarks._run_all import run_all, scripts


def script(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_what_lacks_something_and_what_fails_stop_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    paths = [
        script(tmp_path, "lacks.py", f"import sys; sys.exit({_claims.UNAVAILABLE})"),
        script(tmp_path, "fails.py", "raise SystemExit('no')"),
        script(tmp_path, "runs.py", "print('measured')"),
    ]
    assert not run_all(paths)
    lines = capfd.readouterr().out.splitlines()
    assert "measured" in lines
    assert lines[-3:] == [
        "== 1 of 3 benchmarks ran",
        "not run, for what they said is missing: lacks.py",
        "failed: fails.py",
    ]


def test_all_ran_when_all_end_well(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_all([script(tmp_path, "runs.py", "pass")])
    assert capfd.readouterr().out.splitlines()[-1] == "== 1 of 1 benchmarks ran"


def test_scripts_are_the_benchmarks_and_not_what_they_share() -> None:
    names = [path.name for path in scripts()]
    assert {"ingest.py", "m5.py"} <= set(names)
    assert not any(name.startswith("_") for name in names)


def test_a_program_that_cannot_be_had_ends_a_benchmark_before_it_measures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_claims, "find_tool", lambda _name: None)
    tried: list[bool] = []
    monkeypatch.setattr(_claims, "install_absent", lambda: tried.append(True))
    with pytest.raises(SystemExit) as ended:
        need_program("mosquitto")
    assert ended.value.code == _claims.UNAVAILABLE
    assert tried == [True]
    assert (
        capsys.readouterr().err == "No mosquitto; install Debian's package mosquitto or the like.\n"
    )


def test_a_package_that_is_not_installed_ends_a_benchmark(
    capsys: pytest.CaptureFixture[str],
) -> None:
    need_package("numpy")
    with pytest.raises(SystemExit):
        need_package("no_such_package")
    assert "make setup" in capsys.readouterr().err

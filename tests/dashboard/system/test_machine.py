import json
from pathlib import Path

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from dashboard.system.machine import LOG_LINES, disk_line, folded, part_lines, read_parts, tail
from tests.dashboard.conftest import Dashboard, text_of

RUN = st.tuples(
    st.sampled_from(["etl", "forecast"]),
    st.sampled_from(["succeeded", "failed"]),
    st.sampled_from(["", "note"]),
)


@given(st.lists(RUN, min_size=1, max_size=12))
def test_folding_loses_no_run_and_keeps_every_one_that_says_something(
    rows: list[tuple[str, str, str]],
) -> None:
    runs = pd.DataFrame(rows, columns=["job", "status", "notes"]).assign(seconds=1.0, error="")
    few = folded(runs)
    assert few["times"].sum() == few["seconds"].sum() == len(runs)
    loud = [row for row in rows if row[1] == "failed" or row[2]]
    assert len(few[(few["status"] == "failed") | (few["notes"] != "")]) == len(loud)
    quiet = few[(few["status"] == "succeeded") & (few["notes"] == "")]["job"].tolist()
    assert len(quiet) <= len(rows) - len(loud)


def test_parts_that_are_not_ready_are_named(tmp_path: Path) -> None:
    assert read_parts(tmp_path) == {}
    parts = {"api": {"state": "ready", "restarts": 0}, "worker": {"state": "dead", "restarts": 2}}
    (tmp_path / "run.json").write_text(json.dumps({"parts": parts}), "utf-8")
    assert part_lines(read_parts(tmp_path)) == [
        ":orange-badge[worker: dead]",
        "worker restarted 2 times",
    ]
    assert part_lines({"api": {"state": "ready", "restarts": 0}}) == ["All 1 parts are ready: api."]
    assert "GiB of the disk are free" in disk_line(tmp_path)
    assert disk_line(tmp_path / "none") == ""


def test_tail_is_the_end_of_a_log_of_any_length(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes("\n".join(f"line {n} ä" for n in range(100_000)).encode())
    lines = tail(log).splitlines()
    assert len(lines) == LOG_LINES
    assert lines[-1] == "line 99999 ä"
    assert tail(tmp_path / "gone.log") == ""


def test_system_says_what_waits_and_when_jobs_run(filled: Dashboard) -> None:
    said = text_of(filled.draw("system"))
    assert "Schedule (cron, UTC): etl `*/5 * * * *`" in said
    assert "wait for the next ETL" in said or "Nothing waits for the ETL." in said

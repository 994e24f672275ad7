"""The machine behind the pages: parts, queue, schedule, disk and the ends of the logs."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from catalog.frames import read_frame
from dashboard.reader import Reader
from dashboard.theme import plain, plural
from stocktide.foundation.settings import Settings
from stocktide.foundation.users import User

LOG_LINES, LOG_BYTES = 20, 16_384
GIB = 2**30
# What the names of settings that say when a job runs end with.
CRON = "_cron"


def machine_panel(reader: Reader, user: User, known: Mapping[str, Any]) -> None:
    """Draw what runs, what waits, when jobs start, how much disk is left, and to operators the ends of the logs."""
    home = reader.settings.home
    st.header("Machine")
    said = [
        *part_lines(read_parts(home)),
        queue_line(read_frame(reader.engine, "job_queue")),
        waiting_line(known),
        disk_line(home),
        schedule_line(reader.settings),
    ]
    st.markdown("\n".join(f"- {line}" for line in said if line))
    logs = sorted((home / "logs").glob("*.log"))
    if user.role != "operator" or not logs:
        return
    with st.expander("Ends of the logs"):
        name = st.selectbox("Log", [path.name for path in logs], key="system.log")
        st.code(tail(home / "logs" / str(name)) or "It is empty.", language=None)


def read_parts(home: Path) -> dict[str, dict[str, Any]]:
    """Return the parts as `stocktide up` noted them last; empty where they were started in another way."""
    noted = home / "run.json"
    if not noted.is_file():
        return {}
    parts: dict[str, dict[str, Any]] = json.loads(noted.read_text(encoding="utf-8"))["parts"]
    return parts


def part_lines(parts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Describe the parts: those that are not ready first, each with its restarts; all in a line where all are well."""
    if not parts:
        return []
    bad = [
        f":orange-badge[{plain(name)}: {part['state']}]"
        for name, part in parts.items()
        if part["state"] != "ready"
    ]
    again = [
        f"{plain(name)} restarted {plural(part['restarts'], 'time')}"
        for name, part in parts.items()
        if part["restarts"]
    ]
    return [" ".join(bad) or f"All {len(parts)} parts are ready: {', '.join(parts)}.", *again]


def queue_line(jobs: pd.DataFrame) -> str:
    """Describe the queue of jobs: what runs, what waits, what failed. jobs: of the query job_queue."""
    parts = []
    for state, words in (
        ("running", "running"),
        ("waiting", "waiting"),
        ("failed", "failed in the last day"),
    ):
        named = [
            plain(str(row["job"])) + (f" ({row[state]})" if row[state] > 1 else "")
            for row in jobs.to_dict("records")
            if row[state]
        ]
        if named:
            parts.append(f"{words}: {', '.join(named)}")
    return f"Queue: {'; '.join(parts)}." if parts else "Queue: no job runs or waits."


def waiting_line(known: Mapping[str, Any]) -> str:
    """Describe what waits for the next ETL."""
    waiting = int(known.get("waiting") or 0)
    return (
        f"{plural(waiting, 'event')} wait for the next ETL."
        if waiting
        else "Nothing waits for the ETL."
    )


def disk_line(home: Path) -> str:
    """Describe the disk of the home; "" where there is no home on this machine."""
    if not home.is_dir():
        return ""
    disk = shutil.disk_usage(home)
    low = disk.free < disk.total / 10
    said = f"{disk.free / GIB:,.1f} of {disk.total / GIB:,.1f} GiB of the disk are free"
    return f":orange-badge[{said}] Free some before writes stop." if low else f"{said}."


def schedule_line(settings: Settings) -> str:
    """Describe when jobs run, as their settings say (cron, UTC)."""
    return "Schedule (cron, UTC): " + " · ".join(
        f"{name.removesuffix(CRON).replace('_', ' ')} `{getattr(settings, name)}`"
        for name in type(settings).model_fields
        if name.endswith(CRON)
    )


def tail(path: Path) -> str:
    """Return the last lines of a file, read from its end; "" where it is gone."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_BYTES))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LOG_LINES:])


def folded(runs: pd.DataFrame) -> pd.DataFrame:
    """Fold runs of one job that succeeded one after another and say nothing into a row: times, seconds of all.

    runs: the newest first, with job, status, seconds, error and notes. A row stands where the newest of its runs did.
    """
    quiet = (runs["status"] == "succeeded") & (runs["error"] == "") & (runs["notes"] == "")
    alike = quiet & quiet.shift(fill_value=False) & (runs["job"] == runs["job"].shift())
    group = (~alike).cumsum()
    first = runs.groupby(group).first()
    sums = runs.groupby(group).agg(times=("job", "size"), seconds=("seconds", "sum"))
    return first.assign(times=sums["times"], seconds=sums["seconds"]).reset_index(drop=True)

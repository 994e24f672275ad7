"""How last night's run of proposals went, judged some time after it was due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa

from stocktide.foundation.database import statement
from stocktide.foundation.jobs import Job

JOB: Job = "orders"
# A run that has not ended so long after its time is told of.
GRACE = timedelta(hours=1)


@dataclass(frozen=True)
class RunSince:
    """A run that began since one was due."""

    status: str
    started_at: datetime
    error: str | None = None


@dataclass(frozen=True)
class Night:
    """What there is to tell of a night. why: of one that failed."""

    kind: Literal["digest", "failed"]
    why: str | None = None


def judge_night(
    runs: Sequence[RunSince], *, due: datetime, now: datetime, is_older: bool
) -> Night | None:
    """Return what there is to tell, None if nothing yet. is_older: Stocktide was there when the run was due."""
    if any(run.status == "succeeded" for run in runs):
        return Night("digest")
    failed = [run for run in runs if run.status == "failed"]
    if failed:
        return Night("failed", failed[-1].error or "The run failed.")
    if now - due < GRACE or not is_older:
        return None
    if runs:
        return Night("failed", f"The run of {runs[-1].started_at:%H:%M} UTC has not ended.")
    return Night("failed", f"No run has begun since {due:%H:%M} UTC, when it was due.")


def read_night(connection: sa.Connection, *, due: datetime, now: datetime) -> Night | None:
    """Judge the night by the record of runs."""
    found = connection.execute(
        statement("purchasing/telling/runs_since"), {"job": JOB, "due": due}
    ).all()
    runs = [RunSince(row.status, row.started_at, row.error) for row in found if row.status]
    return judge_night(runs, due=due, now=now, is_older=bool(found[0].is_older))


def failed_words(why: str, *, due: datetime, link: str) -> tuple[str, str]:
    """Return the subject and text of a notice that a night failed."""
    text = [
        f"The run of {due:%Y-%m-%d %H:%M} UTC that proposes what to order did not succeed.",
        "",
        f"Why: {why}",
        "",
        "What to do: fix what is named, then run `stocktide orders propose`. `stocktide status` says whether the",
        "worker runs, HOME/logs/worker.log what it did. What buyers decided stays. Until then the desk shows",
        f"the proposals of the run before, which know nothing of what was sold since: {link}",
        "",
    ]
    return f"Orders: nothing was proposed on {due:%Y-%m-%d}", "\n".join(text)

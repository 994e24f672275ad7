"""One batch to the server, and what its answer means: delivered, try again, cut smaller, or we are not wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import msgspec

from stocktide.client.events import Outcome

BATCH = "application/cloudevents-batch+json"
REFUSED = (401, 403, 404, 405, 415)
# The whole request was too large or no batch: a smaller one will show which event it is.
CUT = (400, 413, 422)


@dataclass(frozen=True)
class Delivered:
    """Every event has an outcome, in order."""

    outcomes: Sequence[Outcome]


@dataclass(frozen=True)
class TryAgain:
    """Nothing is known to be recorded. after_s: what the server asks for, None if nothing."""

    why: str
    after_s: float | None = None


@dataclass(frozen=True)
class CutSmaller:
    """The server takes no such batch; reason and message are those of its answer."""

    reason: str
    message: str


@dataclass(frozen=True)
class NotWanted:
    """The server refuses this sender; it may be let in again later."""

    why: str


Answer = Delivered | TryAgain | CutSmaller | NotWanted


class _Said(msgspec.Struct):
    outcome: str
    id: str | None = None
    reason: str | None = None
    field: str | None = None
    message: str | None = None


class _Body(msgspec.Struct):
    outcomes: list[_Said]


def send_batch(http: httpx.Client, lines: Sequence[bytes]) -> Answer:
    """Post a batch of structured events. Never raises for what network or server do."""
    body = b"[" + b",".join(lines) + b"]"
    try:
        answer = http.post("/v1/events", content=body, headers={"Content-Type": BATCH})
    except httpx.HTTPError as error:
        return TryAgain(f"{type(error).__name__}: {error}")
    if answer.status_code in (200, 202):
        return _delivered(answer, len(lines))
    if answer.status_code in REFUSED:
        return NotWanted(f"HTTP {answer.status_code}: {_said(answer)[1]}")
    if answer.status_code in CUT:
        return CutSmaller(*_said(answer))
    return TryAgain(f"HTTP {answer.status_code}: {_said(answer)[1]}", _retry_after_s(answer))


def _delivered(answer: httpx.Response, events: int) -> Answer:
    try:
        said = msgspec.json.decode(answer.content, type=_Body).outcomes
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return TryAgain(f"The answer is not one of a Stocktide server: {error}.")
    if len(said) != events:
        return TryAgain(f"The answer has {len(said)} outcomes for {events} events.")
    return Delivered([Outcome(it.id, it.outcome, it.reason, it.field, it.message) for it in said])  # type: ignore[arg-type]


def _said(answer: httpx.Response) -> tuple[str, str]:
    """Code and detail of a problem+json answer; of any other its status."""
    try:
        problem: dict[str, Any] = msgspec.json.decode(answer.content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = {}
    code = str(problem.get("code") or f"http_{answer.status_code}")
    return code, str(problem.get("detail") or answer.reason_phrase)


def _retry_after_s(answer: httpx.Response) -> float | None:
    """Retry-After, as seconds or as a date."""
    text = answer.headers.get("Retry-After", "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None

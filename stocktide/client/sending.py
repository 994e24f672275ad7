"""One batch to the server, and what its answer means: delivered, try again, cut smaller, or refused.

Between us and the server are proxies, portals and firewalls, which answer too. An answer that removes an event from
the queue counts only if it is Stocktide's own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import msgspec

from stocktide.client.events import Outcome, OutcomeName

BATCH = "application/cloudevents-batch+json"
PROBLEM = "application/problem+json"
PROBLEM_TYPE = "urn:stocktide:error:"
REFUSED = (401, 403, 404, 405, 415)
# The whole request was too large or not a batch: a smaller one will show which event it is.
CUT = (400, 413, 422)
TOO_LARGE = 413
# A server that asks for a longer pause is asked again after this.
AFTER_S_MAX = 3_600.0
WHY_CHARACTERS_MAX = 300
# What msgspec raises for an answer that is not what we expect.
NOT_READ = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


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
    """The server does not accept such a batch; reason and message are those of its answer.

    final: Stocktide itself said so; of a single event this means that it will never be taken. A proxy can only say that
    a batch is too large for it.
    """

    reason: str
    message: str
    final: bool = True


@dataclass(frozen=True)
class NotWanted:
    """The server refuses this sender; it may be let in again later."""

    why: str


Answer = Delivered | TryAgain | CutSmaller | NotWanted


class _Said(msgspec.Struct):
    outcome: OutcomeName
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
        return TryAgain(f"{type(error).__name__}: {error}"[:WHY_CHARACTERS_MAX])
    if answer.status_code in (200, 202):
        return _delivered(answer, len(lines))
    code, detail = _said(answer)
    if answer.status_code in REFUSED:
        return NotWanted(f"HTTP {answer.status_code}: {detail}")
    ours = _is_ours(answer)
    if answer.status_code in CUT and (ours or answer.status_code == TOO_LARGE):
        return CutSmaller(code, detail, final=ours)
    return TryAgain(f"HTTP {answer.status_code}: {detail}", _retry_after_s(answer))


def _delivered(answer: httpx.Response, events: int) -> Answer:
    try:
        said = msgspec.json.decode(answer.content, type=_Body).outcomes
    except NOT_READ as error:
        return TryAgain(f"The answer is not one of a Stocktide server: {error}.")
    if len(said) != events:
        return TryAgain(f"The answer has {len(said)} outcomes for {events} events.")
    return Delivered([Outcome(it.id, it.outcome, it.reason, it.field, it.message) for it in said])


def _problem(answer: httpx.Response) -> dict[str, Any]:
    """Return the members of a JSON answer; none of any other."""
    try:
        members: dict[str, Any] = msgspec.json.decode(answer.content, type=dict[str, Any])
    except NOT_READ:
        return {}
    return members


def _is_ours(answer: httpx.Response) -> bool:
    """Return True if an error is Stocktide's, and not from a proxy on the way to it."""
    media = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return media == PROBLEM and str(_problem(answer).get("type", "")).startswith(PROBLEM_TYPE)


def _said(answer: httpx.Response) -> tuple[str, str]:
    """Return code and detail of a problem+json answer; of any other its status."""
    problem = _problem(answer)
    code = str(problem.get("code") or f"http_{answer.status_code}")
    detail = str(problem.get("detail") or answer.reason_phrase)
    return code[:WHY_CHARACTERS_MAX], detail[:WHY_CHARACTERS_MAX]


def _retry_after_s(answer: httpx.Response) -> float | None:
    """Parse Retry-After, seconds or a date, up to AFTER_S_MAX; None if it is neither."""
    text = answer.headers.get("Retry-After", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        seconds = _seconds_until(text)
    return min(max(0.0, seconds), AFTER_S_MAX) if math.isfinite(seconds) else None


def _seconds_until(date: str) -> float:
    """Return the seconds until an HTTP date; NaN if it is not a date."""
    try:
        return (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return math.nan

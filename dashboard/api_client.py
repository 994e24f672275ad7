"""Calls that a page makes to the API: its own database role cannot write."""

import functools
import ssl
from typing import Any

import httpx

from stocktide.foundation.sessions import SESSION

# The first order of a process loads the forecasting libraries.
TIMEOUT_S = 30.0
AWAY = "The API does not answer; nothing was changed. See `stocktide status`."
SLOW = "The API takes longer than 30 s. Check whether it was done before you try again."


NOT_QUEUED = "The API does not answer; nothing was queued. See `stocktide status`."


@functools.cache
def trusted() -> ssl.SSLContext:
    """Read once whom to trust over HTTPS: httpx would for each call, and it takes longer than most answers."""
    return httpx.create_ssl_context()


def ask_api(
    method: str,
    path: str,
    api: str,
    key: str | None,
    body: dict[str, Any] | None = None,
    *,
    away: str = AWAY,
    not_done: str = "Not done",
    session: str | None = None,
) -> tuple[dict[str, Any] | None, str]:
    """Ask a route for its answer. Returns it, or None and the reason in words.

    away, not_done: what to say where the API does not answer, and before the reason of a refusal. session: of the
    person in whose name it is asked, for routes that no key of the dashboard may use.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if session is not None:
        headers[SESSION] = session
    try:
        answer = httpx.request(
            method,
            f"{api}{path}",
            json=body,
            headers=headers,
            timeout=TIMEOUT_S,
            verify=trusted(),
        )
    except httpx.ReadTimeout:
        return None, SLOW
    except httpx.HTTPError:
        return None, away
    if not answer.is_success:
        return None, f"{not_done}: {why_not(answer)}"
    return answer.json(), ""


def fetch_file(path: str, api: str, key: str | None, media_type: str) -> bytes:
    """Fetch a file of a media type. Raises httpx.HTTPError where there is none."""
    headers = {"Accept": media_type, **({"Authorization": f"Bearer {key}"} if key else {})}
    answer = httpx.get(f"{api}{path}", headers=headers, timeout=TIMEOUT_S, verify=trusted())
    return answer.raise_for_status().content


def why_not(answer: httpx.Response) -> str:
    """Return what a problem says; without a text, or from a proxy in front of the API, its number."""
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    said = problem.get("detail") or problem.get("title") if isinstance(problem, dict) else None
    return str(said or f"the API answered {answer.status_code}.")


def queue_job(job: str, api: str, key: str | None) -> str:
    """Ask the API to queue a job; return in words what came of it."""
    path = f"/v1/jobs/{job}"
    answer, why = ask_api("POST", path, api, key, away=NOT_QUEUED, not_done="Not queued")
    if answer is None:
        return why
    if answer["queued"]:
        return "Queued. It starts as soon as the worker is free."
    return "Already queued."


def decide_forecast(
    action: str, api: str, key: str | None, *, reason: str, user: str, version: int | None = None
) -> tuple[bool, str]:
    """Ask for a `promote` or `rollback` on a user's behalf; return whether it was done, and the result in words."""
    order: dict[str, Any] = {"reason": reason, "user": user}
    if version is not None:
        order["version"] = version
    done, why = ask_api("POST", f"/v1/forecasts/{action}", api, key, order)
    if done is None:
        return False, why
    return True, f"Version {done['version']} is published in place of version {done['replaced']}."

"""Calls that a page makes to the API: its own database role cannot write."""

from typing import Any

import httpx

# The first order of a process loads the forecasting libraries.
TIMEOUT_S = 30.0
AWAY = "The API does not answer; nothing was changed. See `stocktide status`."
SLOW = "The API takes longer than 30 s. Check whether it was done before you try again."


def ask_api(
    method: str, path: str, api: str, key: str | None, body: dict[str, Any] | None = None
) -> tuple[dict[str, Any] | None, str]:
    """Ask a route for its answer. Returns it, or None and the reason in words."""
    try:
        answer = httpx.request(
            method,
            f"{api}{path}",
            json=body,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=TIMEOUT_S,
        )
    except httpx.ReadTimeout:
        return None, SLOW
    except httpx.HTTPError:
        return None, AWAY
    if answer.status_code != 200:
        return None, f"Not done: {_why_not(answer)}"
    return answer.json(), ""


def _why_not(answer: httpx.Response) -> str:
    """Return what a problem says; without a text, or from a proxy in front of the API, its number."""
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    said = problem.get("detail") or problem.get("title") if isinstance(problem, dict) else None
    return str(said or f"the API answered {answer.status_code}.")


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

"""What a page asks the API to do: its own database role cannot write."""

from typing import Any

import httpx

# The first order of a process loads the forecasting libraries.
TIMEOUT_S = 30.0
AWAY = "The API does not answer; nothing was changed. See `stocktide status`."


def decide_forecast(
    action: str, api: str, key: str | None, *, reason: str, user: str, version: int | None = None
) -> tuple[bool, str]:
    """Ask for a `promote` or `rollback` on a user's behalf; tell whether it was done, and say what came of it."""
    order: dict[str, Any] = {"reason": reason, "user": user}
    if version is not None:
        order["version"] = version
    try:
        answer = httpx.post(
            f"{api}/v1/forecasts/{action}",
            json=order,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=TIMEOUT_S,
        )
    except httpx.HTTPError:
        return False, AWAY
    if answer.status_code != 200:
        return False, f"Not done: {answer.json()['detail']}"
    done = answer.json()
    return True, f"Version {done['version']} is published in place of version {done['replaced']}."

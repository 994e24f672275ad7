"""Statements of the page: sent to the API, watched, cancelled when the reader goes on to something else."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import streamlit as st

from dashboard.api_client import ask_api, trusted, why_not
from dashboard.reader import Reader
from stocktide.foundation.users import User

LOOK_S = 0.1
# The API ends a statement when its time is over; the answer needs time to come.
GRACE_S = 15.0
AWAY = "The API does not answer, so no statement can be run. See `stocktide status`."


@dataclass
class Asking:
    """A statement that the API runs on a user's behalf. answer: what came of it, why: in words if nothing did."""

    reader: Reader
    user: User
    statement: str
    media: str = "application/json"
    parameters: dict[str, Any] = field(default_factory=dict)
    answer: httpx.Response | None = None
    why: str = ""
    statement_id: str = field(default_factory=lambda: str(uuid4()))

    def run(self) -> None:
        """Ask, and wait for the answer."""
        body = {
            "statement": self.statement,
            "parameters": self.parameters,
            "id": self.statement_id,
            "user": self.user.username,
        }
        settings = self.reader.settings
        try:
            answer = httpx.post(
                f"{settings.api_address}/v1/query",
                json=body,
                headers={"Accept": self.media, "Authorization": f"Bearer {settings.dashboard_key}"},
                timeout=settings.query_seconds_max + GRACE_S,
                verify=trusted(),
            )
        except httpx.HTTPError:
            self.why = AWAY
            return
        if answer.is_success:
            self.answer = answer
        else:
            self.why = why_not(answer)

    def cancel(self) -> None:
        """Have the API end the statement; it may have ended."""
        settings = self.reader.settings
        path = f"/v1/query/{self.statement_id}"
        ask_api("DELETE", path, settings.api_address, settings.dashboard_key)


def watched(asking: Asking) -> Asking:
    """Wait for an answer and show how long it takes; a click on anything, or closing the page, cancels it."""
    running = threading.Thread(target=asking.run, daemon=True)
    running.start()
    place, begun = st.empty(), time.monotonic()
    try:
        while running.is_alive():
            running.join(LOOK_S)
            place.caption(
                f"Running, {time.monotonic() - begun:.0f} s. Change anything to cancel it."
            )
    except BaseException:
        # Streamlit ends a script that is asked for again, or whose reader has gone, by a signal of its own
        asking.cancel()
        raise
    place.empty()
    return asking


def read_schema(reader: Reader) -> tuple[dict[str, Any] | None, str]:
    """Read tables and metrics, and why SQL is off; or None and the reason in words."""
    settings = reader.settings
    known: dict[str, Any] = {}
    for path in ("/v1/query/tables", "/v1/query/metrics"):
        answer, why = ask_api("GET", path, settings.api_address, settings.dashboard_key, away=AWAY)
        if answer is None:
            return None, why
        known |= answer
    return known, ""

"""Calls to the order desk: its lines, and decisions on them."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from dashboard.api_client import ask_api, fetch_file
from dashboard.reader import Reader, session_text
from dashboard.theme import plural
from stocktide.foundation.errors import Transient

AWAY = "The API does not answer, so the order desk cannot be read. See `stocktide status`."
PAGE_ROWS = 50
# So many of one supplier are approved by one click, and are read at once for a file: the API gives no more.
TOGETHER_MAX = READ_MAX = 500
NONE: Mapping[str, Any] = {"lines": [], "found": 0, "cost": {}, "at_risk": {}}
PDF = "application/pdf"


def read_lines(
    reader: Reader, *, limit: int, offset: int = 0, **asked: str | None
) -> tuple[Mapping[str, Any], str]:
    """Return a page of lines with the sums of all, and why there are none where the API does not answer."""
    given = {name: value for name, value in asked.items() if value}
    path = f"/v1/orders?{urlencode({**given, 'offset': offset, 'limit': limit})}"
    answer, why = _get(reader, path)
    return answer or NONE, why


def read_all(reader: Reader, **asked: str | None) -> list[dict[str, Any]]:
    """Return all lines, page by page. Raises Transient where the API does not answer: a part is not all."""
    lines: list[dict[str, Any]] = []
    while True:
        page, why = read_lines(reader, offset=len(lines), limit=READ_MAX, **asked)
        if why:
            raise Transient("orders_away", why)
        lines += page["lines"]
        if not page["lines"] or len(lines) >= page["found"]:
            return lines


def read_suppliers(reader: Reader, state: str) -> tuple[list[dict[str, Any]], str]:
    """Return the suppliers with lines of a state, and why there are none where the API does not answer."""
    answer, why = _get(reader, f"/v1/orders/suppliers?{urlencode({'state': state})}")
    return list(answer["suppliers"]) if answer else [], why


def read_moves(
    reader: Reader,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    """Return the moves of the newest run, those under way, and why there are none where the API does not answer."""
    answer, why = _get(reader, "/v1/orders/moves")
    return (list(answer["moves"]), list(answer["under_way"]), why) if answer else ([], [], why)


def send_moves(reader: Reader, transfers: Sequence[str]) -> tuple[bool, str]:
    """Send moves; return whether it was done, and what came of it in words."""
    answer, why = _post(reader, "/v1/orders/moves", {"moves": list(transfers)})
    return (False, why) if answer is None else (True, f"{plural(len(transfers), 'move')} sent.")


def close_move(reader: Reader, transfer: str, reason: str, rest: str) -> tuple[bool, str]:
    """Close a move that came short; return whether it was done, and what became of the rest in words."""
    body = {"moves": [transfer], "reason": reason, "rest": rest}
    answer, why = _post(reader, "/v1/orders/moves/close", body)
    return (False, why) if answer is None else (True, str(answer["closed"][0]["told"]))


def read_history(reader: Reader, line_id: int) -> list[dict[str, Any]]:
    """Return what happened to a line."""
    answer, _ = _get(reader, f"/v1/orders/{line_id}/history")
    return list(answer["history"]) if answer else []


def read_order(reader: Reader, order_id: str) -> dict[str, Any] | None:
    """Return a purchase order with its lines."""
    answer, _ = _get(reader, f"/v1/purchase-orders/{order_id}")
    return answer


def read_file(reader: Reader, order_id: str, media_type: str) -> bytes:
    """Return a purchase order as a file. Raises httpx.HTTPError where the API does not answer with it."""
    settings = reader.settings
    path = f"/v1/purchase-orders/{order_id}"
    return fetch_file(path, settings.api_address, settings.dashboard_key, media_type)


def decide(
    reader: Reader, lines: Sequence[dict[str, Any]], action: str, **more: Any
) -> tuple[bool, str]:
    """Decide on lines as they were seen; return whether all of it was done, and what came of it in words."""
    told = {name: value for name, value in more.items() if value not in (None, "")}
    body = {
        "decisions": [
            {"line": line["line_id"], "seen": line["version"], "action": action, **told}
            for line in lines
        ],
        # a click that is sent twice is done once
        "request": uuid.uuid4().hex,
    }
    answer, why = _post(reader, "/v1/orders", body)
    return (False, why) if answer is None else _said(answer["lines"], action)


def _said(lines: Sequence[dict[str, Any]], action: str) -> tuple[bool, str]:
    refused = [line["error"]["detail"] for line in lines if line["error"]]
    done = [line for line in lines if not line["error"]]
    ordered = [line for line in done if line["state"] == "ordered"]
    bought, sent = (
        sorted({line["order_id"] for line in ordered if (line["source"] is not None) == is_ours})
        for is_ours in (False, True)
    )
    words = {
        "change": "changed",
        "approve": "approved",
        "split": "split",
        "reject": "rejected",
        "snooze": "snoozed",
        "wake": "open again",
        "cancel": "cancelled",
    }[action]
    parts = [f"{plural(len(done), 'line')} {words}"] if done else []
    for how, mine in (("on order", bought), ("in transit", sent)):
        if mine:
            parts.append(f"{how} as {', '.join(mine)}")
    if waiting := sum(line["state"] == "waiting" for line in done):
        parts.append(f"{waiting:,} wait for a second approver")
    said = "; ".join(parts) + "." if parts else ""
    notes = dict.fromkeys(line["note"] for line in done if line.get("note"))
    return not refused, " ".join([said, *notes, *refused]).strip()


def _get(reader: Reader, path: str) -> tuple[dict[str, Any] | None, str]:
    settings = reader.settings
    return ask_api(
        "GET", path, settings.api_address, settings.dashboard_key, away=AWAY, not_done="Not read"
    )


def _post(reader: Reader, path: str, body: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """Ask in the name of who looks at the page: the key is the page's, and decides nothing by itself."""
    settings = reader.settings
    return ask_api(
        "POST",
        path,
        settings.api_address,
        settings.dashboard_key,
        dict(body),
        session=session_text(),
    )

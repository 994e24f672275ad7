import base64
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from alerts.cloud_event import json_schema
from alerts.rules import RULES, message_of
from alerts.signature import new_secret, secret_text, signed_headers

DOCS = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text("utf-8")


def example(language: str, holds: str) -> str:
    """The one example of the docs in this language that holds a text."""
    found = [
        body for body in re.findall(rf"```{language}\n(.*?)```", DOCS, re.DOTALL) if holds in body
    ]
    assert len(found) == 1
    return str(found[0])


@pytest.fixture
def is_genuine() -> Callable[[str, dict[str, str], bytes], bool]:
    """The receiver's check, as the docs give it."""
    space: dict[str, Any] = {}
    exec(example("python", "is_genuine"), space)  # noqa: S102 - our own docs
    check: Callable[[str, dict[str, str], bytes], bool] = space["is_genuine"]
    return check


def test_docs_check_takes_ours_and_nothing_else(
    is_genuine: Callable[[str, dict[str, str], bytes], bool],
) -> None:
    key, other, body = new_secret(), new_secret(), b'{"id": "1"}'
    now = int(time.time())
    headers = signed_headers([key], "1", now, body)
    assert is_genuine(secret_text(key), headers, body)
    assert is_genuine(secret_text(key), signed_headers([other, key], "1", now, body), body)
    assert not is_genuine(secret_text(other), headers, body)
    assert not is_genuine(secret_text(key), headers, body + b" ")
    assert not is_genuine(secret_text(key), {**headers, "webhook-id": "2"}, body)
    assert not is_genuine(secret_text(key), signed_headers([key], "1", now - 301, body), body)
    forged = "v1," + base64.b64encode(b"x" * 32).decode()
    assert not is_genuine(secret_text(key), {**headers, "webhook-signature": forged}, body)


def test_docs_example_is_what_we_send() -> None:
    event = json.loads(example("json", "stocktide.alert.opened"))
    jsonschema.validate(event, json_schema())
    data = event["data"]
    assert data["message"] == message_of(data["rule"], data["value"], data["limit"], data["unit"])


def test_docs_have_a_row_and_advice_for_every_rule() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", DOCS, re.MULTILINE)
    assert tuple(rows) == ("out_of_stock", "negative_balance", "below_reorder_point", *RULES[3:])
    advice = re.findall(r"^\*\*([A-Z][a-z ]+)\.\*\*", DOCS, re.MULTILINE)
    assert {rule.replace("_", " ").capitalize() for rule in RULES} <= set(advice)


@pytest.mark.parametrize(
    ("rule", "value", "limit", "unit", "said"),
    [
        ("out_of_stock", 0, 0, "each", "Out of stock: 0 on hand."),
        ("negative_balance", -2, 0, "kg", "The recorded stock is -2 kg, which is not possible"),
        ("sensor_disagrees", -3, 1, "each", "sees 3 less .* Probable shrinkage"),
        ("sensor_disagrees", 3, 1, "each", "sees 3 more .* Count this shelf"),
        ("late_order", 5, 0, "kg", "5 kg on order should have come"),
        ("silent_feed", 7_300, 900, "s", "Silent for 2 h; expected within 15 min."),
        ("silent_feed", 86, 60, "s", "Silent for 86 s"),
        ("reject_storm", 0.255, 0.2, "share", "26% .* 20% is the limit"),
    ],
)
def test_message_says_what_was_found(
    rule: str, value: float, limit: float, unit: str, said: str
) -> None:
    assert re.search(said, message_of(rule, value, limit, unit))

"""Whether bytes that were refused name a customer: an event by any of its texts, anything else by its words."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

BASE64_DATA = "data_base64"


def patterns_of(customer_id: str) -> list[bytes]:
    """Return what stands in bytes that name a customer; base64 may hide it, so that is looked into, too."""
    as_json = json.dumps(customer_id)[1:-1]
    plain = json.dumps(customer_id, ensure_ascii=False)[1:-1]
    texts = {customer_id, as_json, plain, BASE64_DATA}
    return sorted(text.encode("utf-8", "surrogatepass") for text in texts)


def names_customer(raw: bytes, customer_id: str) -> bool:
    """Return True if a payload names a customer.

    In JSON a text must be the id as a whole: `12` is not in `2026-12-01`. In what is not JSON it must be a word.
    """
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        return any(word.search(raw) for word in _words(customer_id))
    return any(text == customer_id for text in _texts(said))


def without_customer(text: str, customer_id: str) -> str:
    """Return a text with the id, where it is a word, left out."""
    return _word(re.escape(customer_id)).sub("[erased]", text)


def _word(escaped: str) -> "re.Pattern[str]":
    return re.compile(rf"(?<![^\W_]){escaped}(?![^\W_])")


def _words(customer_id: str) -> Iterator["re.Pattern[bytes]"]:
    for pattern in patterns_of(customer_id):
        if pattern != BASE64_DATA.encode():
            yield re.compile(rb"(?<![A-Za-z0-9])" + re.escape(pattern) + rb"(?![A-Za-z0-9])")


def _texts(said: Any) -> Iterator[str]:
    """Yield all texts of a JSON document, and numbers as they are written."""
    if isinstance(said, dict):
        for name, value in said.items():
            if name == BASE64_DATA and isinstance(value, str):
                yield from _hidden_texts(value)
            # a number is no customer, but where a field says so
            if isinstance(value, int) and "customer" in name.lower():
                yield str(value)
            yield from _texts(value)
    elif isinstance(said, list):
        for value in said:
            yield from _texts(value)
    elif isinstance(said, str):
        yield said


def _hidden_texts(encoded: str) -> Iterator[str]:
    try:
        yield from _texts(json.loads(base64.b64decode(encoded)))
    except (binascii.Error, ValueError, RecursionError):
        return

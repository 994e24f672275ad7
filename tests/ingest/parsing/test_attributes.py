"""What two events say beside their data: the same in every mode, and whatever carried them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parsing.attributes import differing_attribute, is_json, other_attributes

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=10).filter(
    lambda name: (
        name not in {"id", "source", "type", "time", "data", "specversion", "datacontenttype"}
    )
)
VALUES = st.booleans() | st.integers(-(2**31) + 1, 2**31 - 1) | st.text("abc 0:/", max_size=10)
TRACING = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b",
           "baggage": "k=v", "b3": "0"}  # fmt: skip


def kept(**attributes: Any) -> str | None:
    return other_attributes(json.dumps(attributes).encode())


def in_headers(attributes: dict[str, Any]) -> dict[str, str]:
    """The same attributes in binary mode, whose values are canonical text."""
    return {n: v if isinstance(v, str) else json.dumps(v) for n, v in attributes.items()}


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_an_event_is_the_same_in_binary_mode_and_by_another_trace(
    attributes: dict[str, Any],
) -> None:
    structured = kept(**attributes)
    binary = kept(**in_headers(attributes), **TRACING, datacontenttype="application/vnd.shop+json")
    assert differing_attribute(structured, binary) is None
    assert differing_attribute(binary, structured) is None


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=5), st.data())
def test_another_value_makes_another_event(attributes: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(attributes)))
    other = data.draw(
        VALUES.filter(lambda v: in_headers({name: v}) != in_headers({name: attributes[name]}))
    )
    if name in TRACING:
        return
    assert differing_attribute(kept(**attributes), kept(**attributes | {name: other})) == name
    without = {key: value for key, value in attributes.items() if key != name}
    assert differing_attribute(kept(**attributes), kept(**without)) == name


def test_null_is_as_if_it_was_not_there() -> None:
    assert differing_attribute(kept(subject=None), None) is None


@pytest.mark.parametrize(
    ("media", "says_json"),
    [("application/json", True), ("text/json", True), ("TEXT/JSON; charset=utf-8", True), ("image/svg+json", True),
     ("application/vnd.a+json", True), ("application/geo+json;v=1", True), ("", True), ("text/plain", False),
     ("application/xml", False), ("application/jsonx", False), ("json", False), ("+json", False)],
)  # fmt: skip
def test_json_goes_by_many_names(media: str, says_json: bool) -> None:
    assert is_json(media) is says_json

"""What is wrong with a value that is not of its field's type, in words: which one, its value, and what to write."""

import re
from typing import Any

import msgspec

from stocktide.domain.exact_numbers import shown

# As msgspec says where: `$.overrides[0].from`.
_PLACED = re.compile(r"(?P<what>.*) - at `\$\.?(?P<path>[^`]*)`", re.DOTALL)
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
# By what msgspec says, the first that fits; `Expected` names all types that a field takes.
_WORDS = (
    (r"Invalid RFC3339 encoded datetime", "is not an instant; write it as 2026-12-24T16:00:00Z"),
    (r"Invalid RFC3339 encoded date", "is not a day; write it as 2026-12-24"),
    (r"Expected `float[^`]*`, got `str`", "is not a number; write digits such as 12 or 12.5"),
    (r"Expected `int[^`]*`, got `(?:str|float)`", "is not a whole number; write digits such as 12"),
    (r"Expected `bool[^`]*`, got `str`", "is not true or false"),
    (r"Invalid enum value .*", "is not a value that this field takes"),
)


def value_words(error: msgspec.ValidationError, sent: Any) -> str:
    """Return what is wrong with something that was sent, without an end. sent: as it was before it was converted."""
    placed = _PLACED.fullmatch(str(error))
    if placed is None:
        return str(error)
    path, what = placed["path"], placed["what"]
    value = _at(sent, path)
    told = shown(value) if isinstance(value, str) else value
    words = next((words for said, words in _WORDS if re.fullmatch(said, what)), None)
    return f"{path}: {what}, not {told!r}" if words is None else f"{path}: {told!r} {words}"


def _at(sent: Any, path: str) -> Any:
    """Return the value at a path, None if it cannot be found."""
    for number, name in _STEP.findall(path):
        try:
            sent = sent[int(number)] if number else sent[name]
        except (KeyError, IndexError, TypeError):
            return None
    return sent

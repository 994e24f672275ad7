"""JSON to the typed parts of EPCIS: what is wrong is said with its place, and nothing is guessed."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from ingest.epcis.model.event_parts import Part
from ingest.epcis.model.values import DESCRIPTIONS, is_uri
from ingest.parsing.events import Fault
from stocktide.foundation.stored_text import is_storable, storable

P = TypeVar("P", bound=Part)
# Objects and lists in one another; events of the standard need ten.
DEPTH_MAX = 100
_ANY = msgspec.json.Decoder(float_hook=Decimal)
_PATTERN = re.compile(r"matching regex (.*)\Z", re.DOTALL)
# msgspec shows a pattern as repr does
_SHOWN = {repr(pattern): description for pattern, description in DESCRIPTIONS.items()}


class Refused(Exception):
    """Carries a Fault out of the reading functions."""

    def __init__(self, reason: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.fault = Fault(reason, storable(message), None if field is None else storable(field))


def decode(raw: bytes | msgspec.Raw) -> Any:
    """Decode JSON; numbers with a fraction or an exponent stay exact, as Decimal. Raises Refused."""
    try:
        decoded = _ANY.decode(raw)
    except msgspec.DecodeError as error:
        raise Refused("malformed_json", f"Not JSON: {error}.") from None
    except UnicodeDecodeError as error:
        raise Refused("bad_encoding", f"Not UTF-8 text (byte {error.start}).") from None
    except RecursionError:
        raise Refused("too_deep", "The JSON is nested too deeply.") from None
    except ArithmeticError:
        raise Refused("not_a_number", "The JSON holds a number that is out of range.") from None
    text = bytes(raw)
    if text.count(b"{") + text.count(b"[") > DEPTH_MAX:
        _refuse_depth(decoded)
    if b"\\u" in text:
        _refuse_unstorable(decoded, "$")
    return decoded


def _refuse_depth(decoded: Any) -> None:
    """What is nested more deeply than anybody writes ends functions that descend, here and in whoever reads it."""
    level = [decoded]
    for _depth in range(DEPTH_MAX):
        level = [
            item
            for value in level
            if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise Refused("too_deep", f"The JSON is nested more than {DEPTH_MAX} deep.")


def convert(value: Any, shape: type[P], path: str) -> P:
    """Check a decoded object against a part of the standard, own extensions included. Raises Refused."""
    try:
        part = msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), path) from None
    except RecursionError:
        raise Refused("too_deep", "The JSON is nested too deeply.", path) from None
    _check_names(part, value, path)
    return part


def _refusal(message: str, path: str) -> Refused:
    """Translate msgspec's message: `Expected `str`, got `int` - at `$.id``."""
    what, _, place = message.partition(" - at `$")
    field = path + place.rstrip("`")
    pattern = _PATTERN.search(what)
    if pattern is not None:
        what = f"not {_SHOWN.get(pattern[1], 'of the form it should have')}"
    if "missing required field" in what:
        name = what.rsplit("`", 2)[-2]
        return Refused("missing_field", f"{field}.{name} is missing.", f"{field}.{name}")
    return Refused("wrong_value", f"{field}: {what}.", field)


def _check_names(part: Part, value: Mapping[str, Any], path: str) -> None:
    """Look for properties that no part of the standard knows, and descend."""
    known = part.__struct_fields__
    if part.extension != "any":
        for name in value:
            if name in known or name == "@context":
                continue
            if part.extension == "refuse":
                raise Refused(
                    "unknown_field", f"{path}.{name} is no property here.", f"{path}.{name}"
                )
            if not is_uri(name):
                raise Refused(
                    "unknown_field",
                    f"{path}.{name} is no property of the standard. A property of your own has a name with "
                    "a prefix, such as example:myField.",
                    f"{path}.{name}",
                )
    for name in known:
        child = getattr(part, name)
        if isinstance(child, Part):
            _check_names(child, value[name], f"{path}.{name}")
        elif isinstance(child, list):
            for place, item in enumerate(child):
                if isinstance(item, Part):
                    _check_names(item, value[name][place], f"{path}.{name}[{place}]")


def _refuse_unstorable(value: Any, path: str) -> None:
    """Postgres keeps no NUL character and no half surrogate pair."""
    if isinstance(value, str):
        if not is_storable(value):
            raise Refused(
                "bad_text",
                f"{path} holds a character that cannot be stored as text (NUL or half a surrogate pair).",
                path,
            )
    elif isinstance(value, dict):
        for name, item in value.items():
            _refuse_unstorable(name, path)
            _refuse_unstorable(item, f"{path}.{name}")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            _refuse_unstorable(item, f"{path}[{place}]")

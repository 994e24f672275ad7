"""JSON to the typed parts of EPCIS: what is wrong is named by its path, and nothing is guessed."""

import re
from collections.abc import Iterable, Mapping
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
_EXACT = msgspec.json.Encoder(decimal_format="number")
_PATTERN = re.compile(r"matching regex (.*)\Z", re.DOTALL)
# msgspec shows a pattern as repr does
_SHOWN = {repr(pattern): description for pattern, description in DESCRIPTIONS.items()}


class Refused(Exception):
    """Carries a Fault out of the reading functions."""

    def __init__(self, reason: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.fault = Fault(reason, storable(message), None if field is None else storable(field))


def missing(field: str, more: str = "") -> Refused:
    """Make the refusal of an object that lacks a field. more: what the sentence goes on with."""
    return Refused("missing_field", f"{field} is missing{more}.", field)


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


def encoded(value: Any) -> str:
    """Write JSON in which exact numbers stay numbers."""
    return _EXACT.encode(value).decode()


def _refuse_depth(decoded: Any) -> None:
    """Refuse what is nested more deeply than anybody writes: it ends functions that descend, here and elsewhere."""
    level = [decoded]
    for _depth in range(DEPTH_MAX):
        level = [item for value in level for _name, item in _items_in(value)]
        if not level:
            return
    raise Refused("too_deep", f"The JSON is nested more than {DEPTH_MAX} deep.")


def _items_in(value: Any) -> Iterable[tuple[str, Any]]:
    """List the names and values in an object or a list, each with what its path adds."""
    if isinstance(value, dict):
        return [pair for name, item in value.items() for pair in (("", name), (f".{name}", item))]
    return [
        (f"[{index}]", item) for index, item in enumerate(value if isinstance(value, list) else ())
    ]


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
    what, _, where = message.partition(" - at `$")
    field = path + where.rstrip("`")
    pattern = _PATTERN.search(what)
    if pattern is not None:
        what = f"not {_SHOWN.get(pattern[1], 'of the form it should have')}"
    if "missing required field" in what:
        return missing(f"{field}.{what.rsplit('`', 2)[-2]}")
    return Refused("wrong_value", f"{field}: {what}.", field)


def _check_names(part: Part, value: Mapping[str, Any], path: str) -> None:
    """Look for properties that no part of the standard knows, and descend."""
    known = part.__struct_fields__
    for name in () if part.extension == "any" else value:
        if name in known or name == "@context":
            continue
        field = f"{path}.{name}"
        if part.extension == "refuse":
            raise Refused("unknown_field", f"{field} is no property here.", field)
        if not is_uri(name):
            raise Refused(
                "unknown_field",
                f"{field} is no property of the standard. A property of your own has a name with a prefix, such as "
                "example:myField.",
                field,
            )
    for name in known:
        child = getattr(part, name)
        if isinstance(child, Part):
            _check_names(child, value[name], f"{path}.{name}")
        elif isinstance(child, list):
            for index, item in enumerate(child):
                if isinstance(item, Part):
                    _check_names(item, value[name][index], f"{path}.{name}[{index}]")


def _refuse_unstorable(value: Any, path: str) -> None:
    """Refuse what Postgres cannot keep: a NUL character, and half a surrogate pair."""
    if isinstance(value, str) and not is_storable(value):
        raise Refused(
            "bad_text",
            f"{path} holds a character that cannot be stored as text (NUL or half a surrogate pair).",
            path,
        )
    for where, item in _items_in(value):
        _refuse_unstorable(item, path + where)

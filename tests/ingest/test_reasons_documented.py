import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import ingest
from ingest.parsing.kinds import DATA_TYPES
from ingest.parsing.parser import RESERVED_SOURCE
from ingest.parsing.permission import KEY_KIND, KEY_LOCATION
from stocktide.domain.exact_numbers import Fault as NumberFault
from stocktide.foundation.keys import KEY_SOURCE

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "events.md").read_text("utf-8")
# Where in the arguments of a call the reason stands.
CARRIERS = {"Fault": 0, "NotAnEvent": 0, "UnsupportedMedia": 0, "_refused": 1, "_unit_fault": 1}


def first_argument(call: ast.Call) -> Iterator[str]:
    """The reason that a call names; of an f-string every text that stands in it, put together."""
    assert isinstance(call.func, ast.Name)
    if len(call.args) <= CARRIERS[call.func.id]:
        return
    reason = call.args[CARRIERS[call.func.id]]
    if isinstance(reason, ast.Constant) and isinstance(reason.value, str):
        yield reason.value
    if isinstance(reason, ast.JoinedStr):
        start = "".join(str(part.value) for part in reason.values if isinstance(part, ast.Constant))
        ends = [node.value for node in ast.walk(reason) if isinstance(node, ast.Constant)]
        yield from (start + str(end) for end in ends if str(end) in ("product", "location"))


def reasons() -> set[str]:
    """Every reason that the code of the way in gives."""
    # these are chosen between, not written down in a call
    found: set[str] = {KEY_KIND, KEY_LOCATION, KEY_SOURCE, RESERVED_SOURCE, *get_args(NumberFault)}
    # EPCIS and MQTT tell of their own reasons in docs of their own
    rooms = Path(ingest.__file__).parent.glob("*/*.py")
    ours = [path for path in rooms if path.parent.name not in ("epcis", "mqtt")]
    for path in [*ours, ROOT / "stocktide" / "foundation" / "bodies.py"]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in CARRIERS
            ):
                found.update(first_argument(node))
    return found


def documented() -> set[str]:
    """The reasons of the table under "Reasons"."""
    table = DOCS.partition("## Reasons")[2]
    return set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


def test_every_reason_is_documented_and_every_documented_one_is_given() -> None:
    assert {"unknown_product", "unknown_location", "malformed_json", "no_rule"} <= reasons()
    assert documented() == reasons()


def test_every_kind_has_an_example() -> None:
    assert set(re.findall(r'"type": ?"stocktide\.(\w+)"', DOCS)) == set(DATA_TYPES)

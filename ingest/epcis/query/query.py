"""The parameters of the standard's event query, turned into conditions on epcis_events."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ingest.epcis.capture.record import typed_key
from ingest.epcis.identifiers.epc import canonical
from ingest.epcis.identifiers.patterns import query_key
from ingest.epcis.model import vocabulary as cbv
from ingest.epcis.query.query_values import (
    choice_given,
    count_given,
    instant_given,
    number_given,
    single,
    values_of,
    wrong,
)
from stocktide.foundation.errors import Invalid
from stocktide.foundation.stored_text import is_storable

PER_PAGE, PER_PAGE_MAX = 30, 1_000
COUNT_MAX = 2**31 - 1
ACTIONS = ("ADD", "DELETE", "OBSERVE")
DIRECTIONS = ("ASC", "DESC")
ORDERS = {"eventTime": "event_time", "recordTime": "record_time"}
COMPARISONS = {"EQ": "=", "GT": ">", "GE": ">=", "LT": "<", "LE": "<="}
# Which columns a MATCH_ parameter looks at, and whether these hold single things.
MATCHES = {
    "MATCH_epc": (("epcs",), True),
    "MATCH_parentID": (("parent_keys",), True),
    "MATCH_inputEPC": (("input_epcs",), True),
    "MATCH_outputEPC": (("output_epcs",), True),
    "MATCH_anyEPC": (("epcs", "parent_keys", "input_epcs", "output_epcs"), True),
    "MATCH_epcClass": (("classes",), False),
    "MATCH_inputEPCClass": (("input_classes",), False),
    "MATCH_outputEPCClass": (("output_classes",), False),
    "MATCH_anyEPCClass": (("classes", "input_classes", "output_classes"), False),
}
TIMES = {
    "eventTime": "event_time",
    "recordTime": "record_time",
    "errorDeclarationTime": "error_time",
    "errorDeclaration_Time": "error_time",
}
TYPED = {
    "EQ_bizTransaction_": ("transactions", cbv.TRANSACTION_TYPE),
    "EQ_source_": ("sources", cbv.PLACE_TYPE),
    "EQ_destination_": ("destinations", cbv.PLACE_TYPE),
}
# What a column has to do with the values of a parameter.
ONE_OF = "{column} = ANY(CAST({{0}} AS text[]))"
OVERLAPS = "{column} && CAST({{0}} AS text[])"
WITHIN = "{column} IN (SELECT epcis_within(CAST({{0}} AS text[])))"


@dataclass
class Query:
    """A query: conditions with their bound values, order, and how much of the answer is wanted."""

    conditions: list[str] = field(default_factory=list)
    binds: dict[str, Any] = field(default_factory=dict)
    order: str = "event_time"
    descending: bool = True
    per_page: int = PER_PAGE
    limit: int | None = None
    max_count: int | None = None
    token: str | None = None

    def add(self, condition: str, *values: Any) -> None:
        """Add a condition; {0}, {1} … in it stand for the values."""
        names = [f"p{len(self.binds) + index}" for index in range(len(values))]
        self.binds.update(zip(names, values, strict=True))
        self.conditions.append(condition.format(*(f":{name}" for name in names)))


Reader = Callable[[Query, str, Sequence[str]], None]


def read_query(parameters: Sequence[tuple[str, str]]) -> Query:
    """Read the parameters of a request. Raises Invalid that names the first one that is unknown or wrong.

    Several values of one parameter are separated by | or given by repeating it: any of them fits.
    """
    given: dict[str, list[str]] = {}
    for name, text in parameters:
        if not (is_storable(name) and is_storable(text)):
            raise wrong(name, "holds a NUL character")
        given.setdefault(name, []).append(text)
    query = Query()
    for name, texts in given.items():
        _reader_of(name)(query, name, texts)
    if query.limit is not None and query.max_count is not None:
        raise wrong("maxEventCount", "excludes eventCountLimit")
    return query


def _reader_of(name: str) -> Reader:
    if name in READERS:
        return READERS[name]
    if name in MATCHES:
        return _match
    prefix, _, rest = name.partition("_")
    if prefix in ("GE", "LT") and rest in TIMES:
        return _time
    measure, _, unit = rest.partition("_")
    if prefix in COMPARISONS and measure == "quantity" and (unit or "_" not in rest):
        return _quantity
    if any(name.startswith(start) and name != start for start in TYPED):
        return _typed
    known = [*READERS, *MATCHES, *(f"{side}_{time}" for side in ("GE", "LT") for time in TIMES)]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]}?" if close else " docs/epcis.md lists those that there are."
    raise Invalid(
        "unknown_parameter", f"There is no query parameter {name[:80]!r}.{hint}", field=name[:80]
    )


def _several(condition: str, column: str, spell: Callable[[str], str] = str) -> Reader:
    """Read a parameter with several values. spell: writes a value as the column has it."""

    def read(query: Query, name: str, texts: Sequence[str]) -> None:
        values = [spell(value) for value in values_of(name, texts)]
        query.add(condition.format(column=column), values)

    return read


def _one(attribute: str, value_given: Callable[[str, str], Any]) -> Reader:
    """Read a parameter with one value, which is an attribute of the query."""

    def read(query: Query, name: str, texts: Sequence[str]) -> None:
        setattr(query, attribute, value_given(name, single(name, texts)))

    return read


def _match(query: Query, name: str, texts: Sequence[str]) -> None:
    columns, instances = MATCHES[name]
    try:
        keys = [query_key(value, instances=instances) for value in values_of(name, texts)]
    except ValueError as error:
        raise wrong(name, str(error)) from None
    either = " OR ".join(OVERLAPS.format(column=column) for column in columns)
    query.add(f"({either})", keys)


def _typed(query: Query, name: str, texts: Sequence[str]) -> None:
    start = next(start for start in TYPED if name.startswith(start))
    column, vocabulary = TYPED[start]
    kind = name.removeprefix(start)
    _several(OVERLAPS, column, lambda value: typed_key(kind, value, vocabulary))(query, name, texts)


def _time(query: Query, name: str, texts: Sequence[str]) -> None:
    side, _, what = name.partition("_")
    query.add(f"{TIMES[what]} {COMPARISONS[side]} {{0}}", instant_given(name, single(name, texts)))


def _quantity(query: Query, name: str, texts: Sequence[str]) -> None:
    side, _, rest = name.partition("_")
    unit = rest.partition("_")[2]
    numbers = [number_given(name, text) for text in values_of(name, texts)]
    if side != "EQ" and len(numbers) != 1:
        raise wrong(name, "takes one number")
    wanted = f"n {COMPARISONS[side]} ANY(CAST({{0}} AS numeric[]))" + (
        " AND u = {1}" if unit else ""
    )
    values = (numbers, unit) if unit else (numbers,)
    query.add(f"EXISTS (SELECT FROM unnest(quantities, units) AS q (n, u) WHERE {wanted})", *values)


READERS: Mapping[str, Reader] = {
    "eventType": _several(ONE_OF, "event_type"),
    "EQ_action": _several(ONE_OF, "action", partial(choice_given, ACTIONS, "EQ_action")),
    "EQ_bizStep": _several(ONE_OF, "biz_step", cbv.BIZ_STEP.bare),
    "EQ_disposition": _several(ONE_OF, "disposition", cbv.DISPOSITION.bare),
    "EQ_persistentDisposition_set": _several(OVERLAPS, "dispositions_set", cbv.DISPOSITION.bare),
    "EQ_persistentDisposition_unset": _several(
        OVERLAPS, "dispositions_unset", cbv.DISPOSITION.bare
    ),
    "EQ_readPoint": _several(ONE_OF, "read_point", canonical),
    "WD_readPoint": _several(WITHIN, "read_point", canonical),
    "EQ_bizLocation": _several(ONE_OF, "biz_location", canonical),
    "WD_bizLocation": _several(WITHIN, "biz_location", canonical),
    "EQ_transformationID": _several(ONE_OF, "transformation_id", canonical),
    "EQ_eventID": _several(ONE_OF, "identity"),
    "EXISTS_errorDeclaration": lambda query, *_given: query.add("declares_error"),
    "EQ_errorReason": _several(ONE_OF, "error_reason", cbv.ERROR_REASON.bare),
    "EQ_correctiveEventID": _several(OVERLAPS, "corrective_ids"),
    "orderBy": _one("order", lambda *given: ORDERS[choice_given(ORDERS, *given)]),
    "orderDirection": _one("descending", lambda *given: choice_given(DIRECTIONS, *given) == "DESC"),
    "eventCountLimit": _one("limit", count_given(COUNT_MAX)),
    "maxEventCount": _one("max_count", count_given(COUNT_MAX)),
    "perPage": _one("per_page", count_given(PER_PAGE_MAX)),
    "nextPageToken": _one("token", lambda _name, text: text),
}

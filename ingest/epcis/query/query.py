"""The parameters of the standard's event query, turned into conditions on epcis_events."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.epcis.capture.record import typed_key
from ingest.epcis.identifiers.epc import canonical
from ingest.epcis.identifiers.patterns import query_key
from ingest.epcis.model.vocabulary import (
    BIZ_STEP,
    DISPOSITION,
    ERROR_REASON,
    PLACE_TYPE,
    TRANSACTION_TYPE,
    Vocabulary,
)
from ingest.epcis.query.query_values import (
    choice_given,
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
    "EQ_bizTransaction_": ("transactions", TRANSACTION_TYPE),
    "EQ_source_": ("sources", PLACE_TYPE),
    "EQ_destination_": ("destinations", PLACE_TYPE),
}


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

    def add(self, condition: str, value: Any) -> None:
        """Add a condition; `{}` in it stands for the value."""
        name = f"p{len(self.binds)}"
        self.binds[name] = value
        self.conditions.append(condition.replace("{}", f":{name}"))


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
        reader = _reader_of(name)
        if reader is None:
            raise _unknown(name)
        reader(query, name, texts)
    if query.limit is not None and query.max_count is not None:
        raise wrong("maxEventCount", "excludes eventCountLimit")
    return query


Reader = Callable[[Query, str, Sequence[str]], None]


def _reader_of(name: str) -> Reader | None:
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
    return _typed if any(name.startswith(start) and name != start for start in TYPED) else None


def _unknown(name: str) -> Invalid:
    known = [*READERS, *MATCHES, *(f"{side}_{time}" for side in ("GE", "LT") for time in TIMES)]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]}?" if close else " docs/epcis.md lists those that there are."
    return Invalid(
        "unknown_parameter", f"There is no query parameter {name[:80]!r}.{hint}", field=name[:80]
    )


def _any_of(column: str, spell: Callable[[str], str] = lambda value: value) -> Reader:
    def read(query: Query, name: str, texts: Sequence[str]) -> None:
        query.add(
            f"{column} = ANY(CAST({{}} AS text[]))",
            [spell(value) for value in values_of(name, texts)],
        )

    return read


def _overlap(column: str, spell: Callable[[str], str]) -> Reader:
    def read(query: Query, name: str, texts: Sequence[str]) -> None:
        values = [spell(value) for value in values_of(name, texts)]
        query.add(f"{column} && CAST({{}} AS text[])", values)

    return read


def _within(column: str) -> Reader:
    def read(query: Query, name: str, texts: Sequence[str]) -> None:
        places = [canonical(value) for value in values_of(name, texts)]
        query.add(f"{column} IN (SELECT epcis_within(CAST({{}} AS text[])))", places)

    return read


def _match(query: Query, name: str, texts: Sequence[str]) -> None:
    columns, instances = MATCHES[name]
    try:
        keys = [query_key(value, instances=instances) for value in values_of(name, texts)]
    except ValueError as error:
        raise wrong(name, str(error)) from None
    query.add(
        "(" + " OR ".join(f"{column} && CAST({{}} AS text[])" for column in columns) + ")", keys
    )


def _typed(query: Query, name: str, texts: Sequence[str]) -> None:
    start = next(start for start in TYPED if name.startswith(start))
    column, vocabulary = TYPED[start]
    kind = name.removeprefix(start)
    keys = [typed_key(kind, value, vocabulary) for value in values_of(name, texts)]
    query.add(f"{column} && CAST({{}} AS text[])", keys)


def _time(query: Query, name: str, texts: Sequence[str]) -> None:
    side, _, what = name.partition("_")
    comparison = ">=" if side == "GE" else "<"
    query.add(f"{TIMES[what]} {comparison} {{}}", instant_given(name, single(name, texts)))


def _quantity(query: Query, name: str, texts: Sequence[str]) -> None:
    side, _, rest = name.partition("_")
    unit = rest.partition("_")[2]
    numbers = [number_given(name, text) for text in values_of(name, texts)]
    if side != "EQ" and len(numbers) != 1:
        raise wrong(name, "takes one number")
    wanted = f"n {COMPARISONS[side]} ANY(CAST({{}} AS numeric[]))"
    if unit:
        query.binds[f"unit{len(query.binds)}"] = unit
        wanted += f" AND u = :unit{len(query.binds) - 1}"
    query.add(f"EXISTS (SELECT FROM unnest(quantities, units) AS q (n, u) WHERE {wanted})", numbers)


def _count(attribute: str, most: int) -> Reader:
    def read(query: Query, name: str, texts: Sequence[str]) -> None:
        text = single(name, texts)
        if not (text.isascii() and text.isdigit()) or len(text) > 10 or not 1 <= int(text) <= most:
            raise wrong(name, f"{text[:80]!r} is not a whole number from 1 to {most}")
        setattr(query, attribute, int(text))

    return read


def _action(query: Query, name: str, texts: Sequence[str]) -> None:
    values = [choice_given(name, value, ACTIONS) for value in values_of(name, texts)]
    query.add("action = ANY(CAST({} AS text[]))", values)


def _order(query: Query, name: str, texts: Sequence[str]) -> None:
    query.order = ORDERS[choice_given(name, single(name, texts), tuple(ORDERS))]


def _direction(query: Query, name: str, texts: Sequence[str]) -> None:
    query.descending = choice_given(name, single(name, texts), ("ASC", "DESC")) == "DESC"


def _token(query: Query, name: str, texts: Sequence[str]) -> None:
    query.token = single(name, texts)


def _declared(query: Query, _name: str, _texts: Sequence[str]) -> None:
    query.conditions.append("declares_error")


def _word(vocabulary: Vocabulary) -> Callable[[str], str]:
    return vocabulary.bare


READERS: Mapping[str, Reader] = {
    "eventType": _any_of("event_type"),
    "EQ_action": _action,
    "EQ_bizStep": _any_of("biz_step", _word(BIZ_STEP)),
    "EQ_disposition": _any_of("disposition", _word(DISPOSITION)),
    "EQ_persistentDisposition_set": _overlap("dispositions_set", _word(DISPOSITION)),
    "EQ_persistentDisposition_unset": _overlap("dispositions_unset", _word(DISPOSITION)),
    "EQ_readPoint": _any_of("read_point", canonical),
    "WD_readPoint": _within("read_point"),
    "EQ_bizLocation": _any_of("biz_location", canonical),
    "WD_bizLocation": _within("biz_location"),
    "EQ_transformationID": _any_of("transformation_id", canonical),
    "EQ_eventID": _any_of("identity"),
    "EXISTS_errorDeclaration": _declared,
    "EQ_errorReason": _any_of("error_reason", _word(ERROR_REASON)),
    "EQ_correctiveEventID": _overlap("corrective_ids", lambda value: value),
    "orderBy": _order,
    "orderDirection": _direction,
    "eventCountLimit": _count("limit", COUNT_MAX),
    "maxEventCount": _count("max_count", COUNT_MAX),
    "perPage": _count("per_page", PER_PAGE_MAX),
    "nextPageToken": _token,
}

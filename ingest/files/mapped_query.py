"""SQL from the rows of a file to the fields of events; an expression that fails stays with its row."""

from collections.abc import Mapping as Map
from collections.abc import Sequence

from ingest.files.column_types import TIMES, Marks, converted, parsed_times, time_parts
from ingest.files.expressions import Expression
from ingest.files.mapping import Mapping
from ingest.files.raw_table import LINE, NUMBER, literal, quoted

# What Python's datetime holds in any zone; DuckDB's timestamps reach much further.
TIME_MIN, TIME_MAX = "0001-01-03", "9999-12-29"


def parsed_query(columns: Map[str, str]) -> str:
    """Return the query of `raw` with its text under helping names, and of times as they can be understood."""
    kept = [f"{quoted(c)} AS {quoted(f'_text of {c}')}" for c in columns]
    times = [part for c, kind in columns.items() if kind in TIMES for part in parsed_times(c)]
    return f"SELECT {', '.join(['*', *kept, *times])} FROM raw"  # noqa: S608


def doubled_query(columns: Map[str, str]) -> str:
    """Return the query of how many rows, and which first, name an hour that clocks pass twice and no offset."""
    local = [f"{time_parts(c)[0]} IS NOT NULL" for c, kind in columns.items() if kind in TIMES]
    hours = "SELECT DISTINCT date_trunc('hour', time) AS hour FROM mapped WHERE left_out IS NULL"
    twice = "(hour - INTERVAL 1 HOUR)::TIMESTAMP = hour::TIMESTAMP"
    rows = (
        "SELECT row FROM mapped WHERE date_trunc('hour', time) IN"  # noqa: S608 - our own names
        f" (SELECT hour FROM ({hours}) WHERE {twice})"
    )
    return (
        f"SELECT count(*), min({NUMBER}) FROM parsed"  # noqa: S608 - our own names
        f" WHERE {NUMBER} IN ({rows}) AND ({' OR '.join(local) or 'false'})"
    )


def typed_query(mapping: Mapping, marks: Marks) -> str:
    """Return the query of the declared columns as their types; `_bad` names the first that is not of its type."""
    columns = mapping.columns
    typed = [f"{converted(c, kind, marks)} AS {quoted(c)}" for c, kind in columns.items()]
    given = [f"{quoted(f'_text of {c}')}" for c in columns]
    bad = " ".join(
        f"WHEN {quoted(c)} IS NULL AND trim({text}) <> '' THEN {literal(c)}"
        for c, text in zip(columns, given, strict=True)
    )
    original = ", ".join(f"{literal(c)}: {text}" for c, text in zip(columns, given, strict=True))
    ours = f"{NUMBER}, {LINE}"
    whole = f"SELECT {', '.join([ours, *given, *typed])} FROM parsed"  # noqa: S608
    named = ", ".join([ours, *map(quoted, columns)])
    return (
        f"SELECT {named}, CASE {bad or 'WHEN false THEN NULL::VARCHAR'} END AS _bad,"  # noqa: S608
        f" {{{original}}} AS _original FROM ({whole})"
    )


def lined_query(mapping: Mapping) -> str:
    """Return the query that gives the rows their `line`, unless they have a column of that name."""
    if any(column.lower() == "line" for column in mapping.columns):
        return "SELECT * FROM typed"
    line = NUMBER
    if mapping.line_within:
        line = f"row_number() OVER (PARTITION BY {quoted(mapping.line_within)} ORDER BY {NUMBER})"
    return f"SELECT *, {line} AS line FROM typed"  # noqa: S608


def windowed_query(windows: Map[str, str]) -> str:
    """Return the query that adds the mapping's window functions, over all rows of the file."""
    columns = "".join(f", {sql} AS {quoted(name)}" for name, sql in windows.items())
    return f"SELECT *{columns} FROM lined"  # noqa: S608


def mapped_query(mapping: Mapping, expressions: Sequence[Expression]) -> str:
    """Return the query of rows as fields; `_failed` is the place of the first expression that fails on a row."""
    conditions = [e for e in expressions if e.place.endswith(".when")]
    fields = {e.place: e for e in expressions if not e.place.endswith(".when")}
    asked = ", ".join(f"{e.struct()} AS {quoted(e.place)}" for e in conditions)
    decided = (
        f"SELECT *, {_first(conditions, 'leave_out', [rule.reason for rule in mapping.leave_out])} AS _left,"  # noqa: S608
        f" {_first(conditions, 'kind', range(len(mapping.kind)))} AS _rule, {_failing(conditions)} AS _unsure"
        f" FROM (SELECT *, {asked} FROM windowed)"
    )
    structs = [
        f"CASE WHEN _open THEN {e.struct()} END AS {quoted(e.place)}"
        for e in fields.values()
        if not e.place.startswith("kind[")
    ]
    names = sorted({name for rule in mapping.kind for name in rule.data})
    structs += [
        f"CASE WHEN _open THEN {_by_rule(fields, mapping, name)} END AS {quoted('data.' + name)}"
        for name in names
    ]
    valued = (
        f"SELECT {NUMBER}, {LINE}, _bad, _original, _left_out, _rule, _unsure, _open, {', '.join(structs)}"  # noqa: S608
        f" FROM (SELECT *, CASE WHEN _unsure IS NULL THEN _left END AS _left_out,"
        f" _left IS NULL AND _unsure IS NULL AND _rule IS NOT NULL AS _open FROM ({decided}))"
    )
    return _extracted(fields, names, valued)


def _first(conditions: Sequence[Expression], group: str, results: Sequence[object]) -> str:
    """Return SQL of the result of the first condition of a group that holds."""
    places = [e.place for e in conditions if e.place.startswith(f"{group}[")]
    whens = " ".join(
        f"WHEN {quoted(place)}.v THEN {literal(result) if isinstance(result, str) else result}"
        for place, result in zip(places, results, strict=True)
    )
    return f"CASE {whens} END" if whens else "NULL::VARCHAR"


def _failing(conditions: Sequence[Expression]) -> str:
    """Return SQL of the place of a condition that fails before another one decides."""
    whens = " ".join(
        f"WHEN {quoted(e.place)} IS NULL THEN {literal(e.place)} WHEN {quoted(e.place)}.v THEN NULL"
        for e in conditions
    )
    return f"CASE {whens} END"


def _by_rule(fields: Map[str, Expression], mapping: Mapping, name: str) -> str:
    whens = " ".join(
        f"WHEN {n} THEN {fields[f'kind[{n}].data.{name}'].struct()}"
        for n, rule in enumerate(mapping.kind)
        if name in rule.data
    )
    return f"CASE _rule {whens} ELSE {{'v': NULL::VARCHAR}} END"


def _extracted(fields: Map[str, Expression], names: Sequence[str], valued: str) -> str:
    """Return the query of the values in the structs, and of which struct is missing because it failed."""
    plain = [e.place for e in fields.values() if not e.place.startswith("kind[")]
    failed = " ".join(
        f"WHEN _open AND {quoted(place)} IS NULL THEN {literal(place)}"
        for place in [*plain, *(f"data.{name}" for name in names)]
    )
    time = '"event.time".v'
    others = [place for place in plain if place not in ("event.id", "event.time")]
    columns = [
        f"{NUMBER} AS row", f"{LINE} AS line", "_bad AS bad_column", "_rule AS rule",
        "_left_out AS left_out", f"CASE WHEN _left_out IS NULL THEN coalesce(_unsure, CASE {failed} END) END AS failed",
        '"event.id".v AS id', f"{time}::VARCHAR AS time_said",
        f"CASE WHEN {time} BETWEEN '{TIME_MIN}' AND '{TIME_MAX}' THEN {time} END AS time",
        *(f"{quoted(place)}.v AS {quoted(place)}" for place in others),
        *(f"{quoted('data.' + name)}.v AS {quoted('data.' + name)}" for name in names),
    ]  # fmt: skip
    bare = f"SELECT {', '.join(columns)}, _original FROM ({valued})"  # noqa: S608
    faulty = "bad_column IS NOT NULL OR failed IS NOT NULL OR rule IS NULL"
    empty = " OR ".join(
        f"{quoted(c)} IS NULL" for c in ("id", "time", "product.sku", "location.code")
    )
    return (
        f"SELECT * EXCLUDE (_original), CASE WHEN left_out IS NULL AND ({faulty} OR {empty})"  # noqa: S608
        f" THEN to_json(_original)::VARCHAR END AS original FROM ({bare})"
    )

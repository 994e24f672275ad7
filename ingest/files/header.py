"""Where the header of a delimited file stands and what parts its fields: the place where all expected columns are."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from ingest.files.delimited import ROW_FIELDS_MIN, Lines, chunks_of, record_at
from ingest.files.dialect import BACKSLASH, DELIMITERS, DOUBLED, Dialect, FileOptions
from ingest.files.survey import Survey, data_suffix, open_text, survey_file

# A header is looked for in so many lines: reports have a title and dates above it.
HEAD_LINES = 100
TABBED = (".tsv", ".tab")


def find_dialect(
    path: Path, options: FileOptions, expected: Collection[str]
) -> tuple[Dialect, Survey, list[str]]:
    """Return the dialect of a file, the survey of it, and the names of its columns, without spaces around them.

    expected: columns that must be there, which tell the header and its delimiter; if no line has them all, the first
    with something on it counts. Raises as `survey_file`.
    """
    survey = survey_file(path, options.encoding)
    with open_text(path, survey) as text:
        head = Lines(text).take(HEAD_LINES)
    places = list(_places(head, _given(options, survey), options, path))
    fits = [
        p for p in places if set(expected) <= set(p[1]) and not _is_row_above(head, *p, options)
    ]
    dialect, names = _best(fits or places or [(_given(options, survey), [])])
    if options.escape is None and survey.backslashed and dialect.quote == DOUBLED:
        dialect = _by_escapes(path, dialect, survey, len(names))
    return dialect, survey, names


def _given(options: FileOptions, survey: Survey) -> Dialect:
    """Return the dialect as far as it is declared, with the usual parts where it is not."""
    quote = DOUBLED if options.quote is None else options.quote
    named = ("encoding", "delimiter", "escape", "skip_lines")
    found = [
        name.replace("skip_lines", "header_line")
        for name in named
        if getattr(options, name) is None
    ]
    return Dialect(
        encoding=survey.encoding.removesuffix("-sig"),
        delimiter=options.delimiter or ",",
        quote=quote,
        escape=options.escape or quote,
        comment=options.comment or "",
        decimal=options.decimal or ".",
        thousands=options.thousands or "",
        newline=survey.newline(),
        header_line=1 + (options.skip_lines or 0),
        skip_footer=options.skip_footer or 0,
        found=(*found, "newline"),
    )


def _places(
    head: list[str], given: Dialect, options: FileOptions, path: Path
) -> Iterator[tuple[Dialect, list[str]]]:
    """Yield each place where the header may be, line by line, with the names that it would have."""
    first = options.skip_lines or 0
    usual = ("\t", *DELIMITERS) if data_suffix(path) in TABBED else DELIMITERS
    for at in range(first, len(head)):
        if not head[at].strip() or (given.comment and head[at].startswith(given.comment)):
            continue
        for delimiter in [options.delimiter] if options.delimiter else dict.fromkeys(usual):
            if delimiter == given.quote:
                continue
            dialect = replace(given, delimiter=delimiter, header_line=at + 1)
            record = record_at(head, at, dialect)
            if not isinstance(record, str):
                yield dialect, [name.strip() for name in record[1]]
        if options.skip_lines is not None:
            return


def _is_row_above(
    head: list[str], dialect: Dialect, names: list[str], options: FileOptions
) -> bool:
    """Return True if a line above a found header is a row of as many fields: it would be passed over unseen."""
    if options.skip_lines is not None or len(names) < ROW_FIELDS_MIN:
        return False
    above = (record_at([line], 0, dialect) for line in head[: dialect.header_line - 1])
    cells = [record[1] for record in above if not isinstance(record, str)]
    # the title of a report may have as many fields, nearly all of them empty
    return any(len(row) == len(names) and 2 * sum(map(bool, row)) > len(row) for row in cells)


def _best(places: list[tuple[Dialect, list[str]]]) -> tuple[Dialect, list[str]]:
    """Return the first line's place with the most fields."""
    line = places[0][0].header_line
    return max((p for p in places if p[0].header_line == line), key=lambda place: len(place[1]))


def _by_escapes(path: Path, dialect: Dialect, survey: Survey, fields: int) -> Dialect:
    """Return the dialect whose escape leaves fewer broken rows in the whole file; doubled quotes if both do as well."""
    slashed = replace(dialect, escape=BACKSLASH)
    return min((dialect, slashed), key=lambda one: _broken_in(path, one, survey, fields))


def _broken_in(path: Path, dialect: Dialect, survey: Survey, fields: int) -> int:
    with open_text(path, survey) as text:
        lines = Lines(text, dialect.skip_footer)
        skip_header(lines, dialect)
        return sum(len(chunk.broken) for chunk in chunks_of(lines, dialect, fields))


def skip_header(lines: Lines, dialect: Dialect) -> None:
    """Take the lines up to the end of the header."""
    lines.take(dialect.header_line - 1)
    if not (head := lines.take(HEAD_LINES)):
        return
    record = record_at(head, 0, dialect)
    lines.give_back(head[1 if isinstance(record, str) else record[0] :])

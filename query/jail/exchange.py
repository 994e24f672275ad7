"""Talk with a jailed process: hand tables over, take rows, and say in our errors what it says."""

import socket
import tempfile
from typing import IO, Any

from query.jail import frames
from query.jail.orders import Handed, Limits, Result
from stocktide.foundation.errors import Invalid, TooLarge


def hand_over(connection: socket.socket, handed: Handed) -> None:
    """Hand a table over: its description, and its files as open descriptors. Raises OSError, Broken."""
    document = {"name": handed.name, "format": handed.form, "count": len(handed.descriptors)}
    step = frames.DESCRIPTORS_MAX
    pieces = [
        tuple(handed.descriptors[n : n + step]) for n in range(0, len(handed.descriptors), step)
    ]
    schema = handed.schema.serialize().to_pybytes().hex()
    frames.send(connection, {**document, "schema": schema}, pieces[0] if pieces else ())
    for piece in pieces[1:]:
        # those before are mapped and closed by then
        answered(frames.receive_document(connection))
        frames.send(connection, {}, piece)


def answered(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document, unless it says that the statement is refused or failed: raises that."""
    message = str(document.get("message", ""))
    if "refused" in document:
        code = str(document["refused"])
        kind = TooLarge if code == "result_too_large" else Invalid
        raise kind(f"query_{code}", message)
    if document.get("failed") == "memory":
        raise TooLarge(
            "query_memory",
            f"The statement needs more memory than it may have. Read fewer columns or rows, or raise "
            f"STOCKTIDE_QUERY_MEMORY_MB. The database said: {message}",
        )
    if document.get("failed") == "spill":
        raise TooLarge(
            "query_spill",
            f"The statement could not write aside what exceeds its memory. Read fewer rows, or raise "
            f"STOCKTIDE_QUERY_SPILL_MB. The database said: {message}",
        )
    if "failed" in document:
        raise Invalid("query_statement", message)
    return document


def number_of(document: dict[str, Any], name: str) -> int:
    """Return a count that a document names. Raises Broken."""
    value = document.get(name)
    if not isinstance(value, int) or value < 0:
        raise frames.Broken(f"no number of {name}")
    return value


def take_rows(connection: socket.socket, limits: Limits) -> Result:
    """Take the rows of a statement; the caller closes the result. Raises Broken, ArrowException, and as `answered`."""
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it with the result
    try:
        ended = _spooled(connection, spool, limits)
        found = number_of(ended, "found") if ended.get("counted") else None
        result = Result(spool, number_of(ended, "rows"), found)
        _validate(result)
    except BaseException:
        spool.close()
        raise
    return result


def _spooled(connection: socket.socket, spool: IO[bytes], limits: Limits) -> dict[str, Any]:
    """Write what comes into a file, up to the document that ends it. Raises Broken, and as `answered`."""
    while True:
        kind, body = frames.receive(connection)
        if kind == b"J":
            return answered(frames.document_of(kind, body))
        spool.write(body)
        if spool.tell() > 2 * limits.result_bytes + frames.ARROW_BYTES_MAX:
            raise frames.Broken("more rows than were asked for")


def _validate(result: Result) -> None:
    """Read a result once, so that it is what it says. Raises Broken, ArrowException."""
    rows = 0
    for batch in result.reader():
        batch.validate(full=True)
        rows += batch.num_rows
    if rows != result.rows:
        raise frames.Broken(f"{rows:,} rows where {result.rows:,} were announced")

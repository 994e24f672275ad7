"""Master data of a document's header: checked when it is read, kept as captured."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from ingest.epcis.epc import canonical
from ingest.epcis.event_parts import Envelope
from ingest.epcis.reading import Refused
from ingest.epcis.store import encoded
from stocktide.database import statement

# Kind and element together are one index entry of Postgres, which has to fit a third of a page.
ENTRY_BYTES_MAX = 2_500
WHERE = "$.epcisHeader.epcisMasterData"


def check_vocabulary(envelope: Envelope) -> None:
    """Refuse entries whose names no index can hold. Raises Refused."""
    for row in _rows(envelope):
        if len(row["vocabulary"].encode()) + len(row["element"].encode()) > ENTRY_BYTES_MAX:
            raise Refused(
                "too_long",
                f"{WHERE} names an element whose id and type have more than {ENTRY_BYTES_MAX} bytes.",
                WHERE,
            )


def put_vocabulary(connection: sa.Connection, envelope: Envelope) -> None:
    """Keep the master data of a document's header."""
    rows = list(_rows(envelope))
    if rows:
        connection.execute(statement("ingest/epcis/put_vocabulary"), {"rows": encoded(rows)})


def _rows(envelope: Envelope) -> Iterator[dict[str, Any]]:
    header = envelope.epcisHeader
    data = header.epcisMasterData if header else None
    vocabularies = data.vocabularyList if data else None
    for vocabulary in vocabularies or ():
        for element in vocabulary.vocabularyElementList or ():
            yield {
                "vocabulary": vocabulary.type,
                "element": canonical(element.id),
                "attributes": element.attributes or [],
                "children": [canonical(child) for child in element.children or ()],
            }

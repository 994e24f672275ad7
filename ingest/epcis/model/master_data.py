"""Master data of a document's header: its vocabularies as rows, checked when the document is read."""

from collections.abc import Iterator
from typing import Any

from ingest.epcis.identifiers.epc import canonical
from ingest.epcis.model.event_parts import Envelope
from ingest.epcis.model.reading import Refused

# Kind and element together are one index entry of Postgres, which has to fit a third of a page.
ENTRY_BYTES_MAX = 2_500
WHERE = "$.epcisHeader.epcisMasterData"


def check_vocabulary(envelope: Envelope) -> None:
    """Refuse entries whose names no index can hold. Raises Refused."""
    for row in vocabulary_rows(envelope):
        if len(row["vocabulary"].encode()) + len(row["element"].encode()) > ENTRY_BYTES_MAX:
            raise Refused(
                "too_long",
                f"{WHERE} names an element whose id and type have more than {ENTRY_BYTES_MAX} bytes.",
                WHERE,
            )


def vocabulary_rows(envelope: Envelope) -> Iterator[dict[str, Any]]:
    """Give a row for each element of the header's vocabularies."""
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

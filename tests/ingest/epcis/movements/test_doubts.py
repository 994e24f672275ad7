"""What is in doubt is never booked, not even when its reject is replayed as it came."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.epcis.movements.rules import Rule, put_rules
from ingest.ledger.dimensions import ProductIn, put_products
from ingest.recording.recording import Recorder
from ingest.rejects.attempts import Audit
from ingest.rejects.rejects import Wanted
from ingest.rejects.replay import Replayer
from stocktide.foundation.settings import load_settings
from tests.ingest.epcis.documents import CLASS, LOT_CLASS, SHOP, event, sgtin
from tests.ingest.epcis.ledger_views import reasons, rows, take

HERE: dict[str, Any] = {"bizLocation": {"id": SHOP}}
BAD_DIGIT = "https://example.com/01/10614141073465/21/1"


def amount(epc_class: str, **fields: Any) -> dict[str, Any]:
    """An event with one amount."""
    return event(epcList=None, quantityList=[{"epcClass": epc_class, **fields}], **HERE)


# What an event tells, its reason, and the field that its reject does not have.
DOUBTS: list[tuple[dict[str, Any], str, str]] = [
    (amount(CLASS), "quantity_missing", "quantity"),
    (amount(CLASS, quantity=10**40), "quantity", "quantity"),
    (amount(CLASS, quantity=3, uom="KGM"), "unit", "quantity"),
    (event(epcList=[BAD_DIGIT], **HERE), "check_digit", "product"),
    (
        event(epcList=["urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8"], **HERE),
        "no_class",
        "product",
    ),
    (event(epcList=["urn:epc:id:sscc:0614141.1234567890"], **HERE), "container_unknown", "product"),
    (amount(LOT_CLASS, quantity=1), "ambiguous_product", "product"),
    (event(epcList=[sgtin(1)]), "no_location", "location"),
]
AMOUNTS = {"stocktake": "counted", "reading": "observed"}


@pytest.mark.usefixtures("recorder")
@pytest.mark.parametrize("movement", ["receipt", "stocktake", "reading", "adjustment out"])
def test_a_reject_that_is_replayed_as_it_came_books_no_guess(
    database: sa.Engine, movement: Any
) -> None:
    # whoever makes products on first sight would even book what has a wrong check digit
    guessing = Recorder(database, load_settings(create_on_first_sight=True))
    with database.begin() as connection:
        gtin = "04012345123456"
        put_products(connection, [ProductIn(sku, attributes={"gtin": gtin}) for sku in ("A", "B")])
        connection.execute(sa.text("UPDATE products SET sku = 'C' WHERE sku = '04012345123456'"))
        put_rules(connection, [Rule(movement)])
    for number, (told, reason, field) in enumerate(DOUBTS):
        take(guessing, {**told, "eventID": f"urn:e:{number}"})
        query = "SELECT raw, field FROM rejects WHERE reason = :reason"
        ((raw, named),) = rows(database, query, reason=reason)
        wanted = AMOUNTS.get(movement, field) if field == "quantity" else field
        assert named == f"data.{wanted}"
        assert wanted not in json.loads(bytes(raw))["data"], reason
    assert reasons(database) == sorted(reason for _told, reason, _field in DOUBTS)
    done = Replayer(guessing).replay(Wanted(), None, None, Audit("replay", "eve", "as they came"))
    assert (done["taken"], done["accepted"], done["rejected"]) == (len(DOUBTS), 0, len(DOUBTS))
    assert rows(database, "SELECT count(*) FROM ledger") == [(0,)]

"""Routes of customers: who is behind a pseudonym, and erasing one.

For keys of scope `personal`, and for people with this right on whose behalf a page asks with their session.
"""

from typing import Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Request

from ingest.customers.erasure import erase_customer
from ingest.customers.finding import find_customer
from ingest.recording.dependency import recorder_of
from stocktide.foundation.customers import list_accesses, resolve_customer
from stocktide.foundation.errors import Invalid
from stocktide.foundation.jobs import defer_job
from stocktide.foundation.paging import Limit
from stocktide.foundation.rights import Asker, PersonalAsker, PersonalKey
from stocktide.foundation.users import User
from stocktide.foundation.web import asked_by, body_of, engine_of, in_transaction, read_body

router = APIRouter(prefix="/v1/customers", tags=["customers"])
BODY_BYTES_MAX = 16_384


class ResolveIn(msgspec.Struct, forbid_unknown_fields=True):
    """Whose id is asked for, why, and on whose behalf the key asks."""

    pseudonym: str
    reason: str
    user: str | None = None


class FindIn(msgspec.Struct, forbid_unknown_fields=True):
    """The id of the sender whose pseudonym is asked for, why, and on whose behalf the key asks."""

    id: str
    reason: str
    user: str | None = None


class EraseIn(msgspec.Struct, forbid_unknown_fields=True):
    """Who is erased, by one of the two, why, and on whose behalf the key asks."""

    reason: str
    pseudonym: str | None = None
    id: str | None = None
    user: str | None = None


def _by(asker: Asker, user: str | None) -> str:
    """Return who asked, for the history. Raises Invalid."""
    if not isinstance(asker.who, User):
        return asked_by(asker.who, user)
    if user is not None:
        raise Invalid("user", "Whoever is signed in asks in their own name: leave out `user`.")
    return f"{asker.who.username} (signed in)"


@router.post("/resolve", openapi_extra=body_of(ResolveIn))
async def post_resolve(request: Request, asker: PersonalAsker) -> dict[str, Any]:
    """Tell the id behind a pseudonym; null for an erased customer. Who asked, and why, is saved in the audit log."""
    body = await read_body(request, ResolveIn, BODY_BYTES_MAX)
    by = _by(asker, body.user)
    customers = recorder_of(request).ledger.customers

    def work(connection: sa.Connection) -> dict[str, Any]:
        return resolve_customer(
            connection, customers.keys, body.pseudonym, by=by, reason=body.reason
        )

    return await in_transaction(request, work)


@router.post("/find", openapi_extra=body_of(FindIn))
async def post_find(request: Request, asker: PersonalAsker) -> dict[str, Any]:
    """Find the pseudonym of an id that a sender uses. Who asked, and why, is saved in the audit log."""
    body = await read_body(request, FindIn, BODY_BYTES_MAX)
    by = _by(asker, body.user)
    customers = recorder_of(request).ledger.customers

    def work(connection: sa.Connection) -> dict[str, Any]:
        return find_customer(connection, customers.keys, body.id, by=by, reason=body.reason)

    return await in_transaction(request, work)


@router.post("/erase", openapi_extra=body_of(EraseIn))
async def post_erase(request: Request, asker: PersonalAsker) -> dict[str, Any]:
    """Erase a customer: nobody can tell any more whose the events are. The worker then writes the old pages over."""
    body = await read_body(request, EraseIn, BODY_BYTES_MAX)
    by = _by(asker, body.user)
    customers = recorder_of(request).ledger.customers

    def work(connection: sa.Connection) -> dict[str, Any]:
        return erase_customer(
            connection,
            customers.keys,
            pseudonym=body.pseudonym,
            customer_id=body.id,
            by=by,
            reason=body.reason,
        )

    done = await in_transaction(request, work)
    defer_job(engine_of(request), "maintain")
    return done


@router.get("/accesses")
def get_accesses(request: Request, _key: PersonalKey, limit: Limit = 100) -> dict[str, Any]:
    """List who resolved or erased which customer, when and why, the newest first."""
    with engine_of(request).connect() as connection:
        return {"accesses": list_accesses(connection, limit=limit)}

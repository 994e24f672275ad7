"""What people and runs do on the desk in these tests, over HTTP."""

from typing import Any

import sqlalchemy as sa

from purchasing.desk.proposals import Proposal, put_proposals, see
from stocktide.foundation.sessions import Sessions
from stocktide.foundation.users import set_user
from tests.conftest import Api


def propose(
    engine: sa.Engine,
    *,
    price_micros: int = 1_500_000,
    explanation: dict[str, Any] | None = None,
    **units: int,
) -> None:
    needs = [
        Proposal(
            "mill" if sku in "AB" else "dairy", sku, "S1", 1000 * quantity, explanation or {"need": quantity},
            at_risk_micros=10**6 * quantity, price_micros=price_micros, currency="EUR",
        )
        for sku, quantity in units.items()
    ]  # fmt: skip
    with engine.begin() as connection:
        seen = see(connection)
        put_proposals(connection, seen, needs, by="run")


def lines(api: Api, **asked: Any) -> dict[str, dict[str, Any]]:
    answer = api.read.get("/v1/orders", params=asked).json()
    assert answer["found"] == len(answer["lines"])
    return {line["product"]: line for line in answer["lines"]}


def decide(api: Api, *decisions: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    answer = api.operate.post("/v1/orders", json={"decisions": decisions, **more})
    found: list[dict[str, Any]] = answer.raise_for_status().json()["lines"]
    return found


def on(line: dict[str, Any], action: str, **more: Any) -> dict[str, Any]:
    return {"line": line["line_id"], "action": action, "seen": line["version"], **more}


def signed_in(engine: sa.Engine, name: str, role: str) -> str:
    """Return the text of a session of a new user, signed as the API under test expects."""
    sessions = Sessions(engine, "x" * 32, session_hours=1)
    with engine.begin() as connection:
        set_user(connection, name, "a long enough password", role)
        cookie = sessions.begin(connection, name, None)
    assert cookie is not None
    return cookie

"""Send a till's sales with the client of Stocktide: batched, retried, and kept on disk while the server is away.

URL=http://127.0.0.1:8420 KEY=stk_... python send_with_python.py SPOOL_FOLDER
"""

# ruff: noqa: T201 - a script for people
import os
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from stocktide.client import Client, Outcome

OPENED = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def tell(outcome: Outcome) -> None:
    """Show what a person must look at; a repeat is as good as the first time."""
    if not outcome.recorded:
        print(f"{outcome.event_id}: {outcome.reason}, {outcome.message}", file=sys.stderr)


def main() -> None:
    """Send one receipt of goods and five sales, each with an id of the till's own."""
    with Client(
        os.environ["URL"],
        os.environ["KEY"],
        source="/shops/S1/till-7",
        spool=Path(sys.argv[1]),
        on_outcome=tell,
    ) as client:
        goods = {"product": "A", "location": "S1"}
        client.send("receipt", {**goods, "quantity": 40}, id="delivery-88-1", time=OPENED)
        for number in range(1, 6):
            client.send(
                "sale",
                {
                    **goods,
                    "quantity": Decimal("0.750"),
                    "price": Decimal("1.99"),
                    "currency": "EUR",
                },
                # receipt and line: whatever the till does, the same line is never counted twice
                id=f"2026-03-02-{number:06d}-1",
                time=OPENED + timedelta(minutes=number),
            )
    print(f"{client.counts['accepted']} recorded, {client.counts['duplicate']} were already")


if __name__ == "__main__":
    main()

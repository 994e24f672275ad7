"""What a buyer should know of a morning's desk: as data, and in words."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from purchasing.desk.listing import LATE, list_lines
from purchasing.missing import list_missing
from purchasing.proposing.prepare import Defaults
from stocktide.foundation.database import statement

TOP = 5


def read_digest(connection: sa.Connection, defaults: Defaults, *, link: str) -> dict[str, Any]:
    """Return what stands on the desk: counts, sums by currency, and the lines that risk most. link: of the page.

    not_proposed: in words, what the newest run could not propose, and why.
    """
    opened = list_lines(connection, state="open", limit=TOP)
    return {
        "lines": opened.found,
        "cost": opened.cost,
        "at_risk": opened.at_risk,
        "waiting": list_lines(connection, state="waiting", limit=1).found,
        "late": list_lines(connection, state=LATE, limit=1).found,
        "not_proposed": list(connection.execute(statement("catalog/orders_waiting")).scalars()),
        "missing": list_missing(connection, defaults, limit=1)[1],
        "top": [_top(line) for line in opened.lines],
        "link": link,
    }


def digest_words(digest: Mapping[str, Any]) -> tuple[str, str]:
    """Return a digest's subject and text."""
    risk = _amounts(digest["at_risk"])
    subject = f"Orders: {_counted(digest['lines'], 'line')} to decide, {risk} at risk"
    told = [
        f"{_counted(digest['lines'], 'line')} to decide: cost {_amounts(digest['cost'])}; "
        f"sales of {risk} are at risk without them.",
    ]
    if digest["waiting"]:
        told.append(f"{_counted(digest['waiting'], 'line')} of them for a second approver.")
    if digest["late"]:
        told.append(f"{_counted(digest['late'], 'ordered line')} late: ask the suppliers.")
    told += [f"{why}." for why in digest["not_proposed"]]
    if digest["missing"]:
        told.append(
            f"{_counted(digest['missing'], 'term')} of buying not filled in; defaults stand in their place."
        )
    if digest["top"]:
        told += ["", "What risks most:"]
        told += [_line_words(line) for line in digest["top"]]
    return subject, "\n".join([*told, "", f"All lines: {digest['link']}", ""])


def _top(line: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "line_id",
        "product",
        "product_name",
        "location",
        "location_name",
        "supplier_name",
        "at_risk",
        "state",
    )
    return {**{name: line[name] for name in names}, "sentence": line["explanation"].get("sentence", "")}  # fmt: skip


def _line_words(line: Mapping[str, Any]) -> str:
    supplier = f" from {line['supplier_name']}" if line["supplier_name"] else ""
    return (
        f"- {line['product_name']} at {line['location_name']}{supplier}: {line['sentence']}".rstrip(
            ": "
        )
    )


def _amounts(sums: Mapping[str, float]) -> str:
    parts = [f"{amount:,.2f} {currency}".strip() for currency, amount in sums.items()]
    return " + ".join(parts) or "nothing that is known"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

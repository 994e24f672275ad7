"""Stocky's purchase orders as orders and receipts, so that lead times learn from them and what is open is on order."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from ingest.shopify.catalogue import Offer
from ingest.shopify.codes import code_of, short
from ingest.shopify.order_lines import OrderLine, numbers_of
from ingest.shopify.rows import BadCell, Export, LeftOut, Refused, Row, utc_text
from ingest.shopify.sales import Draft
from stocktide.domain.kinds import ORDER, RECEIPT

ZERO = Decimal(0)
# An order in one of these states is not placed yet, or gets nothing any more.
NOT_PLACED = ("draft", "pending", "unsent")
OVER = ("received", "closed", "complete", "completed", "cancelled", "canceled", "archived")
# What stands before the number of an order whose number one of the order desk has.
APART = "STOCKY-"
DRAFT, NOTHING_CAME = "not placed yet", "cancelled: nothing came, and nothing will"
UNDATED = "received, and nobody says when: nothing is open, and nothing can be learnt"


@dataclass(frozen=True)
class Purchase:
    """A line of a purchase order. ordered: units that came or are awaited; received: those that came on a known day."""

    row: Row
    number: str
    line: int
    product: str
    location: str
    supplier: str | None
    ordered: Decimal
    received: Decimal
    cost: Decimal | None
    currency: str | None
    at: datetime
    expected_on: str | None
    received_at: datetime | None

    @property
    def of(self) -> OrderLine:
        """Return which line of an order it is, and of what."""
        return OrderLine(self.number, self.line, self.product, self.location)

    @property
    def key(self) -> str:
        """Return what the line is known by."""
        return self.of.key


@dataclass
class Purchases:
    """What becomes of purchase orders. withdrawn: lines that are not on order, or not any more."""

    lines: list[Purchase] = field(default_factory=list)
    left_out: Counter[LeftOut] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    withdrawn: list[OrderLine] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)

    def as_recorded(self, recorded: Iterable[OrderLine]) -> "Purchases":
        """Return them with each line under the number that it has in the ledger."""
        known = numbers_of([*(line.of for line in self.lines), *self.withdrawn], recorded)
        return replace(
            self,
            lines=[replace(line, line=known[line.key]) for line in self.lines],
            withdrawn=[line._replace(line=known[line.key]) for line in self.withdrawn],
        )

    def numbered_apart(self, taken: Collection[str]) -> "Purchases":
        """Return them with a number of their own where the order desk has given theirs to another order."""

        def apart(number: str) -> str:
            return short(f"{APART}{number}") if number in taken else number

        return replace(
            self,
            lines=[replace(line, number=apart(line.number)) for line in self.lines],
            withdrawn=[line._replace(number=apart(line.number)) for line in self.withdrawn],
        )


def read_purchases(
    exports: Sequence[Export], *, zone: str, location: str, currency: str | None
) -> Purchases:
    """Read purchase orders. location, currency: of lines that name none; zone: of days and times without an offset."""
    found = Purchases()
    numbers: Counter[str] = Counter()
    newest = {row.text("number"): export for export in exports for row in export.rows}
    # of an order in several exports the last one counts
    rows = (row for ex in exports for row in ex.rows if newest[row.text("number")] is ex)
    for row in rows:
        try:
            number = row.text("number")
            if number is None:
                raise row.bad("missing_field", "number", "a line without the number of its order.")
            numbers[number] += 1
            _add(found, row, number, numbers[number], zone, location, currency)
        except BadCell as bad:
            found.refused.append(Refused(row.raw, bad.fault))
    return found


def _add(
    found: Purchases,
    row: Row,
    number: str,
    line: int,
    zone: str,
    location: str,
    currency: str | None,
) -> None:
    product = code_of(row.text("sku"), row.text("product") or "")
    if not product:
        raise row.bad("missing_field", "sku", "a line with neither a SKU nor a product.")
    ordered, received = row.number_in("quantity"), row.number_in("received", ZERO)
    status = (row.text("status") or "").casefold()
    when = row.instant("received at", zone) if received > 0 and row.text("received at") else None
    place = row.text("location") or location
    reason, open_units = _left(status, ordered, received, dated=when is not None)
    if reason is not None:
        found.left_out[row.file, reason] += 1
        found.examples.setdefault(reason, row.place)
        found.withdrawn.append(OrderLine(number, line, product, place))
        return
    found.names.setdefault(product, row.text("product") or product)
    expected = row.day("expected on")
    supplier = row.text("supplier")
    found.lines.append(
        Purchase(
            row,
            number,
            line,
            product,
            place,
            None if supplier is None else short(supplier),
            open_units,
            received if when is not None else ZERO,
            row.number_in("cost") if row.text("cost") else None,
            row.text("currency") or currency,
            row.instant("ordered at", zone),
            None if expected is None else expected.isoformat(),
            when,
        )
    )


def _left(
    status: str, ordered: Decimal, received: Decimal, *, dated: bool
) -> tuple[str | None, Decimal]:
    """Return why a line is left out, or None and how many units of it came or are awaited."""
    if status in NOT_PLACED:
        return DRAFT, ZERO
    awaited = ZERO if status in OVER else max(ordered - received, ZERO)
    units = awaited + (received if dated else ZERO)
    if units > 0:
        return None, units
    return (UNDATED if received > 0 else NOTHING_CAME), ZERO


def order_drafts(lines: Sequence[Purchase]) -> Iterator[Draft]:
    """Yield what was ordered."""
    for line in lines:
        data = {**_of(line), "quantity": f"{line.ordered:f}", "expected_on": line.expected_on}
        yield Draft(line.key, ORDER, utc_text(line.at), _said(data), line.row.place)


def receipt_drafts(
    lines: Sequence[Purchase], before: Mapping[tuple[str, int], Decimal]
) -> Iterator[Draft]:
    """Yield what came since the import before. before: units that are recorded as received, by order and line.

    Lines of one product and place may change places: of all of them no more comes than came since.
    """
    alike: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for line in lines:
        was = before.get((line.number, line.line), ZERO)
        alike[line.number, line.product, line.location] += line.received - was
    for line in lines:
        of = line.number, line.product, line.location
        came = min(line.received - before.get((line.number, line.line), ZERO), alike[of])
        if came > 0 and line.received_at is not None:
            alike[of] -= came
            data = {**_of(line), "quantity": f"{came:f}"}
            key = f"{line.key}:received:{line.received.normalize():f}"
            yield Draft(key, RECEIPT, utc_text(line.received_at), _said(data), line.row.place)


def newest_offers(lines: Sequence[Purchase]) -> dict[tuple[str, str], Offer]:
    """Return who sells what at which cost, by the newest order of each; the newest supplier of a product first."""
    found: dict[tuple[str, str], Offer] = {}
    for line in sorted(lines, key=lambda one: one.at, reverse=True):
        if line.supplier is not None:
            key = line.supplier, line.product
            found.setdefault(key, Offer(line.supplier, line.product, line.cost, line.currency))
    return found


def ranked(offers: Collection[Offer]) -> dict[tuple[str, str], int]:
    """Return the place of each supplier of a product, from 1, in the order in which they stand."""
    seen: defaultdict[str, int] = defaultdict(int)
    found = {}
    for offer in offers:
        seen[offer.product] += 1
        found[offer.supplier, offer.product] = seen[offer.product]
    return found


def _of(line: Purchase) -> dict[str, object]:
    """Return what order and receipt have in common."""
    return {
        "product": line.product,
        "location": line.location,
        "supplier": line.supplier,
        "order_id": line.number,
        "order_line": line.line,
        "cost": None if line.cost is None else f"{line.cost:f}",
        "currency": None if line.cost is None else line.currency,
    }


def _said(data: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in data.items() if value is not None}

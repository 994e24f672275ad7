"""What people should know of an import: per file what was left out, what was taken for what, and what to do next."""

from collections import Counter

from ingest.files.code_flags import code_warnings
from ingest.shopify.headers import INVENTORY, ORDERS, PURCHASES
from ingest.shopify.purchases import APART
from ingest.shopify.reading import ONLINE, Exports
from ingest.shopify.reconciliation import in_cents
from ingest.shopify.report import FileRead, Report
from ingest.shopify.rows import LeftOut

FIRST = "the header again"


def tell(report: Report, exports: Exports) -> None:
    """Put into a report what was read and what is to be said of it."""
    _files(report, exports)
    _orders(report, exports)
    _codes(report, exports)
    _rest(report, exports)
    report.next = list(_next(report, exports))


def _files(report: Report, exports: Exports) -> None:
    left_out: Counter[LeftOut] = Counter()
    for part in (exports.orders, exports.sales, exports.catalogue, exports.purchases):
        left_out += part.left_out
    for counted in exports.inventories:
        left_out[counted.file, "not stocked"] += counted.counts.not_stocked
    refused = Counter(one.fault.message.partition(",")[0] for one in exports.refused)
    for file in exports.files:
        name = file.path.name
        left_out[name, FIRST] += len(file.again)
        why = {reason: count for (of, reason), count in left_out.items() if of == name and count}
        report.files.append(FileRead(name, file.layout.kind, file.read, why, refused[name]))


def by_reason(left_out: Counter[LeftOut]) -> Counter[str]:
    """Return how many rows of all files are left out, by reason."""
    found: Counter[str] = Counter()
    for (_, reason), count in left_out.items():
        found[reason] += count
    return found


def _orders(report: Report, exports: Exports) -> None:
    sales = exports.sales
    for reason, count in by_reason(sales.left_out).items():
        report.note(f"Order lines not recorded, {reason}", count, [sales.examples[reason]])
    odd = [order.name for order in exports.orders.orders if not order.adds_up]
    report.note(
        "Orders whose lines and Discount Amount do not come to their Subtotal", len(odd), odd
    )
    unread = exports.orders.unread
    report.note("Orders refused whose Subtotal cannot be read, so that no sum has them", unread)
    for currency, sums in sorted(report.sums.items()):
        if sums.refunds_unknown:
            amount = f"{currency} {in_cents(sums.refunds_unknown)}"
            report.notes.append(
                f"{amount} was paid back for a part of an order: the export does not say for which goods, so no return "
                "is recorded."
            )
    if exports.orders.orders and any(
        not order.first.text("location") for order in exports.orders.orders
    ):
        report.notes.append(
            f"What was sold online leaves from {exports.online!r}, unless you name another location."
        )


def _codes(report: Report, exports: Exports) -> None:
    without = exports.sales.without_sku | exports.catalogue.without_sku
    for counted in exports.inventories:
        without |= counted.counts.without_sku
    report.note("Products without a SKU, whose name is their code", len(without), without)
    twice = exports.catalogue.twice
    report.note("SKUs of several variants, which count as one product", len(twice), twice)
    codes = Counter(sale.line.code for sale in exports.sales.sales)
    report.tally.warnings += code_warnings(
        "SKU", [(code, count, 1) for code, count in codes.items()]
    )


def _rest(report: Report, exports: Exports) -> None:
    skipped = exports.skipped
    report.note("Files that are no known export, and are not read", len(skipped), skipped)
    oversold = sum(one.counts.oversold for one in exports.inventories)
    report.note("Counts below zero (more is sold than there is), taken as nothing", oversold)
    for reason, count in by_reason(exports.purchases.left_out).items():
        example = [exports.purchases.examples[reason]]
        report.note(f"Lines of purchase orders not recorded, {reason}", count, example)
    said = "Orders of Stocky whose number the order desk gave to another order, recorded as"
    apart = [f"{APART}{number}" for number in report.renumbered]
    report.note(f"{said} {APART}…", len(apart), apart)
    report.note("Events said otherwise before, taken back and recorded again", report.edited)
    report.note("Events cancelled or removed since, taken back", report.taken_back)


def _next(report: Report, exports: Exports) -> list[str]:
    """Return what to do, in order."""
    kinds = {file.layout.kind for file in exports.files}
    said = []
    if report.tally.rejected:
        said.append(
            "Look at what was refused, fix the file, and import it again: stocktide rejects list"
        )
    if exports.before.online == ONLINE and exports.inventories and ORDERS not in kinds:
        said.append(
            f"Online sales stand at {ONLINE!r}, which has no stock: import the orders again, and they move to "
            f"{exports.online!r}."
        )
    if INVENTORY not in kinds:
        said.append(
            "Export the inventory, too: without counts no stock is known, and nothing is proposed."
        )
    if ORDERS not in kinds:
        said.append("Export the orders, too: forecasts are made of sales.")
    if report.dry_run:
        return [*said, "Import it: the same command without --dry-run."]
    learn = ["stocktide lead-times learn"] if PURCHASES in kinds else []
    return [*said, *learn, "stocktide forecast", "stocktide orders propose"]

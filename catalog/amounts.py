"""From the ledger's integers to what people read: thousandths to units, millionths to money."""

from decimal import Decimal
from typing import overload


@overload
def units(milli: int) -> float: ...
@overload
def units(milli: None) -> None: ...
def units(milli: int | None) -> float | None:
    """Convert thousandths to units."""
    return None if milli is None else milli / 1_000


@overload
def money(micros: int | Decimal) -> float: ...
@overload
def money(micros: None) -> None: ...
def money(micros: int | Decimal | None) -> float | None:
    """Convert millionths to currency units."""
    return None if micros is None else float(micros / 1_000_000)

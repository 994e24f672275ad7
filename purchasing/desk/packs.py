"""What a buyer may order of a product: whole packs and multiples, and no less than the minimum, as runs do."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import lcm
from typing import Any

from purchasing.desk.lines import Decision, Line
from stocktide.domain.exact_numbers import in_full
from stocktide.foundation.errors import Invalid

WHOLE, LEAST_PART = 1_000, 1


@dataclass(frozen=True)
class Packs:
    """In what amounts a product is ordered, thousandths of a unit. pack: None where nobody said one."""

    step: int = LEAST_PART
    minimum: int = 0
    pack: int | None = None
    supplier: str = ""

    def fits(self, milli: int) -> bool:
        """Return True if so much can be ordered."""
        return milli % self.step == 0 and milli >= self.minimum

    def below(self, milli: int) -> int:
        """Return the most that can be ordered of an amount, 0 where it is too little."""
        most = milli // self.step * self.step
        return most if most >= self.minimum else 0

    def above(self, milli: int) -> int:
        """Return the least that can be ordered and is not less than an amount."""
        return -(-max(milli, self.minimum) // self.step) * self.step

    @property
    def words(self) -> str:
        """Say in what amounts it is ordered."""
        said = f"steps of {in_full(self.step / 1000)}"
        if self.pack == self.step != WHOLE:
            said = f"packs of {in_full(self.pack / 1000)}"
        elif self.step == WHOLE:
            said = "whole units"
        least = f", at least {in_full(self.minimum / 1000)}" if self.minimum > self.step else ""
        return f"is ordered from {self.supplier} in {said}{least}"


def packs_of(row: Mapping[str, Any]) -> Packs:
    """Return in what amounts a line's product is ordered. row: of lock_lines, with what its supplier says.

    A product that nobody said a pack of comes whole, unless it is weighed.
    """
    pack = row["pack_milli"] or (WHOLE if row["unit"] == "each" else LEAST_PART)
    step = lcm(pack, row["multiple_milli"] or LEAST_PART)
    return Packs(step, row["minimum_milli"] or 0, row["pack_milli"], row["supplier"])


def check_quantity(line: Line, decision: Decision, packs: Packs) -> None:
    """Raise Invalid where a buyer's number cannot be ordered, with what can be instead and what it costs.

    line: as it was; its price. Of a split neither part may be such a number.
    """
    asked = decision.quantity_milli
    if not asked or decision.action not in ("change", "split"):
        return
    if decision.action == "change" and asked == line.proposed_milli:
        return  # as the run has it, which knows more
    whole = line.quantity_milli
    is_split = decision.action == "split"
    parts = (asked, whole - asked) if is_split else (asked,)
    if all(map(packs.fits, parts)):
        return
    near = {packs.below(asked), packs.above(asked)} - {0}
    if is_split:
        near = {one for one in near if one < whole and packs.fits(whole - one)}
    what = " or ".join(_costed(line, one) for one in sorted(near))
    instead = f"order {what}" if what else f"it cannot be split; order all {_costed(line, whole)}"
    left = f" and leave {in_full((whole - asked) / 1000)}" if is_split else ""
    raise Invalid(
        "quantity",
        f"Line {line.line_id}: {line.product} {packs.words}: {instead}, not {in_full(asked / 1000)}{left}.",
    )


def _costed(line: Line, milli: int) -> str:
    """Say a quantity, and what it costs where its price is known."""
    said = in_full(milli / 1000)
    if line.price_micros is None:
        return said
    amount = in_full(round(milli * line.price_micros / 1000) / 1e6, 2)
    return f"{said} for {amount} {line.currency or ''}".rstrip()

"""Units that a sender may count in, and how many of the product's own unit one of them is."""

from collections.abc import Mapping
from fractions import Fraction

# Mass in grams, volume in millilitres: what is of one kind can be turned into each other.
MASS = {"mg": Fraction(1, 1000), "g": Fraction(1), "kg": Fraction(1000), "t": Fraction(10**6)}
VOLUME = {"ml": Fraction(1), "cl": Fraction(10), "l": Fraction(1000), "hl": Fraction(10**5)}


def factor(unit: str, own: str, packs: Mapping[str, object]) -> Fraction | None:
    """How many of the product's own unit are in one `unit`; None where the two have nothing to do with each other.

    packs: units in one pack, by the pack's name, as the product tells them.
    """
    if unit == own:
        return Fraction(1)
    if unit in packs:
        return Fraction(str(packs[unit]))
    for family in (MASS, VOLUME):
        if unit in family and own in family:
            return family[unit] / family[own]
    return None


def converted(quantity_milli: int, by: Fraction) -> int | None:
    """The quantity in the product's own unit, None where it is no whole number of thousandths."""
    exact = quantity_milli * by
    return exact.numerator if exact.denominator == 1 else None

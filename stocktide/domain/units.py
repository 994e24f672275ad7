"""Units that a sender may count in, and how many of the product's own unit one of them is.

The one converter, for every door. A unit has many spellings: a code of UN/ECE Recommendation 20, as EPCIS has them, or
a name that people use. What cannot be kept exactly in thousandths of the product's own unit is refused, never rounded.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

Dimension = Literal["count", "mass", "volume", "length", "area"]
# A code: what it measures, and how many kilograms, litres, metres, square metres or pieces one of it is.
CODES: Mapping[str, tuple[Dimension, Fraction]] = {
    **{code: ("count", Fraction(1)) for code in ("C62", "EA", "H87", "NAR", "NMB", "PCE", "XUN")},
    "PR": ("count", Fraction(2)),
    "DZN": ("count", Fraction(12)),
    "KGM": ("mass", Fraction(1)),
    "GRM": ("mass", Fraction("0.001")),
    "MGM": ("mass", Fraction("0.000001")),
    "HGM": ("mass", Fraction("0.1")),
    "TNE": ("mass", Fraction(1000)),
    "LBR": ("mass", Fraction("0.45359237")),
    "ONZ": ("mass", Fraction("0.028349523125")),
    "LTR": ("volume", Fraction(1)),
    "MLT": ("volume", Fraction("0.001")),
    "CLT": ("volume", Fraction("0.01")),
    "DLT": ("volume", Fraction("0.1")),
    "HLT": ("volume", Fraction(100)),
    "MTQ": ("volume", Fraction(1000)),
    "GLL": ("volume", Fraction("3.785411784")),
    "MTR": ("length", Fraction(1)),
    "MMT": ("length", Fraction("0.001")),
    "CMT": ("length", Fraction("0.01")),
    "KMT": ("length", Fraction(1000)),
    "FOT": ("length", Fraction("0.3048")),
    "YRD": ("length", Fraction("0.9144")),
    "MTK": ("area", Fraction(1)),
    "CMK": ("area", Fraction("0.0001")),
    "FTK": ("area", Fraction("0.09290304")),
}
# How people name them.
NAMES: Mapping[str, str] = {
    **dict.fromkeys(("each", "ea", "piece", "pieces", "pcs", "pc", "unit", "units", "st"), "C62"),
    **dict.fromkeys(("pair",), "PR"),
    **dict.fromkeys(("dozen",), "DZN"),
    **dict.fromkeys(("kg", "kilogram", "kilograms", "kilo"), "KGM"),
    **dict.fromkeys(("g", "gram", "grams"), "GRM"),
    **dict.fromkeys(("mg",), "MGM"),
    **dict.fromkeys(("t", "tonne", "tonnes"), "TNE"),
    **dict.fromkeys(("lb", "lbs", "pound", "pounds"), "LBR"),
    **dict.fromkeys(("oz", "ounce", "ounces"), "ONZ"),
    **dict.fromkeys(("l", "litre", "litres", "liter", "liters"), "LTR"),
    **dict.fromkeys(("ml", "millilitre", "milliliter"), "MLT"),
    **dict.fromkeys(("cl",), "CLT"),
    **dict.fromkeys(("dl",), "DLT"),
    **dict.fromkeys(("hl",), "HLT"),
    **dict.fromkeys(("m3", "m³"), "MTQ"),
    **dict.fromkeys(("gal", "gallon", "gallons"), "GLL"),
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), "MTR"),
    **dict.fromkeys(("cm",), "CMT"),
    **dict.fromkeys(("mm",), "MMT"),
    **dict.fromkeys(("km",), "KMT"),
    **dict.fromkeys(("ft", "foot", "feet"), "FOT"),
    **dict.fromkeys(("yd", "yard", "yards"), "YRD"),
    **dict.fromkeys(("m2", "m²"), "MTK"),
}
EACH = "C62"
# What the ledger calls the unit of a product that is made when goods of a code are first seen.
SHORT_NAMES: Mapping[str, str] = {
    code: name for name, code in reversed(list(NAMES.items())) if CODES[code][0] != "count"
}


def code_of(unit: str) -> str:
    """Return a unit in one spelling: its code, or itself in capitals where it is not known."""
    name = unit.strip()
    return NAMES.get(name.lower(), name.upper())


def factor(unit: str, own: str, packs: Mapping[str, object]) -> Fraction | None:
    """Return how many of the product's own unit are in one `unit`; None if the two measure different things.

    packs: units in one pack, by the pack's name, as the product tells them; they go before units of the same name.
    """
    if unit == own:
        return Fraction(1)
    if unit in packs:
        return Fraction(str(packs[unit]))
    given, wanted = code_of(unit), code_of(own)
    if given == wanted:
        return Fraction(1)
    if given not in CODES or wanted not in CODES:
        return None
    (dimension, size), (wanted_dimension, wanted_size) = CODES[given], CODES[wanted]
    return size / wanted_size if dimension == wanted_dimension else None


def converted(quantity_milli: int | Fraction, by: Fraction) -> int | None:
    """Return the quantity in the product's own unit, or None if it is not a whole number of thousandths."""
    exact = quantity_milli * by
    return exact.numerator if exact.denominator == 1 else None


def short_name(code: str | None) -> str | None:
    """Return the ledger's name of a unit whose product is not known; None for pieces."""
    if code is None or CODES.get(code) == CODES[EACH]:
        return None
    return SHORT_NAMES.get(code, code)

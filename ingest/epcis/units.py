"""Unit codes of UN/ECE Recommendation 20, as EPCIS has them, to the units that products are kept in."""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Literal

Dimension = Literal["count", "mass", "volume", "length", "area"]
# A code: what it measures, and how many kilograms, litres, metres, square metres or pieces one of it is.
CODES: Mapping[str, tuple[Dimension, Decimal]] = {
    **{code: ("count", Decimal(1)) for code in ("C62", "EA", "H87", "NAR", "NMB", "PCE", "XUN")},
    "PR": ("count", Decimal(2)),
    "DZN": ("count", Decimal(12)),
    "KGM": ("mass", Decimal(1)),
    "GRM": ("mass", Decimal("0.001")),
    "MGM": ("mass", Decimal("0.000001")),
    "HGM": ("mass", Decimal("0.1")),
    "TNE": ("mass", Decimal(1000)),
    "LBR": ("mass", Decimal("0.45359237")),
    "ONZ": ("mass", Decimal("0.028349523125")),
    "LTR": ("volume", Decimal(1)),
    "MLT": ("volume", Decimal("0.001")),
    "CLT": ("volume", Decimal("0.01")),
    "DLT": ("volume", Decimal("0.1")),
    "HLT": ("volume", Decimal(100)),
    "MTQ": ("volume", Decimal(1000)),
    "GLL": ("volume", Decimal("3.785411784")),
    "MTR": ("length", Decimal(1)),
    "MMT": ("length", Decimal("0.001")),
    "CMT": ("length", Decimal("0.01")),
    "KMT": ("length", Decimal(1000)),
    "FOT": ("length", Decimal("0.3048")),
    "YRD": ("length", Decimal("0.9144")),
    "MTK": ("area", Decimal(1)),
    "CMK": ("area", Decimal("0.0001")),
    "FTK": ("area", Decimal("0.09290304")),
}
# How people name the unit of a product.
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
THOUSANDTH = Decimal("0.001")
# Wide enough for the sum of the largest quantities, from tonnes to milligrams.
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


def in_unit_of_product(quantity: Decimal, code: str | None, unit: str) -> Decimal | None:
    """Convert a quantity to a product's unit; None where the two do not measure the same.

    What is converted is rounded to the thousandths of the ledger; a quantity in the product's own unit never is.
    code: of Recommendation 20, None for a number of pieces. unit: the product's, as people name it.
    """
    wanted = NAMES.get(unit.strip().lower(), unit.strip().upper())
    given = code or EACH
    if given == wanted or (given in CODES and CODES[given] == CODES.get(wanted)):
        return quantity
    if given not in CODES or wanted not in CODES:
        return None
    (dimension, factor), (wanted_dimension, wanted_factor) = CODES[given], CODES[wanted]
    if dimension != wanted_dimension:
        return None
    converted = EXACT.divide(EXACT.multiply(quantity, factor), wanted_factor)
    return EXACT.quantize(converted, THOUSANDTH)


# How the ledger calls the units that it converts by itself.
LEDGER_UNITS = {
    "MGM": "mg",
    "GRM": "g",
    "KGM": "kg",
    "TNE": "t",
    "MLT": "ml",
    "CLT": "cl",
    "LTR": "l",
    "HLT": "hl",
}


def ledger_unit(code: str | None) -> str | None:
    """The unit of goods whose product is not known, as the ledger calls it; None for pieces."""
    if code is None or CODES.get(code) == CODES[EACH]:
        return None
    return LEDGER_UNITS.get(code, code)

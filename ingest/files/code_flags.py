"""Codes of products and locations that are probably not what they look like: flagged, never changed."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator

# Cyrillic and Greek letters that look like Latin ones, and dashes that look like a hyphen.
LOOK_ALIKE = str.maketrans(
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405\u0430"
    "\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0391\u0392\u0395\u0396\u0397\u0399\u039a"
    "\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf\u03bd\u051b\u051d\u0501\u04bb\u2010\u2011\u2012"
    "\u2013\u2014\u2212",
    "ABEKMHOPCTYXIJSaeopcyxijsABEZHIKMNOPTYXovqwdh------",
)
SCIENTIFIC = re.compile(r"\d([.,]\d+)?[eE]\+\d+")
# Invisible, though Unicode counts them as letters, marks or symbols.
BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
VARIATION_SELECTORS = range(0xFE00, 0xFE10)
Codes = Iterable[tuple[str, int, int]]


def code_warnings(place: str, codes: Codes) -> list[str]:
    """Return a warning for each way in which codes are odd, with its count and an example.

    place: product.sku or location.code. codes: each code with its number of rows and its first row.
    """
    codes = list(codes)
    warnings = []
    for said, is_odd in ODD.items():
        odd = [found for found in codes if is_odd(found[0])]
        if odd:
            code, _, row = odd[0]
            rows = sum(count for _, count, _ in odd)
            warnings.append(
                f"{place}: {len(odd)} {said} ({rows} rows), such as {_shown(code)}, row {row}."
            )
    return warnings + list(_beside(place, codes))


def _beside(place: str, codes: list[tuple[str, int, int]]) -> Iterator[str]:
    """Yield the warning of codes that differ only in what is hard to see."""
    first: dict[str, str] = {}
    pairs = []
    for code, _, row in codes:
        other = first.setdefault(skeleton(code), code)
        if other != code:
            pairs.append((code, row, other))
    if pairs:
        code, row, other = pairs[0]
        yield (
            f"{place}: {len(pairs)} differ from another code only in case, spaces, or characters that look alike,"
            f" such as {_shown(code)}, row {row}, beside {_shown(other)}."
        )


def skeleton(code: str) -> str:
    """Return what a reader sees of a code, without case and spaces."""
    seen = "".join(c for c in code if not _is_invisible(c))
    alike = unicodedata.normalize("NFKC", seen).translate(LOOK_ALIKE)
    return "".join(alike.split()).casefold()


def _is_invisible(char: str) -> bool:
    if char in BLANKS or ord(char) in VARIATION_SELECTORS:
        return True
    return unicodedata.category(char) in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")


def _has_invisible(code: str) -> bool:
    return any(_is_invisible(c) or (unicodedata.category(c) == "Zs" and c != " ") for c in code)


def _has_look_alike(code: str) -> bool:
    """Return True if Latin letters stand beside letters of other scripts that look like them, or wide digits."""
    if code.isascii():
        return False
    latin = any("LATIN" in unicodedata.name(c, "") for c in code if c.isalpha())
    alike = any(c.isalpha() and c != c.translate(LOOK_ALIKE) for c in code)
    return (latin and alike) or unicodedata.normalize("NFKC", code) != unicodedata.normalize(
        "NFC", code
    )


def _shown(code: str) -> str:
    """Return a code so that everything in it can be seen."""
    shown = "".join(
        c
        if c.isascii() and c.isprintable()
        else f"\\u{ord(c):04x}"
        if ord(c) < 2**16
        else f"\\U{ord(c):08x}"
        for c in code[:60]
    )
    return f"'{shown}'"


ODD: dict[str, Callable[[str], bool]] = {
    "written as a number in scientific notation, which lost digits in a spreadsheet": lambda code: (
        SCIENTIFIC.fullmatch(code.strip()) is not None
    ),
    "with spaces at the start or end": lambda code: code != code.strip(" "),
    "with invisible characters or spaces that are not plain": _has_invisible,
    "with letters of another script that look like Latin ones, or wide characters": _has_look_alike,
    "with a quote mark at the start": lambda code: code[0] in "\"'`",
}

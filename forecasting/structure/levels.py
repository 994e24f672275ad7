"""The levels of a hierarchy as the user writes them: a list of lists of keys."""

from collections.abc import Sequence

from stocktide.foundation.errors import Invalid

Level = tuple[str, ...]
Levels = tuple[Level, ...]

# The keys that a daily_demand row can be grouped by, product side first.
KNOWN_KEYS = ("product", "department", "category", "location", "region", "country")


def level_name(keys: Sequence[str]) -> str:
    """Return a level's name: "total" for no keys, else the keys joined, e.g. "region / location"."""
    return " / ".join(keys) if keys else "total"


def parse_levels(levels: object, *, known: Sequence[str] = KNOWN_KEYS) -> Levels:
    """Check a hierarchy spec, e.g. [[], ["region"], ["region", "location"], ["location", "product"]].

    Raises Invalid: `levels_type`, `levels_empty`, `level_unknown_key`, `level_duplicate`, `leaf_not_last`
    (the last level must have keys, for it names the leaves).
    """
    if not isinstance(levels, list | tuple):
        raise Invalid(
            "levels_type", f"levels is a list of lists of keys, not {type(levels).__name__}."
        )
    if not levels:
        raise Invalid(
            "levels_empty", 'levels is empty; the smallest one is [[], ["location", "product"]].'
        )
    parsed = tuple(_parse_level(level, position, known) for position, level in enumerate(levels, 1))
    _refuse_repeats(parsed)
    if not parsed[-1]:
        raise Invalid(
            "leaf_not_last", "The last level names the leaves, so it needs keys; put [] first."
        )
    return parsed


def _parse_level(level: object, position: int, known: Sequence[str]) -> Level:
    if not isinstance(level, list | tuple) or not all(isinstance(key, str) for key in level):
        raise Invalid(
            "levels_type",
            f"Level {position} is a list of keys (texts), not {level!r}.",
            level=position,
        )
    for key in level:
        if key not in known:
            raise Invalid(
                "level_unknown_key",
                f"Level {position} names the key {key!r}; known keys: {', '.join(known)}.",
                key=key,
            )
    if len(set(level)) < len(level):
        raise Invalid("level_duplicate", f"Level {position} names a key twice: {list(level)}.")
    return tuple(level)


def _refuse_repeats(levels: Levels) -> None:
    seen: dict[frozenset[str], int] = {}
    for position, level in enumerate(levels, 1):
        earlier = seen.setdefault(frozenset(level), position)
        if earlier != position:
            raise Invalid(
                "level_duplicate",
                f"Levels {earlier} and {position} are the same: {level_name(level)}.",
            )

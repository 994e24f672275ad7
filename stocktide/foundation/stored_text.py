"""Text that PostgreSQL can store: no NUL character, and no half of a surrogate pair, which is not UTF-8.

JSON can carry both (an escaped 0000 or d800), and so can file names and arguments. Each door refuses such text, or,
where it is only shown (an error's message, a file's name), keeps it with the character replaced.
"""

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
NUL_ESCAPED = "\\u0000"


def is_storable(text: str) -> bool:
    """Return True if PostgreSQL can store a text as it is."""
    return _UNSTORABLE.search(text) is None


def is_storable_json(text: str) -> bool:
    """Return True if PostgreSQL can store a JSON text as jsonb, which keeps no escaped NUL either."""
    return NUL_ESCAPED not in text and is_storable(text)


def storable(text: str) -> str:
    """Return a text with U+FFFD for each NUL and ? for each half of a pair, for showing."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")

"""Parameters of a statement of SQL: what it names as $name, to be given beside it."""

import re

_NAME = re.compile(r"\$([A-Za-z_]\w*)")


def names_in(text: str) -> list[str]:
    """Return the parameters that a statement names, in their order."""
    return list(dict.fromkeys(_NAME.findall(text)))

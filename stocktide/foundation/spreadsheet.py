"""Text of others in a file that people open in a spreadsheet: it is shown, and never run."""

import re

# What a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection), after marks that were set before.
_BEGINS = re.compile(r"'*[=+\-@\t\r]")


def shown_as_text(value: str) -> str:
    """Return a text that a spreadsheet shows as it is: one that looks like a formula gets an apostrophe before it."""
    return f"'{value}" if _BEGINS.match(value) else value


def text_of(shown: str) -> str:
    """Return the text that `shown_as_text` made."""
    return shown[1:] if shown.startswith("'") and _BEGINS.match(shown) else shown

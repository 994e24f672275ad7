"""Text of others in a file that people open in a spreadsheet: it is shown, and never run."""

# What a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection).
BEGINS = ("=", "+", "-", "@", "\t", "\r")


def shown_as_text(value: str) -> str:
    """Return a text that a spreadsheet shows as it is: one that looks like a formula gets an apostrophe before it."""
    return f"'{value}" if value.startswith(BEGINS) else value

"""How a fault travels out of the parsing functions, and what msgspec's messages mean in a sender's words."""

from ingest.parsing.events import Fault


class NotAnEvent(Exception):
    """Carries a Fault out of the parsing functions; caught by the parser alone."""

    def __init__(self, reason: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.fault = Fault(reason, message, field)


def not_valid(message: str, within: str) -> NotAnEvent:
    """Translate msgspec's message: `Expected `str`, got `int` - at `$.id``."""
    what, _, path = message.partition(" - at `$")
    field = (within + path.rstrip("`")).lstrip(".") or None
    if "missing required field" in what:
        name = what.rsplit("`", 2)[-2]
        full = f"{within}.{name}" if within else name
        return NotAnEvent("missing_field", f"The field {full} is missing.", full)
    if "unknown field" in what:
        name = what.rsplit("`", 2)[-2]
        full = f"{within}.{name}" if within else name
        return NotAnEvent("unknown_field", f"The field {full} is unknown for this kind.", full)
    return NotAnEvent("wrong_type", f"{field or 'The event'}: {what}.", field)

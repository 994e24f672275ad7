"""Sources of events that Stocktide sends itself, and nobody else may."""

# The order desk: orders, what is cancelled of them, and moves between shops.
ORDERS = "/stocktide/orders"
# Movements that captured EPCIS events make.
EPCIS = "urn:stocktide:epcis"
# Under these stand all of them, also those to come.
RESERVED = ("/stocktide/", "urn:stocktide:")


def is_reserved(source: str) -> bool:
    """Return True if a source is one of Stocktide's own."""
    return source.startswith(RESERVED)

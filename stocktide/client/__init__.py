"""Send stock events to a Stocktide server: batched, retried with the same ids, kept on disk while it is away.

The package needs httpx and msgspec and nothing else of Stocktide: the folder may be copied into a sender's own code.
"""

from stocktide.client.client import Client
from stocktide.client.errors import (
    ClientError,
    Refused,
    SpoolInUse,
    SpoolUnsupported,
    StoreFull,
    Undelivered,
)
from stocktide.client.events import Outcome

__all__ = [
    "Client",
    "ClientError",
    "Outcome",
    "Refused",
    "SpoolInUse",
    "SpoolUnsupported",
    "StoreFull",
    "Undelivered",
]

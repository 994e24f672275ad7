"""When data is late: one rule for the strip on every page and for the verdict on System."""

from datetime import datetime
from typing import Any

LAKE_LATE_S = 900


def is_data_late(known: dict[str, Any], now: datetime) -> bool:
    """Return True if events came after the last update of the data, and that is long ago.

    known: the row of catalog/freshness.
    """
    updated, received = known["lake_updated_at"], known["last_received"]
    if updated is None or received is None or received <= updated:
        return False
    return bool((now - updated).total_seconds() > LAKE_LATE_S)

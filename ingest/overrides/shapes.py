"""An override: the fields that a planner fills in."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

OverrideId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]{0,99}$")]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Note = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Reason = Literal[
    "promotion",
    "local_event",
    "weather",
    "competitor",
    "new_customer",
    "assortment",
    "supply",
    "forecast_wrong",
    "other",
]


class OverrideIn(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A change of the forecast of all that fits the scope, from a day to a day, both included.

    id: the sender's own; without one it follows from the content. product to country: what is left out does not limit
    it. change: `set` makes the forecast of these days `value` units in all, `add` adds as many (below 0: fewer),
    `percent` adds so many per cent. expires_on: the last day on which it counts. known_since: when it was decided, for
    overrides that are recorded later; never after now.
    """

    id: OverrideId | None = None
    product: Label | None = None
    department: Label | None = None
    category: Label | None = None
    location: Label | None = None
    region: Label | None = None
    country: Label | None = None
    change: Literal["set", "add", "percent"]
    value: float
    from_: date = msgspec.field(name="from")
    to: date
    reason: Reason
    note: Note | None = None
    expires_on: date | None = None
    known_since: datetime | None = None


SCOPE = ("product", "department", "category", "location", "region", "country")

"""The five kinds of plan: the fields that a sender fills in."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from stocktide.domain.exact_numbers import Number

PlanId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]{0,99}$")]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
# An effect that lasts longer than two months around its day is a season, not an event.
Around = Annotated[int, msgspec.Meta(ge=0, le=60)]


class Place(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Scope of a plan by place; what is left out does not limit it.

    id: the sender's own, unique in its kind; without one it follows from the content. known_since: when it was decided,
    for plans that are recorded later; never after now.
    """

    id: PlanId | None = None
    location: Label | None = None
    region: Label | None = None
    country: Label | None = None
    known_since: datetime | None = None


class Scope(Place, kw_only=True):
    """Scope of a plan by place and product."""

    product: Label | None = None
    department: Label | None = None
    category: Label | None = None


class EventIn(Scope, kw_only=True):
    """A day that people know by name. The days around it that feel it have effects of their own."""

    name: Label
    day: date
    days_before: Around = 0
    days_after: Around = 0


class PriceIn(Scope, kw_only=True):
    """A selling price, in the product's currency. Without `to` it stays until another one is planned."""

    from_: date = msgspec.field(name="from")
    to: date | None = None
    price: Number


class PromotionIn(Scope, kw_only=True):
    """A promotion from a day to a day, both included, with its price or the share that is taken off."""

    from_: date = msgspec.field(name="from")
    to: date
    kind: Label = "promotion"
    price: Number | None = None
    discount: float | None = None


class ClosureIn(Place, kw_only=True):
    """Days on which a location does not open, or opens after all."""

    from_: date = msgspec.field(name="from")
    to: date
    state: Literal["closed", "open"] = "closed"


class RegressorIn(Scope, kw_only=True):
    """Any other number that is known ahead: temperature, footfall of the mall, minutes of advertising."""

    name: Label
    from_: date = msgspec.field(name="from")
    to: date
    value: float


PlanIn = EventIn | PriceIn | PromotionIn | ClosureIn | RegressorIn
SCOPE = ("product", "department", "category", "location", "region", "country")

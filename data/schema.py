"""The shapes of the events: CloudEvents 1.0 and the data of each kind (docs: the event contract)."""

import msgspec


class OrderLine(msgspec.Struct):
    """Data of a sale or a return."""

    product: str
    location: str
    quantity: float
    price: float
    currency: str
    order_id: str
    order_line: int
    channel: str
    customer_id: str | msgspec.UnsetType = msgspec.UNSET


class Receipt(msgspec.Struct):
    """Data of a delivery."""

    product: str
    location: str
    quantity: float
    supplier: str
    order_id: str
    order_line: int


class Order(msgspec.Struct):
    """Data of a line of an order placed at a supplier."""

    product: str
    location: str
    quantity: float
    supplier: str
    order_id: str
    order_line: int
    cost: float
    currency: str
    expected_on: str


class Transfer(msgspec.Struct):
    """Data of a transfer; `location` is where the goods leave."""

    product: str
    location: str
    to_location: str
    quantity: float


class Adjustment(msgspec.Struct):
    """Data of a booked correction."""

    product: str
    location: str
    quantity: float
    reason: str


class Stocktake(msgspec.Struct):
    """Data of a count."""

    product: str
    location: str
    counted: float


class Reading(msgspec.Struct):
    """Data of a shelf sensor's reading."""

    product: str
    location: str
    observed: float
    device: str


class Price(msgspec.Struct):
    """Data of a price that holds from the event's time on."""

    product: str
    location: str
    price: float
    currency: str
    promotion: bool


class Correction(msgspec.Struct):
    """Data of a correction: another event of the same source never was."""

    corrects_id: str
    reason: str


Data = (
    OrderLine | Receipt | Order | Transfer | Adjustment | Stocktake | Reading | Price | Correction
)


class CloudEvent(msgspec.Struct):
    """The envelope."""

    specversion: str
    id: str
    source: str
    type: str
    time: str
    data: Data

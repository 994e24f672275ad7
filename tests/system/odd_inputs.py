"""Inputs that nearly fit: odd numbers, times, names and zones, in events and master data, from a seed."""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from tests.ingest.epcis.documents import CONTEXT, LOT_CLASS, sgtin
from tests.ingest.epcis.documents import event as epcis_event

NUMBERS: tuple[Any, ...] = (
    "1e1000000", "1e-1000000", "1e400", "-1e400", "1e308", "1e30", "1e15", "1e9", "1E+9", "1e-3", "1e-4", "1e-400",
    "0.001",
    "0.0001", "0", "-0", "-1", "+1", "1.", ".5", "1_000", "1,5", "\u0661", "\uff11", "NaN", "sNaN", "Infinity", "0x10",
    "", " 1 ",
    "9223372036854775807", "9223372036854775.808", "1000000000", "1000000000.001", "999999999.999", True, None, [],
    {},
    10**400, 2**63, 2**64, -(2**63), 1e308, 5e-324, 0.1, 1e9, 1e-9, 10**9, 0, -1, 1.5, "9" * 400,
    "0." + "0" * 400 + "1",
)  # fmt: skip
TIMES: tuple[Any, ...] = (
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "1969-12-31T23:59:59Z",
    "2000-02-29T12:00:00Z",
    "2026-02-29T12:00:00Z", "2026-03-29T02:30:00+01:00", "2026-10-25T02:30:00Z", "2016-12-31T23:59:60Z",
    "2026-01-01", "now",
    "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00+99:00", "2026-W01-1", 0, 1e18, None, "",
    "2026-01-01T00:00:00.123456789123Z", "-2026-01-01T00:00:00Z", "+12026-01-01T00:00:00Z",
)  # fmt: skip
ZONES: tuple[Any, ...] = (
    "UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Apia", "Pacific/Kiritimati",
    "Etc/GMT+12",
    "localtime", "posixrules", "Factory", "Mars/Olympus", "utc", "GMT0", "", " UTC", "Europe/Berlin\n",
    "../etc/passwd", "EST5EDT",
    "Australia/Lord_Howe", "right/UTC", None, 5, "+02:00",
)  # fmt: skip
NAMES: tuple[str, ...] = (
    "total", "location / product", "(no category)", "(other products)", "nan", "None", "null", "NULL", " ", "  x ",
    "\\.", '"',
    "a/b", "a", "b", "%2F", "%252F", "x" * 200, "x" * 201, "é", "e\u0301", "\u202eabc", "1e5", "\t", "a\nb", "'--",
    "S1", "0",
    "-1", "../x", "A?b=c#d", "😀", "A ", "A", "<b>x</b>", "$x^2$", "**x**", "[x](y)", "\u0000", "\ufeffA", "=1+1",
)  # fmt: skip
CODES = (*(f"P{n}" for n in range(12)), *NAMES)
PLACES = (*(f"S{n}" for n in range(5)), "a/b", "total", " ", "é")
KINDS = (
    "sale", "sale", "sale", "sale", "receipt", "receipt", "return", "adjustment", "transfer", "stocktake",
    "reading", "price",
    "dispatch", "arrival", "order", "reservation", "release", "correction", "waste", "gift",
)  # fmt: skip
CURRENCIES = ("EUR", "JPY", "USD", "eur", "EURO", "", None, "XXX")
DAYS = 60
# Share of events of the largest amount: of 20,000 inputs enough that a day of their product overflows.
HEAVY = 0.15


class OddInputs:
    """Makes inputs from a seed; about half of them fit."""

    def __init__(self, number: int, now: datetime) -> None:
        self.rng, self.now, self.count, self.tag = random.Random(number), now, 0, f"{number:x}"

    def _odd(self, plain: Any, odd: tuple[Any, ...], share: float = 0.12) -> Any:
        return self.rng.choice(odd) if self.rng.random() < share else plain

    def _time(self) -> Any:
        back = timedelta(days=self.rng.randrange(DAYS), seconds=self.rng.randrange(86_400))
        return self._odd((self.now - back).isoformat(), TIMES, 0.06)

    def _number(self) -> Any:
        if self.rng.random() < 0.04:
            # as much as the door lets in, and a little more
            return self.rng.choice((100, 10**8, 10**9, 10**10, "99999.999", "100000.001"))
        return self._odd(self.rng.choice((1, 2, 5, "0.5", 12)), NUMBERS)

    def event(self) -> dict[str, Any]:
        """Make an event of some kind."""
        rng = self.rng
        self.count += 1
        if rng.random() < HEAVY:
            return self._heavy()
        kind = rng.choice(KINDS)
        number = rng.randrange(self.count + 1) if rng.random() < 0.1 else self.count
        data: dict[str, Any] = {
            "product": rng.choice(CODES),
            "location": rng.choice(PLACES),
            "quantity": self._number(),
        }
        more = {
            "price": self._number, "cost": self._number, "observed": self._number, "counted": self._number,
            "currency": lambda: rng.choice(CURRENCIES), "to_location": lambda: rng.choice(PLACES),
            "reason": lambda: rng.choice(NAMES), "order_id": lambda: rng.choice(NAMES),
            "lot": lambda: rng.choice(NAMES),
            "unit": lambda: rng.choice(("each", "kg", "g", "case", "", "furlong")), "transfer_id": lambda: "T1",
            "reservation_id": lambda: "R1", "corrects_id": lambda: f"{self.tag}-{rng.randrange(self.count + 1)}",
            "expires_on": lambda: rng.choice(("2027-01-01", "0000-00-00", "9999-12-31", "x")),
            "order_line": self._number,
            "promotion": lambda: rng.choice((True, False, "true", 1)), "line_total": self._number,
        }  # fmt: skip
        needed = {
            "stocktake": ("counted",), "reading": ("observed",), "price": ("price", "currency"),
            "transfer": ("to_location",),
            "dispatch": ("to_location", "transfer_id"), "arrival": ("transfer_id",), "order": ("order_id",),
            "reservation": ("reservation_id",), "release": ("reservation_id",), "correction": ("corrects_id",
            "reason"),
            "adjustment": ("reason",), "sale": ("price", "currency"), "receipt": ("cost", "currency"),
        }  # fmt: skip
        for name in needed.get(kind, ()):
            data[name] = more[name]()
        if rng.random() < 0.25:
            name = rng.choice(list(more))
            data[name] = more[name]()
        if kind in ("stocktake", "reading", "price", "correction"):
            del data["quantity"]
        if kind == "correction":
            del data["product"], data["location"]
        return {
            "specversion": "1.0", "id": f"{self.tag}-{number}", "source": "/fuzz", "type": f"stocktide.{kind}",
            "time": self._time(), "data": data,
        }  # fmt: skip

    def _heavy(self) -> dict[str, Any]:
        """Make a sale or receipt of the largest amount, always of one day: a thousand are more than a BIGINT holds."""
        kind, amount = self.rng.choice((("sale", "price"), ("sale", "price"), ("receipt", "cost")))
        data = {
            "product": "P0",
            "location": "S0",
            "quantity": 100,
            amount: "100000000",
            "currency": "EUR",
        }
        return {
            "specversion": "1.0", "id": f"{self.tag}-{self.count}", "source": "/fuzz", "type": f"stocktide.{kind}",
            "time": (self.now - timedelta(days=5)).isoformat(), "data": data,
        }  # fmt: skip

    def line(self) -> bytes:
        """Make one line of NDJSON; a few are broken."""
        text = json.dumps(self.event()).encode()
        if self.rng.random() < 0.03:
            return text[: self.rng.randrange(1, len(text))]
        return text

    def row(self) -> str:
        """Make one line of a file of sales: id, time, product, location, quantity, price."""
        self.count += 1
        cells = [f"{self.tag}-{self.count}", self._time(), self.rng.choice(CODES), self.rng.choice(PLACES),
        self._number(),
                 self._number()]  # fmt: skip
        texts = ["" if cell is None else str(cell) for cell in cells]
        quoted = ['"' + text.replace('"', '""') + '"' for text in texts]
        return ",".join(quoted if self.rng.random() < 0.98 else quoted[:-2]) + "\n"

    def epcis(self) -> dict[str, Any]:
        """Make a bare EPCIS event."""
        self.count += 1
        rng = self.rng
        quantity = {
            "epcClass": LOT_CLASS,
            "quantity": self._number(),
            "uom": rng.choice(("KGM", "GRM", "XXX", "")),
        }
        made = epcis_event(
            rng.choice(("ObjectEvent", "TransactionEvent", "AggregationEvent")),
            eventTime=self._time(),
            epcList=[sgtin(rng.choice((1, 2, self.count)))],
            quantityList=[quantity],
            bizStep=rng.choice(("shipping", "receiving", "retail_selling", "x", "")),
            action=rng.choice(("ADD", "OBSERVE", "DELETE")),
            bizLocation={"id": "urn:epc:id:sgln:0614141.00777.0"},
            eventID=f"urn:uuid:{rng.getrandbits(128):032x}"[:17] + "-0000-4000-8000-000000000000",
        )
        return {"@context": CONTEXT, **made}

    def product(self) -> dict[str, Any]:
        """Make master data of a product."""
        rng = self.rng
        made: dict[str, Any] = {"sku": rng.choice(CODES)}
        for name in ("name", "department", "category"):
            if rng.random() < 0.7:
                made[name] = rng.choice(NAMES)
        if rng.random() < 0.4:
            made |= {"price": self._number(), "currency": rng.choice(CURRENCIES)}
        if rng.random() < 0.2:
            made["packs"] = {rng.choice(NAMES): self._number()}
        if rng.random() < 0.1:
            made["replaces"] = {
                "product": rng.choice(CODES),
                "from": "2026-01-01",
                "share": self._number(),
            }
        return made

    def location(self) -> dict[str, Any]:
        """Make master data of a location."""
        made: dict[str, Any] = {"code": self.rng.choice(PLACES), "timezone": self.rng.choice(ZONES)}
        for name in ("name", "region", "country"):
            if self.rng.random() < 0.7:
                made[name] = self.rng.choice((*NAMES, "DE", "US"))
        return made

    def plan(self) -> tuple[str, dict[str, Any]]:
        """Make a plan or a limit: the route that takes it, and its body."""
        rng = self.rng
        first, last = sorted(rng.randrange(-DAYS, 40) for _ in range(2))
        days = {
            "from": self._odd(f"{self.now + timedelta(days=first):%Y-%m-%d}", TIMES),
            "to": self._odd(f"{self.now + timedelta(days=last):%Y-%m-%d}", TIMES),
        }
        what = {"product": rng.choice(CODES), "location": rng.choice(PLACES)}
        self.count += 1
        made: dict[str, dict[str, Any]] = {
            "calendar/prices": {"id": f"p{self.count}", **what, **days, "price": self._number()},
            "calendar/promotions": {
                **what, **days, "kind": rng.choice(NAMES), "discount": self._odd(0.3, NUMBERS),
            },
            "calendar/closures": {"location": what["location"], **days},
            "calendar/regressors": {
                "name": rng.choice(NAMES), "location": what["location"], **days, "value": self._odd(17.5, NUMBERS, 0.4),
            },
            "calendar/events": {
                "id": f"e{self.count}", "name": rng.choice(NAMES), "day": days["from"],
                "days_before": self._odd(1, NUMBERS), "days_after": self._odd(1, NUMBERS), "location": what["location"],
            },
            "reorder-points": {**what, "reorder_point": self._number()},
        }  # fmt: skip
        route = rng.choice(list(made))
        return route, {route.rpartition("/")[2].replace("-", "_"): [made[route]]}


def batches(total: int, size: int) -> Iterator[int]:
    """Yield the sizes of so many inputs in batches."""
    while total > 0:
        yield min(size, total)
        total -= size

"""What a request's inputs became: plain sales as columns, everything else one by one, each at its place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self, overload

from ingest.parsing.events import Event, Fault, StockEvent
from ingest.parsing.instants import moment_of
from ingest.parsing.plain_sales import PlainSales

Item = Event | Fault


@dataclass(frozen=True)
class PlacedSales:
    """Plain sales, and where each of them stands among its request's inputs."""

    sales: PlainSales
    places: Sequence[int]

    def moved(self, by: int) -> Self:
        """The same, so many places further on."""
        if isinstance(self.places, range):
            return replace(self, places=range(self.places.start + by, self.places.stop + by))
        return replace(self, places=[place + by for place in self.places])


class Parsed(Sequence[Item]):
    """Parsed inputs in their order. As a sequence it makes events of the columns when somebody asks for one.

    sales: the plain ones. others: what else there is, by place. Every place is one or the other's.
    """

    def __init__(
        self, others: Sequence[tuple[int, Item]], sales: Sequence[PlacedSales] = ()
    ) -> None:
        self.others = others
        self.sales = sales
        self._size = len(others) + sum(len(part.sales) for part in sales)
        self._items: list[Item] | None = None

    @classmethod
    def of(cls, items: Iterable[Item]) -> "Parsed":
        """Items one by one."""
        return items if isinstance(items, Parsed) else cls(list(enumerate(items)))

    @classmethod
    def together(cls, parts: Sequence[Sequence[Item]]) -> "Parsed":
        """Those of several requests, one after another."""
        others: list[tuple[int, Item]] = []
        sales: list[PlacedSales] = []
        start = 0
        for part in map(cls.of, parts):
            others += [(start + place, item) for place, item in part.others]
            sales += [placed.moved(start) for placed in part.sales]
            start += len(part)
        return cls(others, sales)

    def newest(self, chosen: Sequence[bool]) -> datetime | None:
        """The latest time of stock events where `chosen`, by place, is True; None without any."""
        times = [
            item.occurred_at
            for place, item in self.others
            if chosen[place] and isinstance(item, StockEvent)
        ]
        for placed in self.sales:
            at = placed.sales.at
            if not all(chosen):
                at = at[[chosen[place] for place in placed.places]]
            if at.size:
                times.append(moment_of(int(at.max())))
        return max(times, default=None)

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> list[Item]: ...
    def __getitem__(self, place: int | slice) -> Item | list[Item]:
        """Give one, or some."""
        if self._items is None:
            found = dict(self.others)
            for placed in self.sales:
                found |= {at: placed.sales.event(n) for n, at in enumerate(placed.places)}
            self._items = [found[number] for number in range(len(found))]
        return self._items[place]

"""What a request's inputs became: plain sales as columns, everything else one by one, each at its place."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import overload

from ingest.parsing.events import Event, Fault, StockEvent
from ingest.parsing.instants import moment_of
from ingest.parsing.plain_sales import PlainSales

Item = Event | Fault


class Parsed(Sequence[Item]):
    """Parsed inputs in their order. As a sequence it makes events of the columns when somebody asks for one.

    sales, places: the plain sales, and where each stands; None and empty without any. others: what else there is,
    by place. Every place is one or the other's.
    """

    def __init__(
        self,
        others: Sequence[tuple[int, Item]],
        sales: PlainSales | None = None,
        places: Sequence[int] = (),
    ) -> None:
        self.others = others
        self.sales = sales
        self.places = places
        self._items: list[Item] | None = None

    @classmethod
    def of(cls, items: Iterable[Item]) -> "Parsed":
        """Items one by one."""
        return items if isinstance(items, Parsed) else cls(list(enumerate(items)))

    @classmethod
    def together(cls, parts: Sequence[Sequence[Item]]) -> "Parsed":
        """Those of several requests, one after another."""
        if len(parts) == 1:
            return cls.of(parts[0])
        others: list[tuple[int, Item]] = []
        sales: list[PlainSales] = []
        places: list[int] = []
        start = 0
        for part in map(cls.of, parts):
            others += [(start + place, item) for place, item in part.others]
            if part.sales is not None:
                sales.append(part.sales)
                places += [start + place for place in part.places]
            start += len(part)
        return cls(others, PlainSales.together(sales) if sales else None, places)

    def newest(self, chosen: Sequence[bool]) -> datetime | None:
        """The latest time of stock events where `chosen`, by place, is True; None without any."""
        times = [
            item.occurred_at
            for place, item in self.others
            if chosen[place] and isinstance(item, StockEvent)
        ]
        if self.sales is not None:
            at = self.sales.at[[chosen[place] for place in self.places]]
            if at.size:
                times.append(moment_of(int(at.max())))
        return max(times, default=None)

    def __len__(self) -> int:
        return len(self.others) + len(self.places)

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> list[Item]: ...
    def __getitem__(self, place: int | slice) -> Item | list[Item]:
        """Give one, or some."""
        if self._items is None:
            found = dict(self.others)
            if self.sales is not None:
                found |= {at: self.sales.event(n) for n, at in enumerate(self.places)}
            self._items = [found[number] for number in range(len(found))]
        return self._items[place]

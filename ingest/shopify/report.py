"""What an import of exports found and did, for people and machines."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ingest.files.tally import Tally
from ingest.shopify.reconciliation import Sums


@dataclass
class FileRead:
    """One file. read: its rows; left_out: of these, by reason; refused: of these, kept as rejects."""

    name: str
    kind: str
    read: int
    left_out: dict[str, int] = field(default_factory=dict)
    refused: int = 0


@dataclass
class Report:
    """All that an import did. sums: by currency; notes: what people should know; next: what to do.

    renumbered: numbers of Stocky's orders that the order desk has given to others.
    """

    files: list[FileRead] = field(default_factory=list)
    tally: Tally = field(default_factory=lambda: Tally(0))
    sums: dict[str, Sums] = field(default_factory=dict)
    products: int = 0
    locations: int = 0
    terms: dict[str, int] = field(default_factory=dict)
    unchanged: int = 0
    edited: int = 0
    taken_back: int = 0
    renumbered: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    next: list[str] = field(default_factory=list)
    dry_run: bool = False

    @property
    def balances(self) -> bool:
        """Return True if what is recorded and named is what the files say, to the cent."""
        return all(not sums.difference for sums in self.sums.values())

    def note(self, said: str, count: int, examples: Iterable[str] = ()) -> None:
        """Say how many things are such, with an example; nothing if none is."""
        if count:
            first = next(iter(sorted(examples)), None)
            self.notes.append(f"{said}: {count:,}" + (f", such as {first}." if first else "."))

    def as_dict(self) -> dict[str, Any]:
        """Return it for machines."""
        return {
            "dry_run": self.dry_run,
            "files": [vars(file) for file in self.files],
            "events": self.tally.as_dict(),
            **self.tally.findings(),
            "unchanged": self.unchanged,
            "edited": self.edited,
            "taken_back": self.taken_back,
            "products": self.products,
            "locations": self.locations,
            "terms": self.terms,
            "reconciliation": {name: sums.as_dict() for name, sums in sorted(self.sums.items())},
            "balances": self.balances,
            "notes": self.notes,
            "next": self.next,
        }

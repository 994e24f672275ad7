"""Pairs (product x place) on which a stage fails: found by halving, kept apart, and tried again by every run.

What a pair has from a transaction on is missing in the stage that holds it out; what was there before stays. Nothing of
the lake and of the table `held_pairs` is committed together: a pair is held before the lake's watermark passes it, and
let go only when all of it has arrived, so that a run that is killed in between is made up for by the next one.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar, get_args

import pyarrow as pa
import sqlalchemy as sa

from stocktide.foundation.database import statement
from stocktide.foundation.database_errors import first_line, is_of_content
from stocktide.foundation.halves import by_halves
from stocktide.foundation.telemetry import log

Stage = Literal["movements", "daily_demand", "served"]
Result = TypeVar("Result")
# A run asks no more often than this which pairs fail; what is not known by then is held, and asked by the next runs.
TRIES_MAX = 200
ERROR_MAX = 300
# A run names so many; table and page have all of them.
NAMED_MAX = 20


class Pair(NamedTuple):
    """A product at a place."""

    product_id: int
    location_id: int


@dataclass(frozen=True)
class NamedPair:
    """A pair that is held out, as people look at it."""

    product: str
    location: str
    stage: Stage
    tries: int
    error: str


@dataclass(frozen=True)
class Some:
    """Some of all pairs: these only, or all but these."""

    pairs: Sequence[Pair]
    only: bool

    def columns(self) -> dict[str, list[int]]:
        """Return the pairs as columns."""
        return _columns(self.pairs)

    def condition(self, show: Callable[[str, pa.Table], object]) -> str:
        """Return a condition that holds for rows of these pairs. show: tells the database of them, under a name."""
        if not self.pairs:
            return str(not self.only)
        show("chosen", pa.table(self.columns()))
        chosen = "(product_id, location_id) IN (SELECT (product_id, location_id) FROM chosen)"
        return chosen if self.only else f"NOT {chosen}"


ALL = Some((), only=False)


@dataclass(frozen=True)
class Sifted(Generic[Result]):
    """What a stage made of all pairs that it does not hold out, and those of them that it held out before."""

    results: Sequence[Result]
    back: Sequence[Pair]


class Undecided(Exception):
    """Which one of several pairs fails is not known: enough was tried."""


def held_at(engine: sa.Engine | sa.Connection, stage: Stage) -> dict[Pair, int]:
    """Read the pairs that a stage holds out, and from which transaction on it misses what they have."""
    if isinstance(engine, sa.Engine):
        with engine.connect() as connection:
            return held_at(connection, stage)
    rows = engine.execute(statement("etl/held_pairs"), {"stage": stage})
    return {Pair(row.product_id, row.location_id): row.xid_from for row in rows}


def all_held(engine: sa.Engine | sa.Connection) -> list[Pair]:
    """Read the pairs that any stage holds out."""
    return [pair for stage in get_args(Stage) for pair in held_at(engine, stage)]


def named_pairs(engine: sa.Engine, *, limit: int = NAMED_MAX) -> list[NamedPair]:
    """Read the newest pairs that any stage holds out, with the names of what they are."""
    with engine.connect() as connection:
        rows = connection.execute(statement("catalog/held_pairs"), {"limit": limit})
        return [NamedPair(r.product, r.location, r.stage, r.tries, r.error) for r in rows]


def pass_on(engine: sa.Engine, pairs: Sequence[Pair], stage: Stage) -> None:
    """Have the next stage take up pairs that one could bring on."""
    _write(engine, "pass_on_pairs", pairs, stage=stage)


def let_go(engine: sa.Engine, pairs: Sequence[Pair]) -> None:
    """Let pairs go that every stage brought on."""
    _write(engine, "let_go_pairs", pairs)


def sift(
    engine: sa.Engine,
    stage: Stage,
    do: Callable[[Some, int], Result],
    touched: Callable[[], Sequence[Pair]],
    *,
    since: int,
) -> Sifted[Result]:
    """Do a stage for all pairs but those that it holds out, and try these apart; pairs that fail are held from now on.

    do: does it for some pairs, from a transaction on. touched: lists the pairs that it is about. An error that is no
    fault of rows is raised.
    """
    held = held_at(engine, stage)
    trial = _Trial(do)
    results = trial.all_but(list(held), touched, since)
    for xid, group in itertools.groupby(sorted(held, key=held.__getitem__), held.__getitem__):
        # the order of `held` within a transaction: the least often tried first
        results += trial.each(list(group), min(xid, since))
    _hold(engine, stage, trial, held, since)
    return Sifted(results, [pair for pair in held if pair not in trial.errors])


class _Trial(Generic[Result]):
    """Does a stage for some pairs after others, and notes those that fail."""

    def __init__(self, do: Callable[[Some, int], Result]) -> None:
        self._do, self._tries = do, 0
        self.errors: dict[Pair, Exception] = {}

    def all_but(
        self, held: Sequence[Pair], touched: Callable[[], Sequence[Pair]], since: int
    ) -> list[Result]:
        """Do all pairs but those that are held; where one fails, it is found."""
        try:
            return [self._do(Some(held, only=False), since)]
        except Exception as error:
            if not is_of_content(error):
                raise
        # what fails for no pair at all is no fault of one
        nothing = self._do(Some((), only=True), since)
        return [nothing, *self.each([p for p in touched() if p not in set(held)], since)]

    def each(self, pairs: Sequence[Pair], since: int) -> list[Result]:
        """Do pairs that are few, or of which one fails."""

        def some(part: Sequence[Pair]) -> list[Result]:
            if self._tries >= TRIES_MAX:
                raise Undecided(f"one of {len(pairs):,} fails; later runs find out which")
            self._tries += 1
            return [self._do(Some(part, only=True), since)]

        return by_halves(pairs, some, self._note, is_of_one=is_of_content)

    def _note(self, pair: Pair, error: Exception) -> list[Result]:
        self.errors[pair] = error
        return []


def _hold(
    engine: sa.Engine,
    stage: Stage,
    trial: "_Trial[Result]",
    held: Mapping[Pair, int],
    since: int,
) -> None:
    if not trial.errors:
        return
    errors = [first_line(error)[:ERROR_MAX] for error in trial.errors.values()]
    tries = [int(not isinstance(error, Undecided)) for error in trial.errors.values()]
    xids = [min(held.get(pair, since), since) for pair in trial.errors]
    pairs = list(trial.errors)
    _write(engine, "hold_pairs", pairs, stage=stage, errors=errors, tries=tries, xids=xids)
    new = len(pairs) - len(set(pairs) & held.keys())
    log("pairs_held_out", stage=stage, pairs=len(pairs), new=new, error=errors[0])


def _columns(pairs: Sequence[Pair]) -> dict[str, list[int]]:
    return {name: [getattr(pair, name) for pair in pairs] for name in Pair._fields}


def _write(engine: sa.Engine, name: str, pairs: Sequence[Pair], **binds: object) -> None:
    if not pairs:
        return
    columns = _columns(pairs)
    more = {"product_ids": columns["product_id"], "location_ids": columns["location_id"]}
    with engine.begin() as connection:
        connection.execute(statement(f"etl/{name}"), {**more, **binds})

"""Many things done together; where one of them is at fault, it is found by halving and the others are done."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


def by_halves(
    batch: Sequence[Part],
    do: Callable[[Sequence[Part]], list[Result]],
    alone: Callable[[Part, Exception], list[Result]],
    *,
    is_of_one: Callable[[Exception], bool],
) -> list[Result]:
    """Do a batch together; where one of it is at fault, halve it until that one is found.

    do: gives the results of some of the batch, in order. alone: gives those of the one that fails alone. is_of_one:
    tells whether an error is the fault of one of them; any other is raised.
    """
    if not batch:
        return []
    try:
        return do(batch)
    except Exception as error:
        if not is_of_one(error):
            raise
        if len(batch) == 1:
            return alone(batch[0], error)
    half = len(batch) // 2
    first = by_halves(batch[:half], do, alone, is_of_one=is_of_one)
    return [*first, *by_halves(batch[half:], do, alone, is_of_one=is_of_one)]

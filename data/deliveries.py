"""What suppliers make of orders: most lines come in full on their day; some late, in two parts, short, or never."""

from dataclasses import dataclass

import numpy as np

from data.arrays import FloatArray, IntArray
from data.chain import Chain

# Shares of all lines. A line of one pack cannot be parted: it then comes in full.
IN_TWO_PARTS_SHARE = 0.05
SHORT_SHARE = 0.03
NEVER_SHARE = 0.004
# Days from the first part to the rest: the lorry was full; or the supplier had to get it first.
PART_DAYS = (1, 4)
SHORT_DAYS = (5, 15)
# Days after the promised one on which the line that the supplier is habitually late with comes,
LATE_DAYS = (1, 5)
# and on which the buyers cancel what never came.
CANCEL_DAYS = (5, 13)
REST_DAYS_MAX = SHORT_DAYS[1]


@dataclass(frozen=True)
class Fates:
    """What would become of an order of each pair and day; all (N, D).

    late_days: after the promised day, 0: not late. first_share: of the packs that come first; 1 in full, 0 never.
    rest_days: from the first part to the rest. cancel_days: after the promised day, of what never comes.
    """

    late_days: IntArray
    first_share: FloatArray
    rest_days: IntArray
    cancel_days: IntArray

    def first_packs(self, pair: IntArray, day: int, packs: IntArray) -> IntArray:
        """Return how many packs come first of orders of a day; all where there is but one, none where none comes."""
        share = self.first_share[pair, day]
        parted = np.clip((share * packs).astype(np.int64), np.minimum(packs, 1), packs - 1)
        some = np.where((share < 1) & (packs > 1), parted, packs)
        return np.where(share == 0, 0, some)


def draw_fates(chain: Chain, n_days: int, rng: np.random.Generator) -> Fates:
    """Draw what becomes of orders."""
    shape = (chain.n_pairs, n_days)
    late_share = chain.per_department(lambda department: department.late_share)[:, None]
    late = rng.random(shape) < late_share
    chance = rng.random(shape)
    never = chance < NEVER_SHARE
    short = ~never & (chance < NEVER_SHARE + SHORT_SHARE)
    parted = ~never & ~short & (chance < NEVER_SHARE + SHORT_SHARE + IN_TWO_PARTS_SHARE)
    share = np.where(short | parted, rng.uniform(0.2, 0.9, shape), 1.0)
    rest = np.where(short, rng.integers(*SHORT_DAYS, shape), rng.integers(*PART_DAYS, shape))
    return Fates(
        late_days=np.where(late, rng.integers(*LATE_DAYS, shape), 0),
        first_share=np.where(never, 0.0, share),
        rest_days=rest,
        cancel_days=rng.integers(*CANCEL_DAYS, shape),
    )

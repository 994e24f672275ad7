"""What the truth must hold for every seed, and the patterns that a forecaster should find."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from data import SampleChain, simulate
from data.arrays import FloatArray, IntArray
from data.truth import Truth
from tests.data.conftest import END


def check_balance(truth: Truth) -> None:
    """Stock of a day = stock of the day before + all that moved; a count sets the books right."""
    booked = truth.received + truth.transferred - truth.sold + truth.returned + truth.adjusted
    before = np.concatenate([truth.opening[:, None], truth.on_hand[:, :-1]], axis=1)
    np.testing.assert_array_equal(truth.on_hand, before + booked - truth.shrunk)
    book_before = np.concatenate([truth.opening[:, None], truth.book[:, :-1]], axis=1)
    book = np.where(truth.counted >= 0, truth.counted, book_before + booked)
    np.testing.assert_array_equal(truth.book, book)
    counted = truth.counted >= 0
    np.testing.assert_array_equal(truth.counted[counted], truth.on_hand[counted])


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), days=st.integers(14, 40))
def test_stock_balances_and_is_never_negative(seed: int, days: int) -> None:
    truth = simulate(seed, days, end=END).truth
    check_balance(truth)
    assert truth.on_hand.min() >= 0
    assert (truth.book >= truth.on_hand).all()
    assert truth.lost.min() >= 0
    assert (truth.demand[~truth.sold_on | ~truth.is_open] == 0).all()
    lost = truth.lost > 0
    assert (truth.sold + truth.lost == truth.demand).all()
    assert (truth.shrunk >= 0).all()
    # Who met an empty shelf left it empty; only returned or free goods come back the same day.
    assert (truth.on_hand[lost] <= (truth.returned + np.maximum(truth.adjusted, 0))[lost]).all()


def test_stock_balances_over_the_long_run(sample: SampleChain) -> None:
    check_balance(sample.truth)


def test_stock_outs_are_one_to_four_per_cent(sample: SampleChain) -> None:
    truth = sample.truth
    share = truth.stocked_out.sum() / (truth.sold_on & truth.is_open).sum()
    assert 0.01 < share < 0.04
    assert 0 < truth.lost.sum() / truth.demand.sum() < 0.04


def test_transfers_cancel_out_within_each_product(sample: SampleChain) -> None:
    moved = sample.truth.transferred.reshape(len(sample.products), -1)
    assert np.abs(sample.truth.transferred).sum() > 0
    assert (moved.sum(axis=1) == 0).all()


def test_shrinkage_is_hidden_until_somebody_counts(sample: SampleChain) -> None:
    truth = sample.truth
    assert truth.shrunk.sum() > 0
    assert (truth.book != truth.on_hand).any()
    assert ((truth.counted >= 0).sum(axis=1) >= 1).mean() > 0.8


def test_saturday_sells_more_than_monday(sample: SampleChain) -> None:
    truth = sample.truth
    weekday = (truth.days.astype(np.int64) + 3) % 7
    per_day = [truth.demand[:, weekday == day].mean() for day in range(7)]
    assert per_day[5] > 1.3 * per_day[0]
    assert per_day[5] > 1.3 * per_day[6]


def test_promotions_sell_more_at_lower_prices(sample: SampleChain) -> None:
    truth = sample.truth
    both = truth.promotion.any(axis=1) & (~truth.promotion).any(axis=1)
    ratio = _mean_where(truth.demand, truth.promotion)[both].sum()
    ratio /= _mean_where(truth.demand, ~truth.promotion)[both].sum()
    assert 1.4 < ratio < 3.5
    prices = _mean_where(truth.price_micros, truth.promotion)[both]
    assert (prices < _mean_where(truth.price_micros, ~truth.promotion)[both]).mean() > 0.98


def _mean_where(
    values: IntArray, chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> FloatArray:
    total = np.where(chosen, values, 0).sum(axis=1)
    return np.asarray(total / np.maximum(chosen.sum(axis=1), 1), np.float64)


def test_demand_varies_more_than_a_poisson(sample: SampleChain) -> None:
    truth = sample.truth
    each = np.flatnonzero(truth.chain.weighed == 0)
    units = truth.demand[each] / 1000
    busy = units.mean(axis=1) > 2
    assert np.median(units[busy].var(axis=1) / units[busy].mean(axis=1)) > 1.5


def test_some_products_come_and_some_go(sample: SampleChain) -> None:
    first, last = sample.truth.sold_on[:, 0], sample.truth.sold_on[:, -1]
    assert (~first & last).any()
    assert (first & ~last).any()
    assert (first & last).mean() > 0.8

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.shopify.allocation import allocated

CENTS = st.integers(0, 10**7).map(lambda cents: Decimal(cents) / 100)


@given(weights=st.lists(CENTS, min_size=1, max_size=8), share=st.fractions(0, 1))
def test_shares_have_the_exact_sum_and_none_takes_more_than_there_is(
    weights: list[Decimal], share: float
) -> None:
    whole = sum(weights, Decimal(0))
    amount = Decimal(int(whole * 100 * Decimal(float(share)))) / 100
    shares = allocated(amount, weights)
    assert sum(shares, Decimal(0)) == amount
    assert all(0 <= part <= weight for part, weight in zip(shares, weights, strict=True))
    exact = [amount * weight / whole if whole else Decimal(0) for weight in weights]
    assert all(abs(part - of) < Decimal("0.01") for part, of in zip(shares, exact, strict=True))


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        ("1.00", ["1", "1", "1"], ["0.34", "0.33", "0.33"]),
        ("0.05", ["10", "0", "5"], ["0.03", "0", "0.02"]),
        # nothing is worth anything: the first takes it
        ("2.00", ["0", "0"], ["2.00", "0"]),
        # a currency with three decimals
        ("0.001", ["1", "2"], ["0", "0.001"]),
    ],
)
def test_cents_that_are_left_go_to_those_that_lost_most(
    amount: str, weights: list[str], shares: list[str]
) -> None:
    assert allocated(Decimal(amount), list(map(Decimal, weights))) == list(map(Decimal, shares))

"""An amount shared out to the cent."""

from collections.abc import Sequence
from decimal import Decimal

CENT = Decimal("0.01")


def allocated(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Return shares of an amount in proportion to weights, in cents (or as fine as the amount is), with its exact sum.

    Largest remainders: each share is cut to a whole step, and what is left goes, a step each, to those that lost most;
    the first of equals first. Weights that are not above zero get nothing, unless there is no other.
    """
    step = min(CENT, Decimal(1).scaleb(int(amount.as_tuple().exponent)))
    usable = [max(weight, Decimal(0)) for weight in weights]
    whole = sum(usable, Decimal(0))
    if whole == 0:
        return [amount if place == 0 else Decimal(0) for place in range(len(weights))]
    exact = [amount * weight / whole for weight in usable]
    shares = [(share // step) * step for share in exact]
    left = int((amount - sum(shares, Decimal(0))) / step)
    by_loss = sorted(range(len(weights)), key=lambda place: (shares[place] - exact[place], place))
    for place in by_loss[:left]:
        shares[place] += step
    return shares

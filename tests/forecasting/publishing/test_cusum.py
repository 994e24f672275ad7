import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from forecasting.publishing.cusum import alarms

DAYS = 60


def errors(
    rng: np.random.Generator, days: int, *, shift: float = 0.0, scale: float = 1.0
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Signed errors of a single node, 1 unit of mean absolute value where scale is 1."""
    made: np.ndarray[tuple[int], np.dtype[np.float64]] = scale * rng.normal(
        shift, np.sqrt(np.pi / 2), days
    )
    return made


def first_alarm(signed: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> int | None:
    found = np.flatnonzero(alarms(np.abs(signed), signed, np.ones(signed.size)))
    return int(found[0]) if found.size else None


def test_alarms_are_rare_when_errors_are_as_expected() -> None:
    rng = np.random.default_rng(3)
    signed = errors(rng, 40_000)
    count = int(alarms(np.abs(signed), signed, np.ones(signed.size)).sum())
    # three sums on one node, the worst case: about one a quarter of a year at most
    assert 0 < count < 40_000 / 90


@pytest.mark.parametrize(
    ("shift", "scale", "within"), [(1.5, 1.0, 15), (-1.5, 1.0, 15), (0.0, 2.5, 15)]
)
def test_alarms_come_soon_when_errors_grow_or_lean(shift: float, scale: float, within: int) -> None:
    rng = np.random.default_rng(4)
    waits = [first_alarm(errors(rng, DAYS, shift=shift, scale=scale)) for _ in range(200)]
    assert None not in waits
    assert float(np.median([wait for wait in waits if wait is not None])) < within


def test_alarms_begin_anew_after_an_alarm() -> None:
    large = np.full(30, 4.0)
    found = np.flatnonzero(alarms(large, large * 0, np.ones(30)))
    assert found.size > 2
    assert len(set(np.diff(found).tolist())) == 1


def test_alarms_are_silent_when_a_level_errs_as_it_said() -> None:
    assert not alarms(np.full(500, 0.3), np.full(500, 0.05), np.full(500, 0.3)).any()


VALUES = arrays_of.arrays(np.float64, 12, elements=st.floats(0, 10) | st.just(float("nan")))


@given(wape=VALUES, bias=VALUES)
def test_days_that_say_nothing_change_nothing(
    wape: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    bias: "np.ndarray[tuple[int], np.dtype[np.float64]]",
) -> None:
    known = np.isfinite(wape) & np.isfinite(bias)
    found = alarms(wape, bias, np.ones(12))
    assert not found[~known].any()
    np.testing.assert_array_equal(
        found[known], alarms(wape[known], bias[known], np.ones(known.sum()))
    )
    assert not alarms(wape, bias, np.full(12, np.nan)).any()
    assert not alarms(wape, bias, np.zeros(12)).any()

from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecasting import from_long
from forecasting.frames.frame_demand import demand_of
from forecasting.nodes.succession_table import read_successions, succession_table
from stocktide.foundation.errors import Invalid
from stocktide.foundation.successions import Succession
from tests.forecasting.frames.test_frame_demand import KEYS, long_frame

SWAP = pd.DataFrame({"product": ["P4"], "replaces": ["P1"], "from": ["2025-01-20"]})


def test_successions_apply_by_day_and_on_one_day_along_their_chain() -> None:
    may, june = date(2026, 5, 1), date(2026, 6, 1)
    rows = [
        Succession("C", "D", may),
        Succession("X", "Y", june, 0.4),
        Succession("A", "C", may),
        Succession("B", "C", may),
    ]
    table = succession_table(rows)
    assert table["predecessor"].tolist() == ["A", "B", "C", "X"]
    assert table["step"].tolist() == [0, 0, 1, 2]
    assert table["share"].tolist() == [1.0, 1.0, 1.0, 0.4]
    pd.testing.assert_frame_equal(succession_table(rows[::-1]), table)
    assert succession_table([]).empty


def test_a_frame_of_successions_moves_history_between_series() -> None:
    frame = long_frame(60)
    plain = demand_of(from_long(frame), KEYS)
    demand = demand_of(from_long(frame), KEYS, successions=SWAP)
    old, new = ((demand.leaves["product"] == name).to_numpy().nonzero()[0] for name in ("P1", "P4"))
    assert not demand.units[old, :14].any()
    np.testing.assert_array_equal(
        demand.units[new, :14], plain.units[new, :14] + plain.units[old, :14]
    )
    np.testing.assert_array_equal(demand.units[:, 14:], plain.units[:, 14:])


def test_a_location_without_a_series_of_the_successor_keeps_its_history() -> None:
    gone = KEYS["unique_id"] != "S2/P4"
    frame = long_frame(60).query("unique_id != 'S2/P4'")
    plain = demand_of(from_long(frame), KEYS[gone])
    demand = demand_of(from_long(frame), KEYS[gone], successions=SWAP.assign(share=1.0))
    at = (demand.leaves["location"] == "S2").to_numpy()
    np.testing.assert_array_equal(demand.units[at], plain.units[at])
    assert (demand.units[~at] != plain.units[~at]).any()


def test_days_without_a_value_before_a_successor_sells_are_no_gap() -> None:
    frame = long_frame(60)
    unsold = frame["unique_id"].str.endswith("P4") & (frame["ds"] < "2025-01-20")
    demand = demand_of(from_long(frame[~unsold]), KEYS, successions=SWAP)
    assert not demand.empty.any()


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (SWAP.drop(columns="from"), "column_missing"),
        (SWAP.assign(**{"from": "soon"}), "ds_invalid"),
        (SWAP.assign(replaces="P9"), "product_unknown"),
        (SWAP.assign(replaces="P4"), "succession_self"),
        (SWAP.assign(share=1.2), "bad_share"),
        (SWAP.assign(share=-0.1), "bad_share"),
        (pd.concat([SWAP, SWAP]), "succession_twice"),
        (
            pd.concat([SWAP, SWAP.assign(product="P1", replaces="P4")]),
            "succession_cycle",
        ),
    ],
)
def test_a_frame_that_cannot_be_true_names_the_fault(frame: pd.DataFrame, code: str) -> None:
    with pytest.raises(Invalid) as raised:
        demand_of(from_long(long_frame(20)), KEYS, successions=frame)
    assert raised.value.code == code


def test_successions_need_products() -> None:
    keys = KEYS[["unique_id", "location"]]
    with pytest.raises(Invalid, match="key 'product'"):
        demand_of(from_long(long_frame(20)), keys, successions=SWAP)


def test_a_missing_share_is_the_whole() -> None:
    frame = pd.concat([SWAP.assign(share=np.nan), SWAP.assign(replaces="P2", share=0.5)])
    assert read_successions(frame)["share"].tolist() == [1.0, 0.5]

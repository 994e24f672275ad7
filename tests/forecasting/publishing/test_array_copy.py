from datetime import date

import numpy as np
import pytest
import sqlalchemy as sa

from forecasting.publishing import array_copy
from forecasting.publishing.array_copy import ArrayRows, copy_arrays
from forecasting.publishing.publish import publish
from tests.forecasting.publications import publication


@pytest.mark.parametrize("chunk", [1, 7, array_copy.CHUNK_NUMBERS])
def test_arrays_come_back_whatever_the_chunk(
    database: sa.Engine, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(array_copy, "CHUNK_NUMBERS", chunk)
    number = publish(database, publication(), run_id=None)
    # halves and quarters are the same in four bytes and in eight
    units = np.round(4 * np.random.default_rng(1).normal(size=(5, 3))) / 4
    rows = [
        ArrayRows(np.arange(5), units, ("Fête · 1er", date(1999, 12, 31))),
        ArrayRows(np.arange(2), units[:2, :1], ("x", date(2026, 3, 1))),
        ArrayRows(np.arange(0), units[:0], ("none", date(2026, 3, 1))),
    ]
    with database.begin() as connection:
        copy_arrays(connection, "forecast_components", ("component", "first_day"), number, rows)
        found = connection.execute(
            sa.text(
                "SELECT node_id, component, first_day, units FROM forecast_components ORDER BY 2, 1"
            )
        ).all()
    assert [(row.node_id, row.component, row.first_day) for row in found] == [
        *((node, "Fête · 1er", date(1999, 12, 31)) for node in range(5)),
        *((node, "x", date(2026, 3, 1)) for node in range(2)),
    ]
    np.testing.assert_array_equal(np.array([row.units for row in found[:5]]), units)
    assert [row.units for row in found[5:]] == [[units[0, 0]], [units[1, 0]]]


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(AssertionError):
        ArrayRows(np.arange(1), np.array([[np.nan]]))

"""What runs have learnt, as files in the lake."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecasting.choosing.choose import untested
from forecasting.choosing.kept import KeptCandidate, Learnt
from forecasting.choosing.learnt import LevelWeights
from forecasting.publishing.learnt_store import prune_learnt, read_learnt, write_learnt
from forecasting.publishing.plain_values import pack
from stocktide.foundation.errors import Conflict
from stocktide.foundation.lake import Lake


def learnt(score: float) -> Learnt:
    weights = {0: LevelWeights(("mean @7", "last year"), np.array([[0.25], [0.75]], np.float32))}
    return Learnt(
        levels=((),),
        frequency="D",
        horizon=2,
        nodes=np.array(["total"]),
        level=np.zeros(1, dtype=np.int64),
        choice=untested("mixture"),
        candidates=(KeptCandidate("mixture", weights, "WLSS", None, None),),
        cutoffs=(),
        left_out=(),
        scores=pd.DataFrame({"origin": [], "value": []}),
        errors=pd.DataFrame({"value": [score]}),
        score=score,
        champion_score=None,
    )


def test_each_run_has_its_own_and_the_last_writer_wins(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    write_learnt(lake, 7, learnt(0.5))
    write_learnt(lake, 12, learnt(0.25))
    write_learnt(lake, 7, learnt(0.125))
    assert read_learnt(lake, 7).score == 0.125
    found = read_learnt(lake, 12)
    assert found.score == 0.25
    np.testing.assert_array_equal(found.candidates[0].weights[0].weights, [[0.25], [0.75]])
    assert found.candidates[0].weights[0].names == ("mean @7", "last year")


def test_runs_that_are_not_kept_go_half_written_files_too(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    assert prune_learnt(lake, ()) == []
    for run in (3, 4, 5):
        write_learnt(lake, run, learnt(0.1 * run))
    (tmp_path / "learnt" / "run=6.part").write_bytes(b"half")
    assert prune_learnt(lake, {4}) == [3, 5]
    assert [path.name for path in (tmp_path / "learnt").iterdir()] == ["run=4.npz"]


def test_what_is_missing_cut_off_or_something_else_asks_to_retrain(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    with pytest.raises(Conflict, match="run 1 has learnt is not in the lake"):
        read_learnt(lake, 1)
    write_learnt(lake, 1, learnt(0.5))
    file = tmp_path / "learnt" / "run=1.npz"
    whole = file.read_bytes()
    for data in (b"", whole[:100], whole[:-50], pack({"a": 1}), pack(np.zeros(3))):
        file.write_bytes(data)
        with pytest.raises(Conflict, match="retrain"):
            read_learnt(lake, 1)
    file.write_bytes(whole)
    assert read_learnt(lake, 1).score == 0.5

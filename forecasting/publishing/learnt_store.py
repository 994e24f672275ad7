"""Store of what runs have learnt, in the lake beside their paths, for as long as the database keeps their days.

`LAKE/learnt/run=7.npz`; a file is renamed into place when it is whole.
"""

from collections.abc import Collection

from pyarrow import fs

from forecasting.choosing.kept import Learnt
from forecasting.lake_folder import open_folder
from forecasting.publishing.plain_values import DAMAGED, pack, unpack
from stocktide.foundation.errors import Conflict
from stocktide.foundation.lake import Lake

FOLDER, ENDING = "learnt", ".npz"


def write_learnt(lake: Lake, run: int, learnt: Learnt) -> None:
    """Store what a run has learnt, replacing what was stored before."""
    store, root = open_folder(lake, FOLDER)
    store.create_dir(root)
    with store.open_output_stream(f"{root}/run={run}.part") as out:
        out.write(pack(learnt))
    store.move(f"{root}/run={run}.part", _path(root, run))


def read_learnt(lake: Lake, run: int) -> Learnt:
    """Read what a run has learnt. Raises Conflict (`refresh_nothing_learnt`): there is nothing, or nothing readable."""
    store, root = open_folder(lake, FOLDER)
    try:
        with store.open_input_stream(_path(root, run)) as file:
            found = unpack(file.read())
        if isinstance(found, Learnt):
            return found
    except DAMAGED as error:
        raise _nothing(run) from error
    raise _nothing(run)


def prune_learnt(lake: Lake, keep: Collection[int]) -> list[int]:
    """Remove what all runs but those in `keep` have learnt, half-written files too. Returns the runs removed."""
    store, root = open_folder(lake, FOLDER)
    found = store.get_file_info(fs.FileSelector(root, allow_not_found=True))
    kept = {_path(root, run).rpartition("/")[2] for run in keep}
    gone = [info for info in found if info.base_name not in kept]
    for info in gone:
        store.delete_file(info.path)
    names = [info.base_name.removeprefix("run=").removesuffix(ENDING) for info in gone]
    return sorted(int(name) for name in names if name.isdigit())


def _nothing(run: int) -> Conflict:
    return Conflict(
        "refresh_nothing_learnt",
        f"What run {run} has learnt is not in the lake, or of another release, so it cannot be refreshed; "
        "retrain with `stocktide forecast`.",
        run=run,
    )


def _path(root: str, run: int) -> str:
    return f"{root}/run={run}{ENDING}"

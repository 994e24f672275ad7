"""The lake of a version that knew no pseudonyms is made again, and its files are gone."""

import json
from pathlib import Path

import sqlalchemy as sa

from etl.run import run_etl
from ingest.recording.recording import Recorder
from stocktide.foundation.clear_ids import LAKE, replace_clear_ids
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.ingest.samples import event

CLEAR = "zzz-the-clear-id"


def test_a_lake_with_clear_ids_is_made_again_and_nothing_is_left_of_them(
    database: sa.Engine, tmp_path: Path
) -> None:
    recorder = Recorder(database, Settings(create_on_first_sight=True))
    raws = [json.dumps(event("sale", name, customer_id=name)).encode() for name in ("a", "b")]
    recorder.record("till", "", raws)
    lake = Lake(str(tmp_path / "lake"))
    with database.begin() as connection:
        # as an older version left it
        connection.execute(sa.text("ALTER TABLE ledger DISABLE TRIGGER USER"))
        connection.execute(
            sa.text("UPDATE ledger SET customer_id = :clear || event_id"), {"clear": CLEAR}
        )
        connection.execute(sa.text("ALTER TABLE ledger ENABLE TRIGGER USER"))
    run_etl(database, lake)
    assert mentions(tmp_path)
    places = "SELECT DISTINCT tableoid::regclass::text FROM ledger UNION SELECT :lake"
    with database.begin() as connection:
        connection.execute(sa.text(f"INSERT INTO clear_ids (place) {places}"), {"lake": LAKE})
    # the ledger comes first
    assert not run_etl(database, lake).landed.whole
    replace_clear_ids(database, recorder.settings, lambda _line: None)
    report = run_etl(database, lake)
    assert report.landed.whole
    assert report.rows_total == 2
    assert mentions(tmp_path) == []
    assert not run_etl(database, lake).landed.whole


def mentions(folder: Path) -> list[Path]:
    return [
        path for path in folder.rglob("*") if path.is_file() and CLEAR.encode() in path.read_bytes()
    ]

import contextlib
import gzip
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from ingest.files.event_lines import record_lines
from ingest.files.file_intake import _ignore
from ingest.files.mapping import Mapping
from ingest.files.watching import Watcher
from ingest.recording.recording import Recorder
from stocktide.foundation.embedded import Postgres
from stocktide.foundation.errors import Conflict, Invalid
from stocktide.foundation.runs import single_flight
from stocktide.foundation.settings import Settings
from tests.ingest.epcis.documents import document, event, sgtin
from tests.ingest.samples import raw
from tests.ingest.shopify.shop import Line, Order, orders_csv
from tests.ingest.tills import row, till, write

WAIT_S_MAX = 30.0
NOBODY = 65_534


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    return Recorder(database, Settings(create_on_first_sight=True, body_bytes_max=20_000))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.mkdir()
    return path


def take_all(
    recorder: Recorder, folder: Path, mapping: Mapping | None = None, settle_s: float = 0.0
) -> list[dict[str, Any]]:
    """Take what is there; the reports in order."""
    reports: list[dict[str, Any]] = []
    Watcher(folder, recorder, mapping, settle_s, reports.append).run(threading.Event(), once=True)
    return reports


def events(*ids: str) -> bytes:
    return b"\n".join(raw(kind="sale", event_id=name) for name in ids) + b"\n"


def count_of(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM ledger")).scalar_one())


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def states(engine: sa.Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT name, state FROM watched_files ORDER BY name"))
        return [(row.name, row.state) for row in rows]


def wait_until(holds: Any) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_watch_takes_each_kind_once_and_moves_it_with_its_report(
    recorder: Recorder, folder: Path
) -> None:
    write(folder / "a.csv", row("a"), row("b", -1))
    (folder / "b.ndjson").write_bytes(b"\xef\xbb\xbf" + events("c", "d", "c") + b"\n{}\n")
    rows = json.dumps(
        {
            "id": "e",
            "moment": "2026-03-01 10:00:00",
            "sku": "A",
            "shop": "S1",
            "quantity": 2,
            "line": 1,
        }
    )
    (folder / "c.jsonl").write_text(rows + "\n")
    first = take_all(recorder, folder, till())
    assert [(r["file"], r["state"], r["read"], r["accepted"]) for r in first] == [
        ("a.csv", "done", 2, 1),
        ("b.ndjson", "done", 4, 2),
        ("c.jsonl", "done", 1, 1),
    ]
    assert first[1]["duplicate"] == 1
    assert first[1]["rejected"] == {"missing_field": 1}
    assert names(folder) == {"done"}
    assert names(folder / "done") == {
        name + end for name in ("a.csv", "b.ndjson", "c.jsonl") for end in ("", ".report.json")
    }
    beside = json.loads((folder / "done" / "b.ndjson.report.json").read_text())
    assert beside == json.loads(json.dumps(first[1], default=str))
    assert states(recorder.engine) == [("a.csv", "done"), ("b.ndjson", "done"), ("c.jsonl", "done")]
    assert count_of(recorder.engine) == 4


def test_watch_recognises_an_export_that_needs_no_mapping(recorder: Recorder, folder: Path) -> None:
    order = Order(
        "#1", datetime(2026, 8, 1, 12, tzinfo=UTC), [Line("Loaf", 2, Decimal("2.50"), "L")]
    )
    (folder / "orders_export.csv").write_text(orders_csv([order]))
    (report,) = take_all(recorder, folder)
    assert (report["state"], report["accepted"]) == ("done", 1)
    assert report["export"]["reconciliation"]["EUR"]["recorded"] == "5.00"
    assert names(folder / "done") == {"orders_export.csv", "orders_export.csv.report.json"}


def test_watch_fails_a_file_of_which_nothing_was_recorded_and_shows_an_example(
    recorder: Recorder, folder: Path
) -> None:
    write(folder / "a.csv", row("a", "x"), row("b", sku="TEST"))
    write(folder / "b.csv", row("a", "x"), row("b"))
    (folder / "c.ndjson.gz").write_bytes(gzip.compress(events("c", "d")))
    reports = take_all(recorder, folder, till())
    assert [(r["file"], r["state"]) for r in reports] == [
        ("a.csv", "failed"),
        ("b.csv", "done"),
        ("c.ndjson.gz", "done"),
    ]
    assert reports[0]["error"]["code"] == "all_rejected"
    for report in reports[:2]:
        assert "row 1: line 2 of the file: column quantity: 'x'" in report["examples"]["wrong_type"]
        assert report["dialect"]["delimiter"] == ","
    assert reports[2]["accepted"] == 2


def test_watch_knows_a_content_again_under_any_name(recorder: Recorder, folder: Path) -> None:
    (folder / "a.ndjson").write_bytes(events("a"))
    take_all(recorder, folder)
    (folder / "a.ndjson").write_bytes(events("a"))
    (folder / "b.ndjson").write_bytes(events("a"))
    reports = take_all(recorder, folder)
    assert [(r["state"], r["duplicate_of"]) for r in reports] == [("duplicate", "a.ndjson")] * 2
    clash = f"a.{reports[0]['sha256'][:8]}.ndjson"
    assert reports[0]["moved_to"] == f"done/{clash}"
    assert {"a.ndjson", clash, f"{clash}.report.json", "b.ndjson"} <= names(folder / "done")
    # another content under a name that done/ has already
    (folder / "a.ndjson").write_bytes(events("z"))
    (again,) = take_all(recorder, folder)
    assert (again["state"], again["accepted"]) == ("done", 1)
    assert len({name for name in names(folder / "done") if name.startswith("a.")}) == 6


def test_watch_reads_a_content_again_when_its_mapping_was_fixed(
    recorder: Recorder, folder: Path
) -> None:
    faulty = till(('when = "quantity > 0"', 'when = "quantity > 1"'))
    write(folder / "a.csv", row("a"), row("b", 2))
    (first,) = take_all(recorder, folder, faulty)
    assert (first["accepted"], first["rejected"]) == (1, {"no_rule": 1})
    write(folder / "a.csv", row("a"), row("b", 2))
    (again,) = take_all(recorder, folder, till())
    assert (again["state"], again["accepted"], again["duplicate"]) == ("done", 1, 1)
    write(folder / "a.csv", row("a"), row("b", 2))
    assert take_all(recorder, folder, till())[0]["state"] == "duplicate"
    # what no mapping reads is known under any
    (folder / "b.ndjson").write_bytes(events("c"))
    assert take_all(recorder, folder, till())[0]["accepted"] == 1
    (folder / "b.ndjson").write_bytes(events("c"))
    assert take_all(recorder, folder, faulty)[0]["state"] == "duplicate"


@pytest.mark.parametrize(("sqlstate", "tries"), [("54000", 1), ("57014", 5), ("53100", 5)])
@pytest.mark.parametrize("once", [True, False])
def test_watch_gives_up_a_file_that_the_database_fails_in_and_goes_on(
    recorder: Recorder,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    sqlstate: str,
    tries: int,
    once: bool,
) -> None:
    monkeypatch.setattr("ingest.files.watching.AWAY_S", (0.01,))
    with recorder.engine.begin() as connection:
        connection.execute(
            sa.text(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                f" RAISE EXCEPTION 'no more of this' USING ERRCODE = '{sqlstate}'; END $$"
            )
        )
        # the records of imports are no part of what is isolated event by event
        connection.execute(
            sa.text(
                "CREATE TRIGGER fail BEFORE INSERT ON runs FOR EACH ROW WHEN (NEW.job = 'import')"
                " EXECUTE FUNCTION fail()"
            )
        )
    write(folder / "a.csv", row("a"))
    (folder / "b.ndjson").write_bytes(events("b"))
    reports: list[dict[str, Any]] = []
    watcher = Watcher(folder, recorder, till(), 0.0, reports.append)
    if once:
        watcher.run(threading.Event(), once=True)
    else:
        with watching(watcher):
            wait_until(lambda: len(reports) == 2)
    assert {r["file"]: r["state"] for r in reports} == {"a.csv": "failed", "b.ndjson": "done"}
    error = reports[0]["error"]
    assert (error["code"], f"at try {tries}" in error["message"]) == ("database_error", True)
    assert "no more of this" in error["message"]
    assert names(folder / "failed") == {"a.csv", "a.csv.report.json"}


def test_watch_takes_a_file_whose_name_is_no_text(recorder: Recorder, folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.ndjson")
    (folder / name).write_bytes(events("a"))
    (report,) = take_all(recorder, folder)
    assert (report["file"], report["state"]) == ("caf?.ndjson", "done")
    assert names(folder / "done") == {name, f"{name}.report.json"}
    assert states(recorder.engine) == [("caf?.ndjson", "done")]


def test_watch_moves_to_failed_what_nobody_can_read_and_takes_it_again_when_it_comes_again(
    recorder: Recorder, folder: Path
) -> None:
    contents = {
        "empty.ndjson": b"\n\n",
        "kind.xyz": b"1",
        "no_mapping.csv": b"id\n1\n",
        "nothing.ndjson": b"{}\n[]\n",
        "not.parquet": b"PAR0",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    reports = {report["file"]: report for report in take_all(recorder, folder)}
    assert {name: report["error"]["code"] for name, report in reports.items()} == {
        "empty.ndjson": "file_empty",
        "kind.xyz": "mapping_missing",
        "no_mapping.csv": "mapping_missing",
        "not.parquet": "mapping_missing",
        "nothing.ndjson": "all_rejected",
    }
    assert set(contents) <= names(folder / "failed")
    (folder / "kind.xyz").write_bytes(contents["kind.xyz"])
    (folder / "not.parquet").write_bytes(contents["not.parquet"])
    again = {r["file"]: r["error"]["code"] for r in take_all(recorder, folder, till())}
    assert again == {"kind.xyz": "file_type", "not.parquet": "file_unreadable"}
    assert {state for _, state in states(recorder.engine)} == {"failed"}


def test_watch_leaves_alone_what_is_unfinished_hidden_or_no_file(
    recorder: Recorder, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere.ndjson").write_bytes(events("a"))
    (folder / "link.ndjson").symlink_to(tmp_path / "elsewhere.ndjson")
    (folder / "gone.ndjson").symlink_to(tmp_path / "nowhere")
    (folder / "sub.ndjson").mkdir()
    os.mkfifo(folder / "pipe.ndjson")
    (folder / ".hidden.ndjson").write_bytes(events("a"))
    (folder / "half.ndjson.part").write_bytes(events("a"))
    before = names(folder)
    assert take_all(recorder, folder) == []
    assert names(folder) == before
    (folder / "half.ndjson.part").rename(folder / "half.ndjson")
    assert [report["file"] for report in take_all(recorder, folder)] == ["half.ndjson"]


def test_watch_waits_until_a_file_is_still(recorder: Recorder, folder: Path) -> None:
    path = folder / "a.ndjson"
    path.write_bytes(events("a"))
    reports: list[dict[str, Any]] = []
    with watching(Watcher(folder, recorder, None, 0.6, reports.append)):
        for name in ("b", "c", "d"):
            time.sleep(0.3)
            with path.open("ab") as file:
                file.write(events(name))
        assert reports == []
        wait_until(lambda: reports)
        assert reports[0]["accepted"] == 4
        # one that is renamed into the folder, written long ago, is taken at once
        old = folder / "old.tmp"
        old.write_bytes(events("e"))
        os.utime(old, (1, 1))
        old.rename(folder / "old.ndjson")
        wait_until(lambda: len(reports) == 2)


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    stopping = threading.Event()
    thread = threading.Thread(target=watcher.run, args=(stopping,))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(WAIT_S_MAX)
    assert not thread.is_alive()


def test_watch_takes_up_again_what_it_was_killed_in(
    database: sa.Engine, database_url: str, folder: Path, home: Path
) -> None:
    ids = [f"e{number}" for number in range(8_000)]
    (folder / "big.ndjson").write_bytes(events(*ids))
    os.utime(folder / "big.ndjson", (1, 1))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("STOCKTIDE_")},
        "STOCKTIDE_HOME": str(home),
        "STOCKTIDE_DATABASE_URL": database_url,
        "STOCKTIDE_REDIS_URL": "unix:///nowhere",
        "STOCKTIDE_CREATE_ON_FIRST_SIGHT": "true",
    }
    command = [sys.executable, "-m", "stocktide.entrypoints.cli", "watch", str(folder), "--json"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        wait_until(lambda: count_of(database) > 0)
        process.kill()
    before = count_of(database)
    assert 0 < before < len(ids)
    assert states(database) == [("big.ndjson", "taken")]
    done = subprocess.run(
        [*command, "--once"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["read"], report["accepted"] + report["duplicate"]) == (len(ids), len(ids))
    assert report["duplicate"] >= before
    assert count_of(database) == len(ids)


@pytest.mark.parametrize("moved", [False, True])
def test_watch_finishes_a_move_that_it_was_killed_before_or_after(
    recorder: Recorder, folder: Path, moved: bool
) -> None:
    (folder / "a.ndjson").write_bytes(events("a"))
    (report,) = take_all(recorder, folder)
    with recorder.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE watched_files SET state = 'recorded', finished_at = NULL")
        )
    if not moved:
        (folder / "done" / "a.ndjson").rename(folder / "a.ndjson")
    reports = take_all(recorder, folder)
    assert reports == ([] if moved else [json.loads(json.dumps(report, default=str))])
    assert states(recorder.engine) == [("a.ndjson", "done")]
    assert names(folder / "done") == {"a.ndjson", "a.ndjson.report.json"}


def test_watch_survives_a_file_that_it_may_not_read(recorder: Recorder) -> None:
    # pytest's folders are root's alone
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "secret.ndjson").write_bytes(events("a"))
        (folder / "secret.ndjson").chmod(0o000)
        (folder / "open.ndjson").write_bytes(events("b"))
        folder.chmod(0o777)
        with contextlib.ExitStack() as opened:
            # the database's socket is not nobody's either
            for _ in range(4):
                opened.enter_context(recorder.engine.connect())
        with as_nobody():
            reports = {report["file"]: report for report in take_all(recorder, folder)}
        assert reports["open.ndjson"]["state"] == "done"
        assert reports["secret.ndjson"]["error"]["code"] == "file_unreadable"
        assert "secret.ndjson" in names(folder / "failed")


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root reads everything: be somebody else for a while."""
    as_root = os.geteuid() == 0
    if as_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if as_root:
            os.seteuid(0)


def test_watch_goes_on_when_done_cannot_take_a_file(recorder: Recorder, folder: Path) -> None:
    (folder / "done").write_text("a file where the folder should be")
    (folder / "a.ndjson").write_bytes(events("a"))
    reports = take_all(recorder, folder)
    assert {report["file"]: report["state"] for report in reports} == {"done": "failed"}
    assert "a.ndjson" in names(folder)
    assert [report["file"] for report in take_all(recorder, folder)] == ["a.ndjson"]
    assert states(recorder.engine) == [("a.ndjson", "done"), ("done", "failed")]
    assert count_of(recorder.engine) == 1


def test_watch_keeps_the_start_of_a_line_that_is_too_long_and_reads_on(
    recorder: Recorder, tmp_path: Path
) -> None:
    limit = recorder.settings.body_bytes_max
    exact = raw(kind="sale", event_id="exact").ljust(limit)
    path = tmp_path / "long.ndjson"
    path.write_bytes(
        exact + b"\n" + b"x" * (3 * limit) + b"\n" + events("after") + b"y" * (limit + 1)
    )
    tally = record_lines(path, recorder, "watch", _ignore)
    assert tally.as_dict() == {
        "read": 4, "accepted": 2, "left_out": {}, "rejected": {"broken_line": 2}, "accounted": 4,
    }  # fmt: skip
    with recorder.engine.connect() as connection:
        kept = connection.execute(sa.text("SELECT raw FROM rejects ORDER BY reject_id")).scalars()
        assert [bytes(it) for it in kept] == [b"x" * limit, b"y" * limit]


def test_watch_refuses_a_folder_that_is_not_there_or_watched_already(
    recorder: Recorder, folder: Path
) -> None:
    with pytest.raises(Invalid, match="there is no such folder"):
        take_all(recorder, folder / "nowhere")
    with (
        single_flight(recorder.engine, f"watch {folder}"),
        pytest.raises(Conflict, match="is watched"),
    ):
        take_all(recorder, folder)


def test_watch_waits_out_a_database_that_is_away(
    recorder: Recorder, folder: Path, postgres: Postgres
) -> None:
    name = recorder.engine.url.database
    reports: list[dict[str, Any]] = []
    with (
        watching(Watcher(folder, recorder, None, 0.0, reports.append)),
        psycopg.connect(postgres.url(database="postgres"), autocommit=True) as admin,
    ):
        wait_until(lambda: names(folder) == set() and _locks(admin) > 0)
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        (folder / "a.ndjson").write_bytes(events("a"))
        time.sleep(1.5)
        assert reports == []
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        wait_until(lambda: reports)
    assert reports[0]["accepted"] == 1


def _locks(admin: "psycopg.Connection[Any]") -> int:
    found = admin.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone()
    assert found is not None
    return int(found[0])


def test_watch_captures_epcis_documents(recorder: Recorder, folder: Path) -> None:
    good = document(event(epcList=[sgtin(1)]), event(epcList=[sgtin(2)]), event("Event"))
    (folder / "a.jsonld").write_bytes(b"\xef\xbb\xbf" + json.dumps(good).encode())
    (folder / "b.json").write_text(json.dumps({"type": "EPCISDocument"}))
    (folder / "c.json").write_text(json.dumps(document(event("Event"))))
    reports = take_all(recorder, folder)
    assert [report["state"] for report in reports] == ["done", "failed", "failed"]
    assert (reports[0]["read"], reports[0]["accepted"], reports[0]["accounted"]) == (3, 2, 3)
    assert reports[0]["movements"] == {"none": 2}
    assert [report["error"]["code"] for report in reports[1:]] == ["missing_field", "all_rejected"]
    # killed after the capture and before the move: its events are known
    (folder / "done" / "a.jsonld").rename(folder / "a.jsonld")
    with recorder.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE watched_files SET state = 'taken' WHERE name = 'a.jsonld'")
        )
    (again,) = take_all(recorder, folder)
    assert (again["accepted"], again["duplicate"]) == (0, 2)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_a_report_is_for_whom_the_file_is_for(recorder: Recorder, folder: Path, mode: int) -> None:
    """The watcher keeps its own files to itself, but a report is the sender's."""
    (folder / "a.ndjson").write_bytes(events("a"))
    (folder / "a.ndjson").chmod(mode)
    folder.chmod(0o755)
    before = os.umask(0o077)
    try:
        take_all(recorder, folder)
    finally:
        os.umask(before)
    assert (folder / "done" / "a.ndjson.report.json").stat().st_mode & 0o777 == mode
    assert (folder / "done").stat().st_mode & 0o777 == 0o755


def test_watch_tells_of_a_link_once_and_does_not_follow_it(
    recorder: Recorder, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "outside.ndjson").write_bytes(events("a"))
    (folder / "link.ndjson").symlink_to(tmp_path / "outside.ndjson")
    caplog.set_level("INFO", "stocktide")
    watcher = Watcher(folder, recorder, settle_s=0.01)
    for _ in range(2):
        watcher.run(threading.Event(), once=True)
    told = [record for record in caplog.records if record.getMessage() == "watch_link"]
    assert [getattr(record, "fields")["file"] for record in told] == ["link.ndjson"]  # noqa: B009 - set by our log
    assert count_of(recorder.engine) == 0


@pytest.mark.parametrize("target", ["done", "failed"])
def test_watch_moves_nothing_through_a_link_out_of_its_folder(
    recorder: Recorder, folder: Path, tmp_path: Path, target: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / "a.ndjson").write_bytes(events("a") if target == "done" else b"no event\n")
    (folder / target).symlink_to(elsewhere)
    with pytest.raises(Invalid, match="is a link"):
        take_all(recorder, folder)
    assert names(elsewhere) == set()
    assert "a.ndjson" in names(folder)


def test_a_link_that_appears_while_it_watches_is_not_followed_either(
    recorder: Recorder, folder: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (folder / "done").mkdir()
    (folder / "done" / ".a.ndjson.report.json.new").symlink_to(victim)
    (folder / "a.ndjson").write_bytes(events("a"))
    take_all(recorder, folder)
    assert victim.read_text() == "mine"
    assert names(folder / "done") == {"a.ndjson", "a.ndjson.report.json"}


def test_a_file_that_became_a_link_since_the_look_is_not_read(
    recorder: Recorder, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outside.ndjson").write_bytes(events("a"))
    path = folder / "a.ndjson"
    path.write_bytes(b"no event\n")
    begin = Watcher._begin_report

    def swap(watcher: Watcher, file: Any) -> Any:
        if not path.is_symlink():
            path.unlink()
            path.symlink_to(tmp_path / "outside.ndjson")
        return begin(watcher, file)

    monkeypatch.setattr(Watcher, "_begin_report", swap)
    take_all(recorder, folder)
    assert count_of(recorder.engine) == 0
    assert path.is_symlink()

"""Statements that are after files, writes, the network, settings or all of the machine: nothing comes of them.

QUERY_STATEMENTS=all runs every one of them, by default a few of each family.
"""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pa_parquet
import pytest

from query import Jail, Limits
from query.jail.orders import Handed
from stocktide.foundation.errors import Conflict, Invalid, TooLarge
from tests.query.jail.hostile import BOMBS, every, refused

ALL = os.environ.get("QUERY_STATEMENTS") == "all"
SECRET = "what nobody may read"
LIMITS = Limits(
    seconds=1.0,
    memory_bytes=96 * 2**20,
    spill_bytes=64 * 2**20,
    threads=1,
    result_bytes=2**20,
    rows=100,
)
# Ending a process, and looking at the machine's clock.
SLACK_S = 1.5


@contextmanager
def nothing(_tables: Sequence[str]) -> Iterator[list[Handed]]:
    yield []


def outcome(jail: Jail, statement: str) -> str:
    """The code of the refusal, or what came out as text."""
    try:
        result = jail.run(statement, {}, {"t": "SELECT 1 AS a"}, nothing, LIMITS)
    except (Invalid, TooLarge) as error:
        return error.code
    with result.spool:
        return str(result.reader().read_all().to_pylist())


def tree(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.stat().st_size) for path in folder.rglob("*"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder beside which a secret lies."""
    (tmp_path / "SECRET").write_text(SECRET)
    return tmp_path


def filled(statement: str, out: Path) -> str:
    return statement.replace("{out}", str(out / "written")).replace("{secret}", str(out / "SECRET"))


def test_there_are_enough_of_them() -> None:
    assert len({*refused(), *BOMBS}) >= 300


def test_hostile_statements_do_not_run(jail: Jail, out: Path) -> None:
    before = tree(out)
    ran = {}
    for statement in every(0 if ALL else 60, list(refused())):
        said = outcome(jail, filled(statement, out))
        if not said.startswith("query_") or said in ("query_ended", "query_time"):
            ran[statement] = said
    assert ran == {}
    assert tree(out) == before


def test_the_walls_hold_where_nothing_is_looked_at_first(jail: Jail, out: Path) -> None:
    """What the check refuses, inside a view, which is not checked."""
    before = tree(out)
    files = ("/etc/passwd", str(out / "SECRET"), "/proc/self/maps")
    readers = [f"SELECT * FROM read_text('{file}')" for file in files]  # noqa: S608 - on purpose
    evil = [
        *readers,
        "SELECT content FROM read_blob('/etc/hostname')",
        "FROM glob('/etc/*') WHERE file LIKE '/etc/pass%'",
    ]
    for statement in evil:
        with pytest.raises((Invalid, TooLarge)) as raised:
            jail.run("SELECT * FROM t", {}, {"t": statement}, nothing, LIMITS)
        assert SECRET not in raised.value.message
    assert tree(out) == before


def test_bombs_end_in_time_and_leave_nothing(jail: Jail) -> None:
    folder = jail.folder
    for statement in every(0 if ALL else 7, BOMBS):
        begun = time.monotonic()
        said = outcome(jail, statement)
        took = time.monotonic() - begun
        assert took < LIMITS.seconds + SLACK_S, (statement[:80], took)
        assert len(said) < 10_000
        assert list(folder.iterdir()) == []
    assert outcome(jail, "SELECT 42 AS x") == "[{'x': 42}]"


def test_harmless_statements_run(jail: Jail) -> None:
    """The check refuses no more than it must."""
    for statement in (
        "VALUES (1), (2)",
        "FROM t",
        "TABLE t",
        "SELECT 1;",
        "-- a comment\nSELECT ';' AS a /* ; DROP */",
        "WITH t AS (SELECT 2 AS a) SELECT * FROM t",
        "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r WHERE a < 5) SELECT sum(a) FROM r",
        "SELECT a, (SELECT max(a) FROM T) FROM t WHERE a IN (SELECT unnest([1, 2]))",
        "SELECT unnest(range(3)), * FROM generate_series(1, 2)",
        "SELECT date_trunc('week', now()), quantile_cont(a, 0.9), regexp_extract('ab', 'b') FROM t GROUP BY a",
        "SELECT * FROM (PIVOT t ON a IN (1, 2) USING sum(a))",
        "SELECT a, sum(a) OVER (ORDER BY a) FROM t QUALIFY row_number() OVER () = 1",
        "(SELECT 1) UNION ALL (SELECT 2) ORDER BY 1",
        "WITH a AS (SELECT 1 AS n), b AS (FROM a) SELECT * FROM b, (WITH c AS (FROM b) FROM c)",
        "WITH a AS (SELECT 1 AS n) SELECT (SELECT max(n) FROM A) FROM t UNION ALL FROM a",
        "WITH RECURSIVE x AS (SELECT 1 AS n), y AS (SELECT n FROM x UNION SELECT n + 1 FROM y WHERE n < 3) FROM y",
        'WITH "Größe" AS (SELECT 1 AS n) SELECT * FROM "Größe"',
        "WITH t AS (SELECT * FROM t) FROM t",
    ):
        assert outcome(jail, statement).startswith("["), (statement, outcome(jail, statement))


def test_parameters_are_values_and_never_text_of_the_statement(jail: Jail) -> None:
    evil = "1; DROP VIEW t"
    statement = "SELECT $value AS v, a FROM t"
    result = jail.run(statement, {"value": evil}, {"t": "SELECT 1 AS a"}, nothing, LIMITS)
    with result.spool:
        assert result.reader().read_all().to_pylist() == [{"v": evil, "a": 1}]


def test_a_result_that_is_cut_says_so_and_how_many_rows_there_are(jail: Jail) -> None:
    result = jail.run("SELECT * FROM range(2500)", {}, {}, nothing, LIMITS)
    with result.spool:
        assert (result.rows, result.found, result.cut) == (100, 2500, True)
        assert result.reader().read_all().num_rows == 100
    whole = jail.run("SELECT * FROM range(100)", {}, {}, nothing, LIMITS)
    with whole.spool:
        assert (whole.rows, whole.found, whole.cut) == (100, 100, False)


def test_a_result_that_must_be_complete_is_never_cut(jail: Jail) -> None:
    complete = Limits(10.0, 2**28, 2**28, 1, result_bytes=2**21, rows=None)
    result = jail.run("SELECT * FROM range(200000)", {}, {}, nothing, complete)
    with result.spool:
        assert (result.rows, result.found, result.cut) == (200_000, 200_000, False)
    with pytest.raises(TooLarge, match=r"more than 2,097,152 bytes"):
        jail.run("SELECT * FROM range(2000000)", {}, {}, nothing, complete)


def test_a_sort_beyond_its_memory_is_written_aside_and_works(jail: Jail) -> None:
    limits = Limits(30.0, 64 * 2**20, 2**30, 1, 2**20, rows=3)
    text = "SELECT hash(i) AS h, i, repeat('x', 60) || i AS s FROM range(3000000) t(i) ORDER BY s DESC, h"
    result = jail.run(text, {}, {}, nothing, limits)
    with result.spool:
        assert [row["i"] for row in result.reader().read_all().to_pylist()] == [
            999_999,
            999_998,
            999_997,
        ]


def test_a_cancelled_statement_ends_at_once(jail: Jail) -> None:
    begun = time.monotonic()
    with pytest.raises(Conflict, match="cancelled"):
        jail.run(
            BOMBS[0],
            {},
            {},
            nothing,
            Limits(30.0, 2**27, 2**27, 1, 2**20, 1),
            lambda: time.monotonic() > begun + 0.2,
        )
    assert time.monotonic() - begun < 1.5


def test_a_statement_ends_with_its_fork_server(jail: Jail) -> None:
    """Nothing runs on that nobody watches, and the next statement runs in a new one."""
    assert jail.process is not None
    server = jail.process
    before = jail.why_off()
    threading.Timer(0.3, server.kill).start()
    limits = Limits(30.0, 2**27, 2**27, 1, 2**20, 1)
    begun = time.monotonic()
    with pytest.raises(TooLarge, match="was ended"):
        jail.run(BOMBS[0], {}, {}, nothing, limits)
    assert time.monotonic() - begun < 3
    assert before is None
    assert outcome(jail, "SELECT 42 AS x") == "[{'x': 42}]"


def test_a_table_of_many_files_is_handed_over_whole(jail: Jail, tmp_path: Path) -> None:
    """More files than a jailed process may have open."""
    schema = pa.schema({"day": pa.date32(), "n": pa.int64()})
    first = 20_000
    for number in range(150):
        days = pa.array([first + number], pa.int32()).cast(pa.date32())
        pa_parquet.write_table(
            pa.table([days, pa.array([number])], schema=schema), tmp_path / f"{number}"
        )

    @contextmanager
    def files(tables: Sequence[str]) -> Iterator[list[Handed]]:
        assert tables == ["many"]
        with ExitStack() as stack:
            opened = [stack.enter_context((tmp_path / f"{n}").open("rb")) for n in range(150)]
            yield [Handed("input_many", "parquet", schema, [file.fileno() for file in opened])]

    many = {"many": "SELECT * FROM input_many"}
    result = jail.run("SELECT count(*) AS n, sum(n) AS s FROM many", {}, many, files, LIMITS)
    with result.spool:
        assert result.reader().read_all().to_pylist() == [{"n": 150, "s": 11_175}]
    text = "SELECT n FROM many WHERE day = DATE '1970-01-01' + 20007"
    one = jail.run(text, {}, many, files, LIMITS)
    with one.spool:
        assert one.reader().read_all().to_pylist() == [{"n": 7}]


def test_a_fork_server_that_is_gone_is_started_again(jail: Jail) -> None:
    assert jail.process is not None
    jail.process.kill()
    jail.process.wait()
    assert outcome(jail, "SELECT 42 AS x") == "[{'x': 42}]"


def test_folders_that_killed_keepers_left_are_removed_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "statement-old").mkdir()
    (tmp_path / "statement-old" / "spill").write_text("x")
    (tmp_path / "statement-now").mkdir()
    os.utime(tmp_path / "statement-old", (0, 0))
    jail = Jail(tmp_path)
    assert jail.why_off() is None
    jail.close()
    assert [path.name for path in tmp_path.iterdir()] == ["statement-now"]

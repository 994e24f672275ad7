"""Expressions of a mapping: one that fails on a row rejects that row, and windows are part of the one plan."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.files.importing import dry_run_file, import_file
from ingest.files.mapping import Mapping
from ingest.files.tally import Tally
from ingest.recording.recording import Recorder
from stocktide.foundation.errors import Invalid
from stocktide.foundation.settings import Settings
from tests.ingest.tills import row, till, write

QUANTITY = 'quantity = "quantity"\n'
FAILING: list[tuple[str, tuple[str, str], str]] = [
    ("cast in data", (QUANTITY, 'quantity = "line::INTEGER"\n'), "kind[0].data.quantity"),
    ("list", (QUANTITY, "quantity = \"split_part('1,2', ',', line::INTEGER)\"\n"), "kind[0].data.quantity"),
    ("strptime", ('time = "moment"', "time = \"strptime('2026-03-0' || line, '%Y-%m-%d')\""), "event.time"),
    ("id", ('\nid = "id"', '\nid = "(line::INTEGER)::VARCHAR"'), "event.id"),
    ("condition", ('when = "quantity > 0"', 'when = "line::INTEGER > 0"'), "kind[0].when"),
    ("leave out", ("when = \"sku = 'TEST'\"", 'when = "line::INTEGER < 0"'), "leave_out[0].when"),
    ("product's name", ('sku = "sku"', 'sku = "sku"\nname = "(line::INTEGER)::VARCHAR"'), "product.name"),
    ("location", ('code = "shop"', "code = \"'S' || line::INTEGER\""), "location.code"),
    ("in a window", (QUANTITY, 'quantity = "max(line::INTEGER) OVER (PARTITION BY id)"\n'),
     "kind[0].data.quantity"),
    ("in its partition", (QUANTITY, 'quantity = "count(*) OVER (PARTITION BY line::INTEGER ORDER BY id)"\n'),
     "kind[0].data.quantity"),
    ("in its order", ('\nid = "id"', "\nid = \"id || row_number() OVER (PARTITION BY sku ORDER BY line::INTEGER)\""),
     "event.id"),
    ("behind a window", (QUANTITY, 'quantity = "count(*) OVER () * line::INTEGER"\n'), "kind[0].data.quantity"),
]  # fmt: skip


def ignore(_done: int, _total: int | None) -> None:
    """Show no progress."""


def both(path: Path, mapping: Mapping, database: sa.Engine) -> tuple[Tally, Tally]:
    """The tallies of the dry run and of the import that follows."""
    _, dry = dry_run_file(path, mapping, Settings())
    settings = Settings(create_on_first_sight=True)
    return dry, import_file(path, mapping, Recorder(database, settings), ignore)


@pytest.mark.parametrize(("change", "place"), [f[1:] for f in FAILING], ids=[f[0] for f in FAILING])
def test_a_row_on_which_an_expression_fails_is_one_reject_with_number_place_and_value(
    database: sa.Engine, tmp_path: Path, change: tuple[str, str], place: str
) -> None:
    path = write(tmp_path / "till.csv", row("a"), row("b", line="x"), row("c", line=2))
    dry, done = both(path, till(change), database)
    assert dry.rejected == done.rejected == {"mapping_expression": 1}
    assert (dry.outcomes.total(), done.outcomes["accepted"]) == (2, 2)
    for tally in (dry, done):
        said = tally.examples["mapping_expression"]
        assert said.startswith(f"till.csv, row 2: line 3 of the file: {place} = ")
        assert "line = 'x'" in said


def test_an_expression_may_fail_on_a_row_that_is_left_out(tmp_path: Path) -> None:
    mapping = till((QUANTITY, 'quantity = "line::INTEGER"\n'))
    path = write(tmp_path / "till.csv", row("a"), row("b", sku="TEST", line="x"))
    _, tally = dry_run_file(path, mapping, Settings())
    assert (tally.rejected, tally.left_out) == ({}, {"a test ring": 1})


def test_an_expression_that_fails_on_every_row_is_the_mappings_fault(tmp_path: Path) -> None:
    mapping = till((QUANTITY, 'quantity = "line::INTEGER"\n'))
    path = write(tmp_path / "till.csv", row("a", line="x"), row("b", line="y"))
    with pytest.raises(Invalid, match=r"kind\[0\]\.data\.quantity: Conversion Error.*on every row"):
        dry_run_file(path, mapping, Settings())


def test_a_window_carries_down_what_only_the_first_row_of_an_order_says(
    database: sa.Engine, tmp_path: Path
) -> None:
    carried = "coalesce(max(shop) OVER (PARTITION BY id), 'online')"
    mapping = till(
        ('code = "shop"', f'code = "{carried}"\nname = "{carried}"'),
        (
            '\nid = "id"',
            "\nid = \"id || ':' || row_number() OVER (PARTITION BY id ORDER BY line)\"",
        ),
    )
    lines = [
        "o1,2026-03-01 10:00,A,S1,1,1\n",
        "o1,2026-03-01 10:00,B,,1,2\n",
        "o2,2026-03-01 10:00,B,,1,1\n",
    ]
    dry, done = both(write(tmp_path / "till.csv", *lines), mapping, database)
    assert (dry.outcomes["event: sale"], done.outcomes["accepted"]) == (3, 3)
    with database.connect() as connection:
        query = "SELECT event_id, code FROM ledger JOIN locations USING (location_id) ORDER BY 1"
        found = [tuple(entry) for entry in connection.execute(sa.text(query))]
    assert found == [("o1:1", "S1"), ("o1:2", "S1"), ("o2:1", "online")]


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("09:15 PM", "2026-03-01T21:15:00+01:00"),
        ("12:15 am", "2026-03-01T00:15:00+01:00"),
        ("23:30:00 -0500", "2026-03-02T05:30:00+01:00"),
        ("23:30Z", "2026-03-02T00:30:00+01:00"),
        ("9:15", "2026-03-01T09:15:00+01:00"),
        ("13:15 PM", None),
        ("9:15 XX", None),
    ],
)
def test_a_text_for_a_time_is_taken_whole_as_a_column_is(
    tmp_path: Path, said: str, right: str | None
) -> None:
    mapping = till(
        ('time = "moment"', "time = \"'2026-03-01 ' || line\""), ('order_line = "line"\n', "")
    )
    path = write(tmp_path / "till.csv", row("a", line=said), row("b", line="10:00"))
    sample, tally = dry_run_file(path, mapping, Settings())
    if right is None:
        assert tally.rejected == {"mapping_expression": 1}
        assert f"line = '{said}'" in tally.examples["mapping_expression"]
    else:
        assert sample[0]["time"] == right


cells = st.sampled_from(["1", "2.5", "x", "", "1,5", "-1"])
stamps = st.sampled_from(
    ["2026-03-01 10:00", "2026-03-01 09:15 PM", "yesterday", "", "2026-03-01T10:00Z", "11/8/2018"]
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None
)
@given(
    st.lists(
        st.tuples(cells, stamps, st.sampled_from(["A", "TEST", ""]), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_dry_run_and_import_agree_on_every_row(
    database: sa.Engine, tmp_path: Path, rows: list[tuple[str, str, str, bool]]
) -> None:
    lines = [
        f"r{n},{moment}\n" if short else row(f"r{n}", f'"{cell}"', sku=sku, moment=moment)
        for n, (cell, moment, sku, short) in enumerate(rows)
    ]
    dry, done = both(write(tmp_path / "till.csv", *lines), till(), database)
    assert dry.read == done.read == dry.accounted == done.accounted == len(rows)
    assert (dry.rejected, dry.left_out) == (done.rejected, done.left_out)
    assert dry.examples == done.examples
    assert {reason.partition(" of ")[0] for reason in dry.examples} == set(dry.rejected)


def test_each_column_that_is_wrong_has_an_example(tmp_path: Path) -> None:
    path = write(tmp_path / "till.csv", row("a", "x"), row("b", "y"), row("c", moment="z"))
    _, tally = dry_run_file(path, till(), Settings())
    assert list(tally.examples) == ["wrong_type", "wrong_type of moment"]
    assert ["'x'" in said or "'z'" in said for said in tally.examples.values()] == [True, True]


def test_a_broken_row_changes_no_number_of_another(tmp_path: Path) -> None:
    mapping = till(
        ('\nid = "id"', "\nid = \"'n' || line\""),
        ('line = "VARCHAR"\n', ""),
        ('order_line = "line"\n', ""),
    )
    header = "id,moment,sku,shop,quantity\n"
    sound = "a,2026-03-01 10:00,A,S1,1\n"
    for middle in (sound, "a,2026\n"):
        path = write(tmp_path / "till.csv", sound, middle, sound, header=header)
        sample, _ = dry_run_file(path, mapping, Settings())
        assert sample[-1]["id"] == "n3"

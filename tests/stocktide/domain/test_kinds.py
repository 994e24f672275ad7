import ast
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import stocktide.domain
from etl.kinds import kind_table
from ingest.epcis.movements.rules import Movement, brings_in, kind_of
from ingest.ledger.columns import FLAGS, IS_KNOWN, IS_SALE, IS_SCORED, PLAIN
from ingest.parsing.kinds import DATA_TYPES
from stocktide.domain import kinds
from stocktide.domain.kinds import KINDS, EventKind

ALL = list(KINDS.values())


def names(chosen: Any) -> set[str]:
    return {kind.name for kind in ALL if chosen(kind)}


def test_event_kinds_is_the_table_in_the_database(database: sa.Engine) -> None:
    with database.connect() as connection:
        found = connection.execute(sa.text("SELECT * FROM event_kinds")).mappings().all()
    assert {row["kind"]: dict(row) for row in found} == {kind.name: kind.row() for kind in ALL}


def test_event_kinds_is_what_duckdb_joins() -> None:
    assert kind_table().to_pylist() == [kind.row() for kind in ALL]


def test_is_stock_count_agrees_with_the_table_and_finds_the_index(database: sa.Engine) -> None:
    with database.connect() as connection:
        found = connection.execute(
            sa.text("SELECT kind FROM event_kinds WHERE is_stock_count(kind)")
        )
        assert set(found.scalars()) == names(lambda kind: kind.is_count)
        connection.execute(sa.text("SET enable_seqscan = off"))
        plan = connection.execute(
            sa.text(
                "EXPLAIN SELECT observed_milli FROM ledger WHERE product_id = 1 AND location_id = 1"
                " AND is_stock_count(kind) ORDER BY occurred_at DESC, entry_id DESC LIMIT 1"
            )
        )
        # the predicate of the partial index is met, so it is not asked again
        text = "\n".join(plan.scalars())
    assert "product_id_location_id_occurred_at_entry_id_idx" in text
    assert "Filter" not in text


def test_event_kinds_refuses_a_count_that_no_index_serves(database: sa.Engine) -> None:
    count = (
        "INSERT INTO event_kinds"
        " (kind, sign, observes, is_count, sets_price, shows_stock, scored, reversible, corrects)"
        " VALUES ('tally', 0, true, true, false, true, false, false, false)"
    )
    with pytest.raises(sa.exc.IntegrityError, match="is_count"), database.begin() as connection:
        connection.execute(sa.text(count))


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_ledger_takes_what_was_seen_of_kinds_that_observe_alone(
    database: sa.Engine, kind: EventKind
) -> None:
    row = (
        "INSERT INTO ledger (entry_id, source_id, event_id, kind, product_id, location_id, quantity_milli,"
        " observed_milli, occurred_at) VALUES (1, 1, 'e', :kind, 1, 1, 0, :seen, now())"
    )
    for seen in (None, 1000):
        with database.connect() as connection:
            if kind.observes == (seen is not None):
                connection.execute(sa.text(row), {"kind": kind.name, "seen": seen})
            else:
                with pytest.raises(sa.exc.IntegrityError, match="ledger_check"):
                    connection.execute(sa.text(row), {"kind": kind.name, "seen": seen})


def test_kinds_decide_what_the_documents_say() -> None:
    """The rules of the trade, said once more in their own words: what docs/events.md promises."""
    assert names(lambda kind: kind.sign < 0) == {"sale", "transfer", "dispatch"}
    assert names(lambda kind: kind.sign > 0 and not kind.signed) == {"return", "receipt", "arrival"}
    assert names(lambda kind: kind.signed) == {"adjustment"}
    assert {kind.name: kind.second_sign for kind in ALL if len(kind.legs) > 1} == {
        "transfer": 1, "dispatch": 0,
    }  # fmt: skip
    assert {kind.name: kind.opens for kind in ALL if kind.opens} == {
        "order": "on_order", "dispatch": "in_transit", "reservation": "promised",
    }  # fmt: skip
    assert {kind.name: kind.closes for kind in ALL if kind.closes} == {
        "receipt": "on_order", "arrival": "in_transit", "sale": "promised", "release": "promised",
    }  # fmt: skip
    assert names(lambda kind: kind.commit_leg == 1) == {"dispatch"}
    assert names(lambda kind: kind.shows_stock) == {"receipt", "stocktake", "arrival"}
    assert names(lambda kind: kind.observes) == {"stocktake", "reading"}
    assert names(lambda kind: kind.scored) == {"sale", "return"}
    assert names(lambda kind: not kind.reversible) == {"correction"}
    assert names(lambda kind: kind.daily == "adjusted") == {
        "adjustment", "transfer", "dispatch", "arrival",
    }  # fmt: skip
    assert names(lambda kind: kind.corrects) == {"correction"}


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_a_kind_does_not_contradict_itself(kind: EventKind) -> None:
    fields = set(DATA_TYPES[kind.name].__struct_fields__)
    assert {kind.amount, kind.reference, kind.counterparty} - {None} <= fields
    assert len(kind.legs) <= 2
    assert ("to_location" in fields) == (len(kind.legs) == 2)
    assert sum((leg.opens or leg.closes) is not None for leg in kind.legs) <= 1
    assert (kind.reference is not None) == ((kind.opens or kind.closes) is not None)
    assert kind.has_quantity or kind.sign == 0
    assert (kind.daily is not None) == (kind.sign != 0)
    assert kind.reversible != kind.corrects
    assert kind.shows_stock or not kind.is_count
    rare = {"reason", "supplier", "device", "cost", "expires_on", "expected_on", "to_location"}
    assert not (kind.usual and fields & rare)


def test_flags_of_ledger_rows_are_the_kinds_attributes() -> None:
    assert FLAGS["sale"] == IS_SCORED | IS_SALE
    assert FLAGS["return"] == IS_SCORED
    assert FLAGS["receipt"] == FLAGS["stocktake"] == FLAGS["arrival"] == IS_KNOWN
    assert {"sale", "return"} == PLAIN


def test_every_movement_of_epcis_is_a_kind() -> None:
    movements: list[Movement] = [
        "receipt", "return", "sale", "adjustment in", "adjustment out", "stocktake", "reading", "dispatch", "arrival",
    ]  # fmt: skip
    assert [movement for movement in movements if brings_in(movement)] == [
        "receipt", "return", "adjustment in", "arrival",
    ]  # fmt: skip
    assert [kind_of(movement).name for movement in movements[3:5]] == ["adjustment"] * 2
    assert {*Movement.__args__} == {"none", *movements}  # type: ignore[attr-defined]


def test_domain_imports_the_standard_library_alone() -> None:
    folder = Path(str(stocktide.domain.__file__)).parent
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                found = [node.module or ""]
            else:
                found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in found:
                known = name.split(".")[0] in sys.stdlib_module_names
                assert known or name.startswith("stocktide.domain"), f"{path}: {name}"


def test_the_constants_are_the_table() -> None:
    made = {value.name: value for value in vars(kinds).values() if isinstance(value, EventKind)}
    assert made == KINDS

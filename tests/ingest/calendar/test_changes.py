from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest.calendar import Wanted, list_plans, plans_csv, put_changes, read_changes
from ingest.calendar.kinds import KINDS
from stocktide.foundation.errors import Invalid, NotFound

DAYS = "2027-03-01,2027-03-14"
MIXED = (
    "plans,id,product,location,from,to,discount,price,state,name,day,value\n"
    f"promotions,p1,A,,{DAYS},0.3,,,,,\n"
    f"prices,,B,S1,{DAYS},,1.49,,,,\n"
    f"closures,,,S2,{DAYS},,,closed,,,\n"
    "events,,,,,,,,,Fair,2027-03-05,\n"
    f"regressors,,,,{DAYS},,,,heat,,24.5\n"
)


def write(folder: Path, text: str, name: str = "what.csv") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_one_file_may_hold_plans_of_every_kind(chain: sa.Engine, tmp_path: Path) -> None:
    with chain.begin() as connection:
        put_changes(connection, read_changes(write(tmp_path, MIXED)), by="x")
        for kind in KINDS:
            assert len(list_plans(connection, kind, Wanted())) == 1


def test_plan_of_the_same_id_is_replaced_and_one_is_taken_back(
    chain: sa.Engine, tmp_path: Path
) -> None:
    first = f"id,product,from,to,discount\np1,A,{DAYS},0.3\np2,B,{DAYS},0.2\n"
    second = (
        f"id,product,from,to,discount,withdraw\np1,A,{DAYS},0.5,\np2,,,,,yes\np3,A,{DAYS},0.1,No\n"
    )
    for text in (first, second):
        with chain.begin() as connection:
            put_changes(connection, read_changes(write(tmp_path, text)), by="x")
    with chain.connect() as connection:
        listed = list_plans(connection, "promotions", Wanted())
    assert [(plan["id"], plan["discount"]) for plan in listed] == [("p1", 0.5), ("p3", 0.1)]


@pytest.mark.parametrize(
    ("columns", "values", "kind"),
    [
        ("product,from,to,price", f"A,{DAYS},1.49", "prices"),
        ("product,from,price", "A,2027-03-01,1.49", "prices"),
        ("product,from,to,discount", f"A,{DAYS},0.3", "promotions"),
        ("product,from,to,kind", f"A,{DAYS},leaflet", "promotions"),
        ("location,from,to,state", f"S1,{DAYS},open", "closures"),
        ("name,day", "Fair,2027-03-05", "events"),
        ("name,from,to,value", f"heat,{DAYS},24", "regressors"),
    ],
)
def test_kind_of_a_file_follows_from_its_columns(
    tmp_path: Path, columns: str, values: str, kind: str
) -> None:
    (change,) = read_changes(write(tmp_path, f"{columns}\n{values}\n"))
    assert (change.kind, change.row) == (kind, 1)


@pytest.mark.parametrize("kind", list(KINDS))
def test_listed_plans_are_read_back_as_the_kind_that_they_are(
    chain: sa.Engine, tmp_path: Path, kind: str
) -> None:
    with chain.begin() as connection:
        put_changes(connection, read_changes(write(tmp_path, MIXED)), by="x")
        listed = list_plans(connection, kind, Wanted())
    again = read_changes(write(tmp_path, plans_csv(kind, listed)))
    assert [change.kind for change in again] == [kind]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("product,from,to,discount\n", "no row"),
        ("sku,from,to\nA,2027-03-01,2027-03-02\n", "columns sku, from, to are those of no kind"),
        (f"location,from,to\nS1,{DAYS}\n", "from, to could be promotions or closures"),
        ("id,withdraw\np1,yes\n", "give the kind of each row in a column plans"),
        ("plans,product\nfairs,A\n", "row 1, column plans: 'fairs' is no kind of plan"),
        ("product,from,to,discount\nA,2027-03-01,tomorrow,0.3\n", "row 1: .*to"),
        ("product,from,to,discount,withdraw\nA,,,,yes\n", "row 1, column id"),
        (f"product,from,to,discount,withdraw\nA,{DAYS},0.3,maybe\n", "column withdraw: 'maybe'"),
    ],
)
def test_wrong_file_is_refused_and_its_place_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read_changes(write(tmp_path, text))


def test_rows_are_counted_as_the_file_has_them_when_its_kinds_alternate(
    chain: sa.Engine, tmp_path: Path
) -> None:
    head = "plans,product,location,from,to,discount,state\n"
    closure, promotion = f"closures,,S1,{DAYS},,closed\n", f"promotions,A,,{DAYS},0.3,\n"
    unknown = write(tmp_path, head + closure + promotion + promotion.replace("A", "Z"))
    with chain.begin() as connection:
        with pytest.raises(NotFound, match=r"what.csv, row 3, column product: there is no product"):
            put_changes(connection, read_changes(unknown), by="x")
        wrong = write(tmp_path, head + closure + promotion.replace("0.3", "30"))
        with pytest.raises(Invalid, match=r"row 2, column discount: 30 is not a share"):
            put_changes(connection, read_changes(wrong), by="x")
        away = write(tmp_path, "plans,id,withdraw\nclosures,c1,yes\n")
        with pytest.raises(NotFound, match=r"row 1, column id: There is no plan 'c1'"):
            put_changes(connection, read_changes(away), by="x")

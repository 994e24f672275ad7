from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest.calendar import Wanted, list_plans, plans_csv, put_plans_file
from stocktide.foundation.errors import Invalid, NotFound

PROMOTIONS = (
    "id,product,location,from,to,kind,discount\n"
    "p1,A,,2027-03-01,2027-03-14,leaflet,0.3\n"
    ",B,S1,2027-03-01,2027-03-07,,0.2\n"
)


def test_plans_of_a_file_are_recorded_once_and_written_as_they_were_read(
    chain: sa.Engine, tmp_path: Path
) -> None:
    file = tmp_path / "promotions.csv"
    file.write_text(PROMOTIONS)
    with chain.begin() as connection:
        assert put_plans_file(connection, "promotions", file, by="x").recorded == 2
        listed = list_plans(connection, "promotions", Wanted())
        assert [plan["kind"] for plan in listed] == ["leaflet", "promotion"]
        file.write_text(plans_csv("promotions", listed))
        again = put_plans_file(connection, "promotions", file, by="x")
        assert (again.recorded, again.changed, again.unchanged) == (0, 0, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("product,colour\nA,red\n", "column 'colour' is no field"),
        ("product,from,to\nA,2027-03-01,tomorrow\n", "row 1"),
        ("product,from\nA,2027-03-01\n", "row 1.*to"),
        ("product,from,to\n", "no row"),
        ("product,from,to,discount\nA,2027-03-01,2027-03-02,30\n", r"row 1: discount"),
    ],
)
def test_wrong_file_changes_nothing_and_names_the_place(
    chain: sa.Engine, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "promotions.csv"
    file.write_text(text)
    with chain.begin() as connection, pytest.raises(Invalid, match=said):
        put_plans_file(connection, "promotions", file, by="x")


def test_file_with_an_unknown_product_names_it(chain: sa.Engine, tmp_path: Path) -> None:
    file = tmp_path / "promotions.csv"
    file.write_text(PROMOTIONS.replace("B", "Z"))
    with chain.begin() as connection, pytest.raises(NotFound, match=r"row 2: product"):
        put_plans_file(connection, "promotions", file, by="x")
    with chain.connect() as connection:
        assert list_plans(connection, "promotions", Wanted(history=True)) == []

from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest.files.dimension_files import put_locations_file, put_products_file
from stocktide.foundation.errors import Invalid


def test_put_products_file_takes_a_column_a_field_and_leaves_empty_cells_alone(
    database: sa.Engine, tmp_path: Path
) -> None:
    file = tmp_path / "products.csv"
    with database.begin() as connection:
        file.write_text("sku,name,price,currency\nA,Apple,1.50,EUR\nB,,,\n")
        assert put_products_file(connection, file) == 2
        file.write_text("sku,department,name\nA,Fruit,\n")
        assert put_products_file(connection, file) == 1
        rows = connection.execute(
            sa.text("SELECT sku, name, department, price_micros FROM products ORDER BY sku")
        )
        assert [tuple(row) for row in rows] == [
            ("A", "Apple", "Fruit", 1_500_000),
            ("B", None, None, None),
        ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sku,colour\nA,red\n", "column 'colour' is no field"),
        ("sku,price\nA,cheap\n", "row 1"),
        ("name\nApple\n", "row 1.*sku"),
        ("sku\n", "no row"),
        ("", "empty"),
        ("sku,name\nA,a\nB,b,c\n", "line 3"),
    ],
)
def test_put_products_file_changes_nothing_and_names_the_place_when_a_row_is_wrong(
    database: sa.Engine, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "products.csv"
    file.write_text(text)
    with pytest.raises(Invalid, match=f"products.csv.*{said}"), database.begin() as connection:
        put_products_file(connection, file)
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM products")).scalar_one() == 0


def test_put_locations_file_refuses_a_zone_that_is_none(
    database: sa.Engine, tmp_path: Path
) -> None:
    file = tmp_path / "places.ndjson"
    file.write_text(
        '{"code": "S1", "timezone": "Europe/Berlin"}\n{"code": "S2", "timezone": "Mars"}\n'
    )
    with pytest.raises(Invalid, match="Mars"), database.begin() as connection:
        put_locations_file(connection, file)

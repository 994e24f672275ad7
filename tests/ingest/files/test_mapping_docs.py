"""docs/mappings.md names every key and type, and its mappings do what it says."""

import re
from pathlib import Path

import msgspec
import pytest

from ingest.files.dialect import FileOptions
from ingest.files.importing import dry_run_file
from ingest.files.mapping import COLUMN_TYPES, Mapping, parse_mapping
from ingest.files.mapping_check import check_expressions
from stocktide.foundation.settings import Settings

DOCS = (Path(__file__).parents[3] / "docs" / "mappings.md").read_text("utf-8")
WHOLE: list[str] = re.findall(r"```toml\n(.*?)```", DOCS, re.DOTALL)
ORDERS = (
    "Name,Email,Financial Status,Created at,Currency,Lineitem quantity,Lineitem name,Lineitem price,"
    "Lineitem sku,Lineitem requires shipping,Cancelled at,Location"
)
ROWS = """
#1001,a@example.com,paid,2026-03-01 23:30:00 -0500,USD,2,Tea,4.50,T-1,true,,Main St
#1001,a@example.com,,2026-03-01 23:30:00 -0500,,1,Mug,9.00,,true,,
#1001,a@example.com,,2026-03-01 23:30:00 -0500,,1,Gift card,25.00,,false,,
#1002,b@example.com,refunded,2026-03-02 09:00:00 -0500,USD,1,Tea,4.50,T-1,true,2026-03-02 10:00:00 -0500,
#1002,b@example.com,,2026-03-02 09:00:00 -0500,,1,Mug,9.00,M-1,true,,
#1003,c@example.com,paid,2026-03-02 11:00:00 -0500,USD,1,Tea,4.50,T-1,true,,
"""


@pytest.mark.parametrize("text", WHOLE)
def test_a_mapping_of_the_docs_is_sound(text: str) -> None:
    check_expressions(parse_mapping(text, "docs.toml"))


@pytest.mark.parametrize("shape", [Mapping, FileOptions])
def test_every_key_is_named(shape: type[msgspec.Struct]) -> None:
    for name in shape.__struct_fields__:
        assert re.search(rf"`\[*{name}\]*`", DOCS), name


def test_every_type_is_named() -> None:
    assert set(re.findall(r"^\| `([A-Z]+)` \|", DOCS, re.MULTILINE)) == COLUMN_TYPES


def test_the_recipe_for_shopify_carries_order_fields_down(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS + ROWS)
    sample, tally = dry_run_file(path, parse_mapping(WHOLE[1], "docs.toml"), Settings())
    assert tally.left_out == {"cancelled": 2, "gift card or other thing that is not shipped": 1}
    assert tally.rejected == {}
    found = [
        (e["id"], e["data"]["product"], e["data"]["location"], e["data"]["currency"])
        for e in sample
    ]
    assert found == [
        ("#1001:1", "T-1", "Main St", "USD"),
        ("#1001:2", "Mug", "Main St", "USD"),
        ("#1003:1", "T-1", "online", "USD"),
    ]
    assert sample[0]["time"] == "2026-03-01T23:30:00-05:00"


@pytest.mark.parametrize(
    ("heading", "cell", "right"),
    [
        ("Money with its sign", "($1,234.50)", "-1234.5"),
        ("Money with its sign", "-$2.00", "-2.0"),
        ("Money with its sign", "$3", "3.0"),
        ("Of `1.234,50 €`", "1.234,50 €", "1234.50"),
    ],
)
def test_the_recipes_for_money_read_it(tmp_path: Path, heading: str, cell: str, right: str) -> None:
    recipe = DOCS[DOCS.index(heading) :].partition("replace(")[2].partition("`")[0]
    sql = "replace(" + recipe.removesuffix("'''").replace('"Preis"', '"Price"')
    text = WHOLE[0].replace('price = "DECIMAL"', 'Price = "VARCHAR"')
    mapping = parse_mapping(text.replace('price = "price"', ""), "docs.toml")
    mapping.kind[0].kind = "adjustment"
    mapping.kind[0].data = {"quantity": sql, "reason": "'r'"}
    path = tmp_path / "till.csv"
    path.write_text(f"receipt;sold_at;shop;Article no;qty;Price\n1;2026-03-01;S;A;1;{cell}\n")
    sample, tally = dry_run_file(path, mapping, Settings())
    assert (tally.rejected, sample[0]["data"]["quantity"]) == ({}, right)

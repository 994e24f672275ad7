"""A drafted mapping reads the file that it was drafted from, with the roles that its columns have."""

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.files.dialect import FileOptions
from ingest.files.importing import dry_run_file
from ingest.files.mapping import RESERVED, Mapping, parse_mapping
from ingest.files.mapping_check import check_expressions
from ingest.files.mapping_draft import draft_mapping
from ingest.files.tally import Tally
from stocktide.foundation.errors import Invalid
from stocktide.foundation.settings import Settings

SUPERSTORE = """Row ID,Order ID,Order Date,Ship Mode,City,Product ID,Category,Product Name,Sales,Quantity,Discount
1,CA-1,11/8/2016,Second Class,Henderson,FUR-1,Furniture,"Bookcase, 3½",261.96,2,0
2,CA-1,11/8/2016,Second Class,Henderson,FUR-2,Furniture,Chair \u2013 Beige,731.94,3,0
3,CA-2,6/12/2016,Second Class,Los Angeles,OFF-1,Labels,Labels,14.62,2,0.2
4,CA-3,12/25/2016,First Class,Los Angeles,OFF-1,Labels,Labels,14.62,1,0.2
"""
SHOPIFY = """Name,Email,Financial Status,Currency,Created at,Lineitem quantity,Lineitem name,Lineitem price,\
Lineitem sku,Id,Location
#1001,a@example.com,paid,USD,2026-03-01 23:30:00 -0500,2,Tea,4.50,T-1,501,Main St
#1001,a@example.com,,,2026-03-01 23:30:00 -0500,1,Mug,9.00,,,
#1002,b@example.com,paid,USD,2026-03-02 09:00:00 -0500,1,Tea,4.50,T-1,502,
"""
SQUARE = """Date,Time,Item,Qty,SKU,Gross Sales,Transaction ID,Event Type,Location
2026-03-01,08:00:10,Latte,2.0,LAT,$8.00,T1,Payment,Brooklyn
2026-03-01,09:10:00,Latte,-1.0,LAT,($4.00),T2,Refund,Brooklyn
"""
WOOCOMMERCE = """order_id;order_date;status;order_currency;item_name;item_sku;item_quantity;item_price
7000;2026-04-01 00:15:00;wc-completed;EUR;"Brot; dunkel";BR-1;3;3,50
7000;2026-04-01 00:15:00;wc-completed;EUR;Torte;TO-1;1;1.234,50
"""


def drafted(
    folder: Path, content: str, encoding: str = "utf-8"
) -> tuple[Mapping, list[dict[str, Any]], Tally]:
    """The mapping drafted for a file, and what a dry run with it says."""
    path = folder / "export.csv"
    path.write_bytes(content.encode(encoding))
    options = FileOptions(encoding=None if encoding.startswith("utf-8") else encoding)
    mapping = parse_mapping(draft_mapping(path, options), "export.toml")
    check_expressions(mapping)
    return (mapping, *dry_run_file(path, mapping, Settings()))


EXPORTS: list[tuple[str, str, list[tuple[str, str, str, str]]]] = [
    (SUPERSTORE, "cp1252", [("CA-1:1", "FUR-1", "Henderson", "2016-11-08T12:00:00+00:00"),
                            ("CA-1:2", "FUR-2", "Henderson", "2016-11-08T12:00:00+00:00"),
                            ("CA-2:1", "OFF-1", "Los Angeles", "2016-06-12T12:00:00+00:00"),
                            ("CA-3:1", "OFF-1", "Los Angeles", "2016-12-25T12:00:00+00:00")]),
    (SHOPIFY, "utf-8", [("#1001:1", "T-1", "Main St", "2026-03-02T04:30:00+00:00"),
                        ("#1001:2", "Mug", "Main St", "2026-03-02T04:30:00+00:00"),
                        ("#1002:1", "T-1", "online", "2026-03-02T14:00:00+00:00")]),
    (SQUARE, "utf-8", [("T1", "LAT", "Brooklyn", "2026-03-01T08:00:10+00:00"),
                       ("T2", "LAT", "Brooklyn", "2026-03-01T09:10:00+00:00")]),
    (WOOCOMMERCE, "utf-8-sig", [("7000:1", "BR-1", "main", "2026-04-01T00:15:00+00:00"),
                                ("7000:2", "TO-1", "main", "2026-04-01T00:15:00+00:00")]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "encoding", "right"), EXPORTS)
def test_a_draft_finds_order_product_location_and_time_of_known_exports(
    tmp_path: Path, content: str, encoding: str, right: list[tuple[str, str, str, str]]
) -> None:
    _, sample, tally = drafted(tmp_path, content, encoding)
    assert tally.rejected == {}
    found = [(e["id"], e["data"]["product"], e["data"]["location"], e["time"]) for e in sample]
    assert found == right


def test_a_draft_declares_decimal_commas_and_returns(tmp_path: Path) -> None:
    mapping, sample, _ = drafted(tmp_path, WOOCOMMERCE)
    assert (mapping.file.decimal, mapping.file.thousands) == (",", ".")
    assert sample[1]["data"]["price"] == "1234.5"
    mapping, sample, _ = drafted(tmp_path, SQUARE)
    assert [rule.kind for rule in mapping.kind] == ["sale", "return"]
    assert sample[1]["data"]["quantity"] == "1.0"


def test_a_draft_of_codes_of_digits_keeps_them_text(tmp_path: Path) -> None:
    _, sample, _ = drafted(tmp_path, "id,date,sku,qty,postcode\n1,2026-03-01,0012,1,01234\n")
    assert sample[0]["data"]["product"] == "0012"


ours = st.sampled_from(sorted(RESERVED | {name.upper() for name in RESERVED} | {"line", "LINE"}))
any_name = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12
)
names = st.lists((any_name.map(str.strip).filter(bool)) | ours, min_size=2, max_size=6, unique=True)
cells = st.sampled_from(
    ["1", "1,5", "a", "", "2026-03-01", "01.02.2026", "1/2/2026", "true", "x'y\"z", "\\", "é"]
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(names, st.data())
def test_a_draft_is_a_mapping_whatever_the_columns_are_called(
    tmp_path: Path, columns: list[str], data: st.DataObject
) -> None:
    path = tmp_path / "export.csv"
    rows = data.draw(
        st.lists(
            st.lists(cells, min_size=len(columns), max_size=len(columns)), min_size=1, max_size=4
        )
    )
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    if all(column.lower() in RESERVED for column in columns):
        with pytest.raises(Invalid, match="rename them in the file"):
            draft_mapping(path)
    else:
        parse_mapping(draft_mapping(path), "export.toml")


def test_a_draft_names_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("id,sku\n")
    with pytest.raises(Invalid, match="no row"):
        draft_mapping(path)

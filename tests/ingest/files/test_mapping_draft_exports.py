"""A drafted mapping of an export with its dirt gives the export's own figures, with nothing added by hand."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.files.importing import dry_run_file
from ingest.files.mapping import parse_mapping
from ingest.files.mapping_draft import draft_mapping
from ingest.files.row_events import parsed_chunks
from ingest.files.tabular import TabularFile
from ingest.files.tally import Tally
from ingest.parsing.events import Fault, StockEvent
from ingest.parsing.parser import EventParser
from stocktide.foundation.settings import Settings

SUPERSTORE = """\
Row ID,Order ID,Order Date,Country,City,State,Product ID,Category,Sub-Category,Product Name,Sales,Quantity
1,CA-1,11/8/2016,United States,Troy,New York,FUR-1,Furniture,Chairs,"Table, 3½",261.9612,2
2,CA-1,11/8/2016,United States,Troy,New York,FUR-2,Furniture,Chairs,Chair,731.94,3
3,CA-2,12/25/2016,United States,Salem,Oregon,OFF-1,Office,Labels,Labels,"1,314.62",2
Grand Total,,,,,,,,,,"2,308.52",7
"""
CROSSTAB = (
    SUPERSTORE.replace("261.9612", "$261.96")
    .replace("731.94", "$731.94")
    .replace('"1,314.62"', '"$1,314.62"')
)
SHOPIFY = """Name,Financial Status,Created at,Currency,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,\
Lineitem requires shipping,Lineitem discount,Cancelled at,Location
#1,paid,2026-03-01 23:30:00 -0500,USD,3,"Tea ""Dawn""\nloose",4.35,T-1,true,1.31,,Main St
#1,,2026-03-01 23:30:00 -0500,,1,Gift card,25.00,,false,0.00,,
#2,voided,2026-03-02 09:00:00 -0500,USD,1,Tea,4.35,T-1,true,0.00,2026-03-02 10:00:00 -0500,
#2,,2026-03-02 09:00:00 -0500,,1,Mug,9.00,,true,0.00,,
#3,paid,2026-03-02 11:00:00 -0500,USD,1,Mug,9.00,,true,0.00,,
"""
SQUARE = """Date,Time,Time Zone,Category,Item,Qty,SKU,Net Sales,Transaction ID,Event Type,Location,Itemization Type
2026-03-01,22:00:10,Pacific Time (US & Canada),Food,Latte,2.0,LAT,"$1,008.10",T1,Payment,LA,Physical Good
2026-03-01,22:10:00,Eastern Time (US & Canada),Food,Latte,-1.0,LAT,-$4.00,T2,Refund,NY,Physical Good
2026-03-01,22:11:00,Eastern Time (US & Canada),Food,Tea,-0.5,,($2.00),T2,Refund,NY,Physical Good
2026-03-01,22:20:00,Eastern Time (US & Canada),,Gift Card,1.0,,$25.00,T3,Payment,NY,Gift Card
Total,,,,,,,"$1,027.10",,,,
"""
WOOCOMMERCE = """\
Order Number;Order Status;Order Date;City (Billing);SKU;Item Name;Quantity (- Refund);Item Cost;Order Line Total
1;Completed;26.01.2024 23:09;Köln;A;"Öl; 0,5 l";2;1.980,85;3.565,53
1;Completed;26.01.2024 23:09;Köln;;Brot;1;3,50;3,50
2;Completed;27.01.2024 08:00;Köln;A;Öl;-1;1.980,85;-1.980,85
3;Cancelled;27.01.2024 08:00;Köln;A;Öl;1;1.980,85;1.980,85
4;On hold;27.01.2024 08:00;Köln;A;Öl;0;1.980,85;0,00
Summe;;;;;;3
"""
Line = tuple[str, str, str, Decimal, Decimal, str | None, str]


def drafted_lines(path: Path) -> tuple[list[Line], Tally, list[dict[str, Any]]]:
    """Kind, product, place, quantity, total, order and time of what the file's own draft makes of it."""
    mapping = parse_mapping(draft_mapping(path), "draft.toml")
    _, tally = dry_run_file(path, mapping, Settings())
    with TabularFile(path, mapping) as table:
        made = [e for _, parsed in parsed_chunks(table, EventParser(Settings())) for e in parsed]
        places = table.locations()
    lines: list[Line] = []
    for e in made:
        assert not isinstance(e, Fault), e
        assert isinstance(e, StockEvent)
        quantity, total = Decimal(e.quantity_milli or 0) / 1000, Decimal(e.line_total_micros or 0)
        time = e.occurred_at.isoformat()
        lines.append(
            (e.kind, e.product, e.location, abs(quantity), total / 10**6, e.order_id, time)
        )
    return lines, tally, places


def written(folder: Path, text: str, name: str = "export.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


D = Decimal
RIGHT: list[tuple[str, str, str, list[Line], dict[str, int]]] = [
    (SUPERSTORE.replace('"1,314.62"', "1314.62").replace('"2,308.52"', "2308.52"), "export.csv", "cp1252", [
        ("sale", "FUR-1", "Troy", D(2), D("261.9612"), "CA-1", "2016-11-08T12:00:00+00:00"),
        ("sale", "FUR-2", "Troy", D(3), D("731.94"), "CA-1", "2016-11-08T12:00:00+00:00"),
        ("sale", "OFF-1", "Salem", D(2), D("1314.62"), "CA-2", "2016-12-25T12:00:00+00:00")],
     {"a total under the rows": 1}),
    (CROSSTAB, "export.csv", "utf-16", [
        ("sale", "FUR-1", "Troy", D(2), D("261.96"), "CA-1", "2016-11-08T12:00:00+00:00"),
        ("sale", "FUR-2", "Troy", D(3), D("731.94"), "CA-1", "2016-11-08T12:00:00+00:00"),
        ("sale", "OFF-1", "Salem", D(2), D("1314.62"), "CA-2", "2016-12-25T12:00:00+00:00")],
     {"a total under the rows": 1}),
    (SHOPIFY, "export.csv", "utf-8", [
        ("sale", "T-1", "Main St", D(3), D("11.74"), "#1", "2026-03-02T04:30:00+00:00"),
        ("sale", "Mug", "online", D(1), D(9), "#3", "2026-03-02T16:00:00+00:00")],
     {"cancelled": 2, "not shipped: a gift card or a service": 1}),
    (SQUARE, "export.csv", "utf-8-sig", [
        ("sale", "LAT", "LA", D(2), D("1008.10"), "T1", "2026-03-02T06:00:10+00:00"),
        ("return", "LAT", "NY", D(1), D(4), "T2", "2026-03-02T03:10:00+00:00"),
        ("return", "Tea", "NY", D("0.5"), D(2), "T2", "2026-03-02T03:11:00+00:00")],
     {"no goods": 1, "a total under the rows": 1}),
    (WOOCOMMERCE, "export.csv", "utf-8-sig", [
        ("sale", "A", "main", D(2), D("3565.53"), "1", "2024-01-26T23:09:00+00:00"),
        ("sale", "Brot", "main", D(1), D("3.50"), "1", "2024-01-26T23:09:00+00:00"),
        ("return", "A", "main", D(1), D("1980.85"), "2", "2024-01-27T08:00:00+00:00")],
     {"cancelled": 1, "no quantity": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name", "encoding", "right", "left_out"), RIGHT)
def test_a_draft_gives_the_figures_of_an_export(
    tmp_path: Path, text: str, name: str, encoding: str, right: list[Line], left_out: dict[str, int]
) -> None:
    lines, tally, _ = drafted_lines(written(tmp_path, text, name, encoding))
    assert lines == right
    assert (tally.rejected, tally.left_out) == ({}, left_out)


def test_a_draft_names_the_zones_of_the_places(tmp_path: Path) -> None:
    _, _, places = drafted_lines(written(tmp_path, SQUARE))
    assert {p["code"]: p["timezone"] for p in places} == {
        "LA": "America/Los_Angeles",
        "NY": "America/New_York",
    }


def with_sign(amount: Decimal) -> str:
    return f"-${-amount:,.2f}" if amount < 0 else f"${amount:,.2f}"


def in_brackets(amount: Decimal) -> str:
    return f"(£{-amount:,.2f})" if amount < 0 else f"£{amount:,.2f}"


def in_euros(amount: Decimal) -> str:
    return f"{amount:,.2f} €".translate(str.maketrans(",.", ".,"))


slow = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
amounts = st.decimals(Decimal("-99999"), Decimal("99999"), places=2)


@slow
@given(
    st.sampled_from([with_sign, in_brackets, in_euros]), st.lists(amounts, min_size=1, max_size=12)
)
def test_a_draft_reads_money_with_its_sign_to_the_cent(
    tmp_path: Path, form: Callable[[Decimal], str], money: list[Decimal]
) -> None:
    rows = [
        f"{n}\t2026-03-01\tA\t{-1 if total < 0 else 1}\t{form(total)}\tS"
        for n, total in enumerate(money)
    ]
    text = "\n".join(["order id\tdate\tsku\tqty\tline total\tshop", *rows]) + "\n"
    lines, tally, _ = drafted_lines(written(tmp_path, text, "export.tsv"))
    assert [line[4] for line in lines] == list(map(abs, money))
    assert tally.rejected == {}


@pytest.mark.parametrize(
    ("day", "clock", "right"),
    [
        ("3/14/2026", "9:05 PM", "2026-03-14T21:05:00+00:00"),
        ("14.03.2026", "21:05:30", "2026-03-14T21:05:30+00:00"),
        ("2026-03-14", "21:05", "2026-03-14T21:05:00+00:00"),
    ],
)
@pytest.mark.parametrize("is_one", [True, False])
def test_a_draft_joins_day_and_time_of_day(
    tmp_path: Path, day: str, clock: str, right: str, is_one: bool
) -> None:
    head, cells = ("date", f"{day} {clock}") if is_one else ("date;time", f"{day};{clock}")
    text = f"id;{head};sku;qty;shop\n1;{cells};A;1;S\n"
    lines, _, _ = drafted_lines(written(tmp_path, text))
    assert [line[6] for line in lines] == [right]


def test_a_draft_of_text_in_another_encoding_asks_for_it(tmp_path: Path) -> None:
    text = "id,date,sku,qty,shop\n1,2026-03-01,Café,1,S\n"
    assert 'says "Café"' in draft_mapping(written(tmp_path, text, encoding="cp1252"))
    path = written(tmp_path, text.replace("é", "\x81"), encoding="latin-1")
    assert 'encoding = "latin-1"' in draft_mapping(path)


def test_a_draft_takes_no_sum_of_a_line_for_the_price_of_one_piece(tmp_path: Path) -> None:
    text = "order_id,date,item_sku,item_quantity,item_subtotal,shop\n1,2026-03-01,A,2,10.00,S\n"
    draft = draft_mapping(written(tmp_path, text))
    assert "line_total = '\"item_subtotal\"'" in draft
    assert "price =" not in draft
    assert "order_id = '\"order_id\"'" in draft


def test_a_draft_looks_beyond_the_first_rows(tmp_path: Path) -> None:
    rows = [f"{n},2026-03-01,A,1,S\n" for n in range(21_500)]
    rows[1_200] = "1200,2026-03-01,A,-1,S\n"
    rows[-1] = "21499,2026-03-01,A,0.5,S\n"
    text = "id,date,sku,qty,shop\n" + "".join(rows)
    draft = draft_mapping(written(tmp_path, text))
    assert '"qty" = "DOUBLE"' in draft
    assert 'kind = "return"' in draft

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.files.dimension_files import put_products_file
from stocktide.foundation.errors import Invalid, NotFound
from tests.conftest import Api
from tests.stocktide.entrypoints.test_api import check_problem

DAY = "2026-03-01"
ALL = sa.text(
    "SELECT p.sku, s.sku, starts_on::text, share FROM successions"
    " JOIN products p ON p.product_id = predecessor_id JOIN products s ON s.product_id = successor_id"
    " ORDER BY 2, 1".replace("::", "\\:\\:")
)


def told(database: sa.Engine) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return [tuple(row) for row in connection.execute(ALL)]


def put(api: Api, *products: dict[str, Any]) -> Any:
    return api.ingest.put("/v1/products", json={"products": list(products)})


def replaces(*others: dict[str, Any], sku: str = "N") -> dict[str, Any]:
    return {"sku": sku, "replaces": list(others)}


def test_a_product_tells_what_it_replaces_changes_it_and_takes_it_back(
    api: Api, database: sa.Engine
) -> None:
    new = replaces({"product": "A", "from": DAY}, {"product": "B", "from": DAY, "share": 0.25})
    assert put(api, new, {"sku": "A"}, {"sku": "B"}).json() == {"products": 3}
    assert told(database) == [("A", "N", DAY, 1.0), ("B", "N", DAY, 0.25)]
    put(api, {"sku": "N", "name": "New"})
    assert len(told(database)) == 2
    put(api, replaces({"product": "B", "from": "2026-04-01", "share": 0.5}))
    assert told(database) == [("B", "N", "2026-04-01", 0.5)]
    put(api, replaces())
    assert told(database) == []


def test_the_same_again_keeps_when_it_was_recorded(api: Api, database: sa.Engine) -> None:
    when = sa.text("SELECT recorded_at FROM successions")
    seen = []
    for share in (0.5, 0.5, 0.6):
        put(api, {"sku": "A"}, replaces({"product": "A", "from": DAY, "share": share}))
        with database.connect() as connection:
            seen.append(connection.execute(when).scalar_one())
    assert seen[0] == seen[1] < seen[2]


@pytest.mark.parametrize(
    ("product", "status", "code", "said"),
    [
        (replaces({"product": "ghost", "from": DAY}), 404, "unknown_product", r"\[0\].*'ghost'"),
        (replaces({"product": "N", "from": DAY}), 400, "succession_self", "'N'"),
        (replaces({"product": "A", "from": "2206-03-01"}), 400, "bad_day", "2206"),
        (replaces({"product": "A", "from": "soon"}), 400, None, "from"),
        (replaces({"product": "A"}), 400, None, "from"),
        (replaces({"product": "A", "from": DAY, "share": 0}), 400, None, "share"),
        (replaces({"product": "A", "from": DAY, "share": 1.01}), 400, None, "share"),
        (replaces(*[{"product": "A", "from": DAY}] * 2), 400, "repeated", "twice"),
        (replaces({"product": "A\x00", "from": DAY}), 400, "bad_text", "NUL"),
        # B takes half of A already, and is what A would replace
        (replaces({"product": "A", "from": DAY, "share": 0.6}), 400, "bad_share", "1.1"),
        (replaces({"product": "B", "from": DAY}, sku="A"), 400, "succession_cycle", "circle"),
    ],
)
def test_what_cannot_be_true_is_refused_and_nothing_is_written(
    api: Api, database: sa.Engine, product: dict[str, Any], status: int, code: str | None, said: str
) -> None:
    half = {"product": "A", "from": DAY, "share": 0.5}
    put(api, {"sku": "A"}, replaces(half, sku="B"))
    before = told(database)
    answer = put(api, {"sku": "beside"}, product)
    check_problem(answer, status, code or answer.json()["code"])
    assert re.search(said, answer.json()["detail"])
    assert told(database) == before
    assert api.read.get("/v1/products/beside").status_code == 404


def test_a_file_has_a_row_for_each_product_that_is_replaced(
    database: sa.Engine, tmp_path: Path
) -> None:
    file = tmp_path / "products.csv"
    file.write_text(
        f"sku,name,replaces,from,share\nA,Apple,,,\nB,Pear,,,\nN,New,A,{DAY},\nN,,B,{DAY},0.4\n"
    )
    with database.begin() as connection:
        assert put_products_file(connection, file) == 3
    assert told(database) == [("A", "N", DAY, 1.0), ("B", "N", DAY, 0.4)]


@pytest.mark.parametrize(
    ("rows", "error", "said"),
    [
        (f"N,New,ghost,{DAY},\n", NotFound, "'ghost'"),
        ("N,New,A,,\n", Invalid, "row 2.*from"),
        (f"N,New,,{DAY},\n", Invalid, "row 2.*`from` needs `replaces`"),
        (f"N,New,A,{DAY},2\n", Invalid, "row 2.*share"),
        (f"N,New,A,{DAY},\nN,Old,B,{DAY},\n", Invalid, "stands in rows"),
        (f"N,New,A,{DAY},\nM,,A,{DAY},0.1\n", Invalid, "1.1"),
    ],
)
def test_a_file_that_cannot_be_true_is_refused_whole(
    database: sa.Engine, tmp_path: Path, rows: str, error: type[Exception], said: str
) -> None:
    file = tmp_path / "products.csv"
    file.write_text(f"sku,name,replaces,from,share\nA,,,,\n{rows}")
    with pytest.raises(error, match=said), database.begin() as connection:
        put_products_file(connection, file)
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM products")).scalar_one() == 0

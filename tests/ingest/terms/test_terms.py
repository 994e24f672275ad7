"""Terms of buying: recorded, changed, read back as of any moment, and refused where they are wrong."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.terms import KINDS, kind_of, list_rows, put_rows, put_rows_file, rows_csv, withdraw_row
from stocktide.foundation.errors import Invalid, NotFound, StocktideError
from tests.conftest import Api
from tests.stocktide.entrypoints.test_api import check_problem

DOCS = (Path(__file__).parents[3] / "docs" / "terms.md").read_text("utf-8")
SPAN = {"from": "2027-03-01", "to": "2027-03-14"}
BODIES: dict[str, dict[str, Any]] = {
    "suppliers": {
        "supplier": "mill", "name": "The mill", "location": "S1", "email": "orders@example.com", "currency": "EUR",
        "timezone": "Europe/Berlin", "order_days": "mon,thu", "cutoff": "16:00", "delivery_days": "tue",
        "lead_days": 5, "minimum_value": 250, "minimum_units": 40, "truck_units": 4000, "order_cost": 12.5,
        "active": True,
    },
    "supplier-products": {
        "supplier": "mill", "product": "A", "price": 1.25, "currency": "EUR", "pack": 12, "minimum": 24,
        "multiple": 12, "lead_days": 4, "rank": 1, "sku": "M-17",
    },
    "price-breaks": {"supplier": "mill", "product": "A", "from_quantity": 120, "price": 1.1},
    "supplier-days": {"supplier": "mill", **SPAN, "state": "closed"},
    "service-targets": {"abc": "A", "location": "S1", "measure": "fill_rate", "target": 0.97},
    "stock-costs": {"category": "Fruit", "holding_rate": 0.25, "shortage": 0.4, "currency": "EUR"},
    "shelf-limits": {"product": "A", "location": "S1", "shelf_life_days": 6, "capacity": 40, "presentation": 2.5,
                     "last_order_on": "2027-06-01"},
    "buyer-budgets": {"buyer": "anna", **SPAN, "amount": 5000, "currency": "EUR"},
    "receiving-limits": {"location": "S1", "units_a_day": 480},
    "approval-rules": {"supplier": "mill", "abc": "A", "location": "S1", "approve": True, "amount": 500, "factor": 1.5,
                       "change": 0.3},
}  # fmt: skip


@pytest.fixture
def chain(database: sa.Engine) -> sa.Engine:
    """Two products, a shop, and the mill that sells to it."""
    with database.begin() as connection:
        put_products(
            connection, [ProductIn("A", department="Food", category="Fruit"), ProductIn("B")]
        )
        put_locations(connection, [LocationIn("S1", region="North"), LocationIn("DC1")])
        put(connection, "suppliers", BODIES["suppliers"])
    return database


@pytest.fixture
def shop(chain: sa.Engine, api: Api) -> Api:
    """The API over that chain."""
    assert chain.url == chain.url
    return api


def put(connection: sa.Connection, kind: str, *bodies: dict[str, Any]) -> tuple[int, ...]:
    of = kind_of(kind)
    rows = [msgspec.convert(body, of.shape) for body in bodies]
    return put_rows(connection, of, rows, by="anna")[:3]


def in_force(engine: sa.Engine, kind: str, **asked: Any) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return list_rows(connection, kind_of(kind), **asked)


@pytest.mark.parametrize("kind", KINDS)
def test_term_is_recorded_read_as_it_was_sent_and_withdrawn(shop: Api, kind: str) -> None:
    path, field = f"/v1/terms/{kind}", kind.replace("-", "_")
    body = {field: [BODIES[kind]], "user": "anna"}
    known = int(kind == "suppliers")
    assert shop.operate.put(path, json=body).json()["recorded"] == 1 - known
    assert shop.operate.put(path, json=body).json()["unchanged"] == 1
    (term,) = shop.read.get(path).json()[field]
    assert BODIES[kind].items() <= term.items()
    assert term["recorded_by"] == ("anna" if known else "anna (key test operate)")
    assert shop.operate.delete(f"{path}/{term['id']}").json() == {"withdrawn": term["id"]}
    assert shop.read.get(path).json()[field] == []
    (gone,) = shop.read.get(path, params={"history": True}).json()[field]
    assert gone["withdrawn_by"] == "key test operate"
    check_problem(shop.operate.delete(f"{path}/{term['id']}"), 404, "term_unknown")


@pytest.mark.parametrize("kind", KINDS)
def test_file_of_terms_may_be_put_again_and_again(
    chain: sa.Engine, kind: str, tmp_path: Path
) -> None:
    of = kind_of(kind)
    with chain.begin() as connection:
        put(connection, kind, BODIES[kind])
        path = tmp_path / "terms.csv"
        path.write_text(rows_csv(of, list_rows(connection, of)))
        assert put_rows_file(connection, of, path, by="ben")[:4] == (0, 0, 1, {})
        (term,) = list_rows(connection, of)
        withdraw_row(connection, of, term["id"], by="ben")
        assert put_rows_file(connection, of, path, by="ben")[:4] == (1, 0, 0, {})


def test_a_file_of_terms_runs_nothing_in_a_spreadsheet(chain: sa.Engine, tmp_path: Path) -> None:
    of = kind_of("suppliers")
    with chain.begin() as connection:
        put(connection, "suppliers", {**BODIES["suppliers"], "name": "=cmd|'/c calc'!A1"})
        path = tmp_path / "terms.csv"
        path.write_text(rows_csv(of, list_rows(connection, of)))
        assert "'=cmd" in path.read_text()
        assert put_rows_file(connection, of, path, by="ben")[:4] == (0, 0, 1, {})


def test_fields_that_a_row_leaves_out_stay_and_null_erases(shop: Api) -> None:
    """Of every kind: its key and what it must have are sent again, then all the rest as null."""
    for of in KINDS.values():
        path, field, body = f"/v1/terms/{of.name}", of.name.replace("-", "_"), BODIES[of.name]
        must = of.required | {name.removesuffix("_") for name in of.key}
        shop.operate.put(path, json={field: [body]}).raise_for_status()
        least = {name: value for name, value in body.items() if name in must}
        again = shop.operate.put(path, json={field: [least]}).json()
        assert again == {"recorded": 0, "changed": 0, "unchanged": 1, "erased": {}, "warnings": []}
        rest = dict.fromkeys(body.keys() - must - of.without_null)
        answer = shop.operate.put(path, json={field: [{**body, **rest}]}).json()
        if "erased" not in answer:
            assert answer["code"] in ("bad_target", "bad_cost", "bad_limit", "bad_rule")
            continue
        assert answer["erased"] == dict.fromkeys(rest, 1)
        (term,) = shop.read.get(path).json()[field]
        assert {name for name in body if term[name] is None} == {*rest}


def test_price_list_changes_prices_alone(chain: sa.Engine, tmp_path: Path) -> None:
    of, path = kind_of("supplier-products"), tmp_path / "offers.csv"
    with chain.begin() as connection:
        # more digits than a float has
        put(connection, of.name, {**BODIES[of.name], "price": "9007199254.740993"})
        path.write_text("supplier,product\nmill,A\n")
        assert put_rows_file(connection, of, path, by="ben")[:4] == (0, 0, 1, {})
        path.write_text("supplier,product,price\nmill,A,1.35\n")
        assert put_rows_file(connection, of, path, by="ben")[:4] == (0, 1, 0, {})
    (term,) = in_force(chain, of.name)
    assert {**BODIES[of.name], "price": 1.35}.items() <= term.items()
    with chain.begin() as connection:
        path.write_text("supplier,product,pack,rank,sku\nmill,A,,,M-18\n")
        assert put_rows_file(connection, of, path, by="ben")[:4] == (0, 1, 0, {"pack": 1})
        path.write_text('{"supplier": "mill", "product": "A", "lead_days": null}\n')
        assert put_rows_file(connection, of, path.rename(tmp_path / "x.ndjson"), by="ben")[3] == {
            "lead_days": 1
        }
    (term,) = in_force(chain, of.name)
    assert (term["pack"], term["lead_days"], term["sku"], term["price"]) == (
        None,
        None,
        "M-18",
        1.35,
    )


def test_target_is_kept_only_with_its_measure(chain: sa.Engine) -> None:
    of, aim = kind_of("service-targets"), {"location": "S1", "measure": "fill_rate", "target": 0.97}
    least = msgspec.convert({"location": "S1", "measure": "least_cost"}, of.shape)
    with chain.begin() as connection:
        put(connection, of.name, aim)
        put_rows(connection, of, [least], by="ben", told=[("location", "measure")])
        (now,) = list_rows(connection, of)
    assert (now["measure"], now["target"]) == ("least_cost", None)


def test_numbers_are_the_same_however_they_are_written(chain: sa.Engine) -> None:
    written = {**BODIES["price-breaks"], "from_quantity": "120.0", "price": "1.10"}
    with chain.begin() as connection:
        assert put(connection, "price-breaks", BODIES["price-breaks"]) == (1, 0, 0)
        assert put(connection, "price-breaks", written) == (0, 0, 1)
        assert put(connection, "price-breaks", {**written, "price": "1.05"}) == (0, 1, 0)


def test_terms_as_they_stood_can_be_read_after_a_change(chain: sa.Engine) -> None:
    with chain.begin() as connection:
        put(connection, "supplier-products", BODIES["supplier-products"])
    (before,) = in_force(chain, "supplier-products")
    with chain.begin() as connection:
        put(connection, "supplier-products", {**BODIES["supplier-products"], "price": "1.35"})
    (now,) = in_force(chain, "supplier-products", only={"product": "A"})
    (then,) = in_force(chain, "supplier-products", as_of=before["known_since"])
    assert (now["price"], then["price"], then["withdrawn_by"]) == (1.35, 1.25, "anna")
    assert in_force(chain, "supplier-products", only={"product": "B"}) == []


WRONG: list[tuple[str, dict[str, Any], type[StocktideError], str]] = [
    ("suppliers", {"order_days": "mon,mo"}, Invalid, "'mo' is no day of the week; write mon,tue"),
    ("suppliers", {"timezone": "Berlin"}, Invalid, "such as Europe/Berlin"),
    ("suppliers", {"email": "@"}, Invalid, "suppliers[0].email"),
    ("suppliers", {"supplier": "\t"}, Invalid, "no name that people can read"),
    ("suppliers", {"supplier": " mill"}, Invalid, "' mill' begins or ends with a space"),
    ("suppliers", {"supplier": "unassigned"}, Invalid, "stands for products that nobody is known to sell"),
    ("suppliers", {"order_cost": -1}, Invalid, "order_cost: -1 is not an amount from 0"),
    ("supplier-products", {"supplier": "mil"}, NotFound, "there is no supplier 'mil'. Make it known by PUT /v1"),
    ("supplier-products", {"product": "Z"}, NotFound, "PUT /v1/products first"),
    ("supplier-products", {"pack": 0}, Invalid, "pack: 0 is not a quantity above 0 with up to 3 decimals"),
    ("price-breaks", {"price": "1.1234567"}, Invalid, "up to 6 decimals"),
    ("supplier-days", {"to": "2027-02-01"}, Invalid, "2027-02-01 is before 2027-03-01"),
    ("service-targets", {"target": 97}, Invalid, "Did you mean 0.97?"),
    ("service-targets", {"target": 1.0000001}, Invalid, "1.0000001 is not a share above 0 and below 1."),
    ("shelf-limits", {"presentation": 41}, Invalid, "presentation: 41 is more than the capacity of 40"),
    ("service-targets", {"target": None}, Invalid, "It is missing"),
    ("service-targets", {"measure": "least_cost"}, Invalid, "leave the target out"),
    ("service-targets", {"product": "A"}, Invalid, "has its class already"),
    ("stock-costs", {"holding_rate": 25}, Invalid, "0.25 is 25 %"),
    ("stock-costs", {"holding_rate": None, "shortage": None}, Invalid, "Give holding_rate, shortage or both"),
    ("shelf-limits", {"last_order_on": "2207-01-01"}, Invalid, "2207-01-01 is not from"),
    ("approval-rules", {"amount": None}, Invalid, "Say up to which amount"),
    ("approval-rules", {"change": 30}, Invalid, "0.3 is 30 %"),
    ("approval-rules", {"product": "A"}, Invalid, "has its class already"),
    ("buyer-budgets", {"amount": "0"}, Invalid, "amount: 0 is not an amount above 0"),
    ("receiving-limits", {"units_a_day": 0}, Invalid, "units_a_day: 0 is not a quantity above 0"),
    ("receiving-limits", {"location": "S9"}, NotFound, "S9"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "changed", "error", "said"), WRONG)
def test_wrong_term_is_refused_with_its_place(
    chain: sa.Engine, kind: str, changed: dict[str, Any], error: type[StocktideError], said: str
) -> None:
    with chain.begin() as connection, pytest.raises(error) as raised:
        put(connection, kind, {**BODIES[kind], **changed})
    assert said in raised.value.message
    assert raised.value.message.startswith(f"{kind}[0].")


def test_fault_of_a_file_names_row_field_value_and_what_to_write(
    chain: sa.Engine, tmp_path: Path
) -> None:
    offer, day, path = (
        "supplier,product,price\nmill,A,1.31\n",
        "supplier,from,to\n",
        tmp_path / "x.csv",
    )
    wrong = {
        (
            "supplier-products",
            f"{offer}mill,B,'1,31'\n".replace("'", '"'),
        ): "row 2: price: 1,31 is not an amount",
        (
            "supplier-products",
            f"{offer}mill,A,1\n",
        ): "row 2: supplier: supplier mill, product A stands 1 row before",
        ("supplier-days", f"{day}mill,24.12.2026,2026-12-24\n"): (
            "row 1: from: '24.12.2026' is not a day; write it as 2026-12-24."
        ),
        (
            "service-targets",
            "measure,target\nfill_rate,ten\n",
        ): "row 1: target: 'ten' is not a number; write digits",
        (
            "service-targets",
            "measure\nfillrate\n",
        ): "row 1: measure: 'fillrate' is not a value that this",
        (
            "supplier-products",
            "supplier,product,lead_days\nmill,A,two\n",
        ): "row 1: lead_days: 'two' is not a whole",
    }
    for (kind, text), said in wrong.items():
        path.write_text(text)
        with chain.begin() as connection, pytest.raises(Invalid, match=re.escape(f"x.csv, {said}")):
            put_rows_file(connection, kind_of(kind), path, by="ben")


def test_term_that_stands_twice_in_a_call_is_refused(chain: sa.Engine) -> None:
    with (
        chain.begin() as connection,
        pytest.raises(
            Invalid, match=r"\[1\].supplier: supplier mill, product A stands 1 row before, too"
        ),
    ):
        put(connection, "supplier-products", *[BODIES["supplier-products"]] * 2)


def test_docs_name_every_field_and_their_examples_are_recorded(shop: Api) -> None:
    for kind in KINDS.values():
        own = set(kind.fields) - {"known_since"}
        assert {name for name in own if f"`{name}`" not in DOCS} == set()
    found = re.findall(
        r"-X PUT http://127.0.0.1:8420(\S+) -H .*? -d '(\{.*?\})'\n", DOCS, re.DOTALL
    )
    for path, body in found:
        told = json.loads(body)
        answer = shop.operate.put(path, json=told).json()
        assert answer["recorded"] == len(next(iter(told.values()))), answer
    assert len(found) == 5

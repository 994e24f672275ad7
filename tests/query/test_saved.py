"""Saved queries, their rights and exports, a user's own statements, and statements that a page hands over."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pa_parquet
import pytest
import sqlalchemy as sa

from query import Console, Jail
from query.exports import FOLDER, export_due, is_due, remove_orphans
from query.saved import QueryIn, next_due, rows_of, save
from stocktide.foundation.settings import Settings
from stocktide.foundation.statement_parameters import names_in
from tests.conftest import Api, AsPart

TOP = (
    "SELECT sku, $share AS share FROM products WHERE sku >= $first ORDER BY sku LIMIT 10 -- $first"
)
QUERY: dict[str, Any] = {
    "name": "Top",
    "statement": TOP,
    "parameters": [
        {"name": "share", "kind": "number", "default": "0.5"},
        {"name": "first", "default": "A"},
    ],
    "chart": {"mark": "bar", "x": "sku", "y": "share"},
}


def post(client: httpx.Client, user: str | None = None, **more: Any) -> httpx.Response:
    body = {**QUERY, **more, **({} if user is None else {"user": user})}
    return client.post("/v1/saved-queries", json=body)


def test_a_query_is_its_owners_until_it_is_shared(api: Api) -> None:
    of_anna = post(api.operate, "anna").json()["query_id"]
    path = f"/v1/saved-queries/{of_anna}"
    found = api.operate.get(path, params={"user": "anna"}).json()
    assert {name: found[name] for name in ("name", "statement", "chart")} == {
        "name": "Top", "statement": TOP, "chart": {**QUERY["chart"], "colour": None},
    }  # fmt: skip
    assert post(api.operate, "anna").json()["code"] == "query_name"
    for asking in ({"user": "bob"}, {}):
        assert api.operate.get(path, params=asking).json()["code"] == "query_missing"
    # a key that only reads is itself, whoever it says it asks for
    assert api.read.get(path, params={"user": "anna"}).json()["code"] == "key_scope"
    changed = {**QUERY, "shared": True, "user": "anna"}
    api.operate.put(path, json=changed).raise_for_status()
    assert api.read.get(path).json()["owner"] == "anna"
    assert [row["name"] for row in api.read.get("/v1/saved-queries").json()["queries"]] == ["Top"]
    for refused in (
        api.operate.put(path, json={**changed, "user": "bob"}),
        api.operate.delete(path, params={"user": "bob"}),
        api.read.delete(path),
    ):
        assert refused.json()["code"] == "query_missing"
    assert api.operate.delete(path, params={"user": "anna"}).json() == {"removed": True}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"statement": "DROP TABLE ledger"}, "query_parameter"),
    ({"statement": "DROP TABLE ledger", "parameters": []}, "query_syntax"),
    ({"statement": "SELECT 1) FROM (SELECT 2", "parameters": []}, "query_syntax"),
    ({"statement": "SELECT 1; SELECT 2", "parameters": []}, "query_syntax"),
    ({"statement": "SELECT nothing FROM stock", "parameters": []}, "query_statement"),
    ({"name": ""}, "query_name"),
    ({"parameters": [{"name": "share", "kind": "number", "default": "x"}]}, "report_parameter"),
    ({"chart": {"mark": "pie", "x": "a", "y": "b"}}, "body"),
    ({"schedule": "every day"}, "cron"),
]


def test_what_does_not_work_is_not_saved(api: Api) -> None:
    for more, code in WRONG:
        assert post(api.operate, "anna", **more).json()["code"] == code, more
    assert api.operate.get("/v1/saved-queries", params={"user": "anna"}).json() == {"queries": []}


def test_everybody_sees_the_own_statements_alone(api: Api) -> None:
    for user, text in (("anna", "SELECT 1"), ("bob", "SELECT 2")):
        api.operate.post("/v1/query", json={"statement": text, "user": user}).raise_for_status()
    post(api.operate, "anna").raise_for_status()
    history = api.operate.get("/v1/query/history", params={"user": "anna"}).json()["statements"]
    assert [(row["statement"], row["outcome"], row["rows"]) for row in history] == [
        ("SELECT 1", "done", 1)
    ]
    assert api.read.get("/v1/query/history", params={"user": "anna"}).status_code == 403
    assert api.read.get("/v1/query/history").json() == {"statements": []}


def test_a_schedule_needs_a_key_that_operates(api: Api) -> None:
    assert post(api.read, schedule="0 6 * * 1").json()["needs"] == "operate"
    number = post(api.operate, schedule="0 6 * * 1", form="parquet").json()["query_id"]
    found = api.operate.get(f"/v1/saved-queries/{number}").json()
    assert (found["form"], found["exports"]) == ("parquet", [])
    assert datetime.fromisoformat(found["due_at"]) == next_due("0 6 * * 1", datetime.now(UTC))


def test_a_statement_is_handed_over_by_an_id(api: Api) -> None:
    body = {"title": "Sales", "statement": "SELECT 'x'"}
    ids = {api.read.post("/v1/query/handovers", json=body).json()["handover_id"] for _ in range(2)}
    (one,) = ids
    of_report = {"title": "Sales", "report": "sales_by_day", "parameters": {"location": "it's"}}
    two = api.read.post("/v1/query/handovers", json=of_report).json()["handover_id"]
    assert "l.code = 'it''s'" in api.read.get(f"/v1/query/handovers/{two}").json()["statement"]
    neither = api.read.post("/v1/query/handovers", json={"title": "Sales"})
    assert neither.json()["code"] == "body"
    assert api.read.get(f"/v1/query/handovers/{one}").json() == body
    assert api.read.get("/v1/query/handovers/none").json()["code"] == "handover_missing"


@pytest.fixture
def scheduled(console: Console, as_part: AsPart, jail: Jail, tmp_path: Path) -> Iterator[Console]:
    """The worker's console, in its role, with three queries: one works, one never does, one has no schedule."""
    at = "0 6 * * *"
    with console.engine.begin() as connection:
        wide = "SELECT range AS n FROM range(1500)"
        save(connection, "anna", QueryIn("All rows!", wide, form="parquet", schedule=at))
        save(connection, "anna", QueryIn("Broken", "SELECT nothing", schedule=at))
        save(connection, "anna", QueryIn("Never", "SELECT 1"))
    worker = Console(as_part("worker"), Settings(home=tmp_path, exports_kept=2), jail=jail)
    yield worker
    worker.snapshots.close()


def test_exports_that_are_due_are_complete_and_the_newest_are_kept(
    scheduled: Console, console: Console
) -> None:
    engine = scheduled.engine
    said: list[str] = []
    now = datetime.now(UTC)
    assert not is_due(engine, now)
    for day in (1, 2, 3):
        then = now + timedelta(days=day)
        assert export_due(scheduled, then, said.append) == {"written": 1, "failed": 1}
        # each time once
        assert export_due(scheduled, then, said.append) == {"written": 0, "failed": 0}
    folder = scheduled.settings.home / FOLDER / "1"
    files = sorted(path.name for path in folder.iterdir())
    assert files == [
        f"all-rows-{now + timedelta(days=day):%Y%m%dT%H%M%SZ}.parquet" for day in (2, 3)
    ]
    assert len(pa_parquet.read_table(folder / files[0])) == 1500
    with engine.connect() as connection:
        exports = rows_of(connection, "exports", query_id=1, limit=9)
        failed = rows_of(connection, "exports", query_id=2, limit=1)[0]
        by = connection.execute(sa.text("SELECT DISTINCT asked_by FROM statements")).scalars().all()
    assert [(row["file"], row["rows"]) for row in exports] == [
        (files[1], 1500),
        (files[0], 1500),
        (None, 1500),
    ]
    assert "nothing" in failed["error"]
    assert by == ["anna (schedule)"]
    with console.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM saved_queries"))
    assert remove_orphans(engine, scheduled.settings.home) == 1
    assert not folder.exists()


def test_names_in_a_statement_are_found_once() -> None:
    assert names_in(TOP) == ["share", "first"]

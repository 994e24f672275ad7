"""Reports: what they declare, what they are computed from, and what is said beside their rows."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
import pytest
import redis
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl import run_etl
from ingest.recording.recording import Recorder
from query import Console, asked_reports, report_inputs
from query.report_engine import Reports, tables_of
from query.reports import (
    Parameter,
    Report,
    all_reports,
    filled,
    find_report,
    literal,
    parse_report,
    values_of,
)
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.errors import Invalid, NotFound, TooLarge, Transient
from stocktide.foundation.settings import Settings
from tests.conftest import Api
from tests.ingest.samples import raw
from tests.query.conftest import rows_of

DOCS = (Path(__file__).parents[2] / "docs" / "reports.md").read_text("utf-8")
LISTED = DOCS.partition("## Over HTTP")[0]
# a database with nothing in it
ANY = duckdb.connect()
HEAD = """-- Something
-- of rows.
-- parameter first date = 2026-01-01: first day
-- parameter name text: of a product
SELECT $first AS first, $name AS name -- $name, as it is
"""


def sell(recorder: Recorder, event_id: str, quantity: str = "2", **more: Any) -> None:
    sale = raw(
        kind="sale", event_id=event_id, quantity=quantity, price="1.5", currency="EUR", **more
    )
    outcomes = recorder.record("till", "application/x-ndjson", [sale])
    assert [outcome.name for outcome in outcomes] == ["accepted"]


@pytest.fixture
def reports(console: Console, valkey: "redis.Redis") -> Iterator[Reports]:
    """Reports over the console's database and lake, with a sale of A in each shop landed."""
    sell(Recorder(console.engine, Settings()), "s1")
    sell(Recorder(console.engine, Settings()), "s2", quantity="3", location="S2")
    run_etl(console.engine, console.lake)
    reports = Reports(console.engine, console.settings, valkey)
    yield reports
    reports.close()


def rows(reports: Reports, name: str, **given: str) -> list[dict[str, Any]]:
    result = reports.answer(name, given)
    with result.spool:
        found: list[dict[str, Any]] = result.reader().read_all().to_pylist()
    assert result.rows == len(found)
    return found


def said(reports: Reports, name: str, **given: str) -> dict[str, Any]:
    result = reports.answer(name, given)
    result.spool.close()
    return result.said


def test_a_report_declares_its_definition_and_parameters() -> None:
    report = parse_report("some", HEAD)
    assert report.definition == "Something of rows."
    values = values_of(report, {"name": "it's $first -- x"})
    text = filled(report, values)
    assert text.splitlines()[-1] == (
        "SELECT DATE '2026-01-01' AS first, 'it''s $first -- x' AS name -- $name, as it is"
    )
    assert values_of(report, {"first": ""}) == values_of(report, {})


def test_a_slow_report_is_computed_before_it_is_asked_for_again(
    reports: Reports, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked_reports, "SLOW_S", 0.0)
    assert said(reports, "sales_by_product", location="S1")["cached"] is False
    monkeypatch.setattr(asked_reports, "SLOW_S", 60.0)
    assert said(reports, "sales_by_day")["cached"] is False
    sell(Recorder(console.engine, Settings()), "s3")
    run_etl(console.engine, console.lake)
    assert reports.renew() == 1
    answer = reports.answer("sales_by_product", {"location": "S1"})
    with answer.spool:
        assert answer.said["cached"] is True
        assert answer.reader().read_all()["net_units"].to_pylist() == [4]
    # nobody waited for the other one
    assert said(reports, "sales_by_day")["cached"] is False


def test_a_report_that_nobody_asked_for_of_late_is_not_computed(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked_reports, "SLOW_S", 0.0)
    said(reports, "sales_by_product")
    monkeypatch.setattr(asked_reports, "WITHIN_S", 0.0)
    assert reports.renew() == 0


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"first": "yesterday"}, r"first: 'yesterday' is not a value of type date"),
        ({"days": "9223372036854775808"}, "not a value of type integer"),
        ({"share": "nan"}, "not a value of type number"),
        ({"open": "1"}, "not a value of type boolean"),
        ({"name": "\x00"}, "not a value of type text"),
        ({"other": "1"}, "has no parameter 'other'; it takes first, days"),
    ],
)
def test_values_that_are_none_are_refused(given: dict[str, str], says: str) -> None:
    kinds = {
        "first": "date",
        "days": "integer",
        "share": "number",
        "open": "boolean",
        "name": "text",
    }
    declared = tuple(Parameter(name, kind, "") for name, kind in kinds.items())  # type: ignore[arg-type]
    with pytest.raises(Invalid, match=says):
        values_of(Report("some", "", declared, ""), given)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.text(),
        st.integers(-(10**18), 10**18),
        st.floats(-1e18, 1e18),
        st.dates(),
        st.booleans(),
    )
)
def test_a_value_written_as_sql_is_the_value(value: Any) -> None:
    kinds = {str: "text", int: "integer", float: "number", bool: "boolean"}
    text = literal(kinds.get(type(value), "date"), value)  # type: ignore[arg-type]
    if isinstance(value, str) and "\x00" in value:
        return
    minus = "1 -" if type(value) is int else ""
    (found,) = ANY.execute(f"SELECT {minus}{text}").fetchall()[0]
    assert found == (1 - value if type(value) is int else value)


def test_each_report_is_documented_runs_and_says_the_statement_that_it_ran(
    reports: Reports, console: Console
) -> None:
    folder = {path.stem for path in (Path(__file__).parents[2] / "sql" / "reports").iterdir()}
    assert set(re.findall(r"^\| `(\w+)` \|", LISTED, re.MULTILINE)) == folder
    for name, report in all_reports().items():
        if name not in folder:
            continue
        assert report.definition.endswith("."), name
        assert tables_of(report), name
        assert rows_of(console, said(reports, name)["statement"]) == rows(reports, name), name


def test_a_report_is_of_the_lake_and_says_which(reports: Reports, console: Console) -> None:
    recorder = Recorder(console.engine, Settings())
    sell(recorder, "live")
    assert [row["net_units"] for row in rows(reports, "sales_by_day")] == [5]
    assert [row["net_units"] for row in rows(reports, "sales_by_day", location="S2")] == [3]
    first = said(reports, "sales_by_day", location="S2")
    with console.engine.connect() as connection:
        noted = connection.execute(
            sa.text(
                "SELECT version, to_char(recorded_through AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), "
                "(SELECT max(run_id) FROM runs WHERE job = 'etl') FROM lake_versions WHERE table_name = 'daily_demand'"
            )
        ).one()
    assert (first["lake"]["daily_demand"], first["as_of"], first["run_id"]) == tuple(noted)
    # a table of which no version is noted, by its watermark
    assert said(reports, "bought_together")["as_of"] == first["as_of"]
    assert first["definition"].startswith("Sales by day:")
    assert "l.code = 'S2'" in first["statement"]
    assert first["cached"]
    run_etl(console.engine, console.lake)
    assert not said(reports, "sales_by_day", location="S2")["cached"]
    assert [row["net_units"] for row in rows(reports, "sales_by_day")] == [7]


def test_metrics_come_by_the_same_door(reports: Reports) -> None:
    assert [row["net_sales"] for row in rows(reports, "net_sales")] == [pytest.approx(7.5)]
    with pytest.raises(NotFound, match="There is no report 'profit'"):
        find_report("profit")


def test_a_report_without_the_cache_is_the_same(reports: Reports, console: Console) -> None:
    gone = connect_cache("unix:///nonexistent/socket")
    alone = Reports(console.engine, console.settings, gone)
    assert rows(alone, "sales_by_day") == rows(reports, "sales_by_day")
    assert not said(alone, "sales_by_day")["cached"]
    alone.close()


def test_a_report_that_takes_too_long_or_is_too_large_ends(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {
        "endless": "SELECT count(*) FROM range(1000000000000) a, range(1000000000000) b",
        "sorted": "SELECT range FROM range(1000000000) ORDER BY hash(range)",
        "wide": "SELECT repeat('x', 1000) AS x FROM range(10000)",
        "greedy": "SELECT list(repeat('x', 1000) || range) AS x FROM range(1000000)",
    }
    found = {name: Report(name, "", (), text) for name, text in texts.items()}
    monkeypatch.setattr("query.report_engine.find_report", found.__getitem__)
    limits = {"query_result_mb": 1, "query_memory_mb": 64, "query_spill_mb": 64}
    reports = Reports(console.engine, console.settings.model_copy(update=limits))
    hasty = Reports(
        console.engine, console.settings.model_copy(update={**limits, "query_seconds_max": 0.0})
    )
    with pytest.raises(TooLarge, match="longer than 0 s"):
        hasty.answer("endless", {})
    with pytest.raises(TooLarge, match=r"wrote aside more than 64 MB|needs more memory"):
        reports.answer("sorted", {})
    with pytest.raises(TooLarge, match="more than 1 MB"):
        reports.answer("wide", {})
    with pytest.raises(TooLarge, match="needs more memory"):
        reports.answer("greedy", {})
    reports.close()
    hasty.close()


def test_files_that_are_cleaned_away_meanwhile_are_looked_up_again(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = report_inputs.lay_out, []

    def once_gone(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise FileNotFoundError
        return real(*arguments)

    monkeypatch.setattr("query.report_engine.lay_out", once_gone)
    assert rows(reports, "sales_by_product")[0]["sku"] == "A"
    monkeypatch.setattr(
        "query.report_engine.lay_out", lambda *_: (_ for _ in ()).throw(FileNotFoundError)
    )
    with pytest.raises(Transient, match="being written"):
        reports.answer("sales_by_product", {"days": "7"})


def test_reports_over_http_in_every_form(api: Api) -> None:
    api.ingest.put("/v1/products", json={"products": [{"sku": "A"}]}).raise_for_status()
    listed = {one["name"]: one for one in api.read.get("/v1/reports").json()["reports"]}
    days = {one["name"]: one for one in listed["sales_by_product"]["parameters"]}["days"]
    assert (days["type"], days["default"]) == ("integer", 28)
    body = api.read.get("/v1/reports/sales_by_day", params={"location": "S1"}).json()
    assert (body["rows"], body["complete"], body["as_of"], body["run_id"]) == ([], True, None, None)
    assert body["lake"] == {"daily_demand": -1}
    csv = api.read.get("/v1/reports/sales_by_day", headers={"Accept": "text/csv"})
    assert pa_csv.read_csv(io.BytesIO(csv.content)).column_names == [
        c["name"] for c in body["columns"]
    ]
    assert csv.headers["stocktide-complete"] == "true"
    parquet = api.read.get(
        "/v1/reports/sales_by_day", headers={"Accept": "application/vnd.apache.parquet"}
    )
    assert len(pa_parquet.read_table(io.BytesIO(parquet.content))) == 0
    for path, status, code in (
        ("none", 404, "report_missing"),
        ("sales_by_day?first=x", 400, "report_parameter"),
        ("sales_by_day?location=a&location=b", 400, "report_parameter"),
    ):
        answer = api.read.get(f"/v1/reports/{path}")
        assert (answer.status_code, answer.json()["code"]) == (status, code)

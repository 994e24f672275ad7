from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.conftest import Api
from tests.ingest.shopify.shop import Line, Order, orders_csv
from tests.stocktide.entrypoints.test_api import check_problem

AT = datetime(2026, 8, 1, 12, tzinfo=UTC)
TEXT = orders_csv([Order("#1", AT, [Line("Loaf", 2, Decimal("2.50"), "L")])])
FILE = {"name": "orders_export.csv", "text": TEXT}


def test_exports_are_tried_and_imported_over_the_api(api: Api) -> None:
    def post(**more: Any) -> dict[str, Any]:
        answer = api.operate.post("/v1/imports/shopify", json={"files": [FILE], **more})
        told: dict[str, Any] = answer.raise_for_status().json()
        return told

    assert post(dry_run=True)["events"]["event: sale"] == 1
    first, again = post(timezone="Europe/Berlin"), post(timezone="Europe/Berlin")
    assert (first["events"]["accepted"], again["events"]["duplicate"]) == (1, 1)
    assert first["reconciliation"]["EUR"]["recorded"] == "5.00"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"files": []}, "body"),
        ({"files": [{"name": "../x.csv", "text": TEXT}]}, "file_name"),
        ({"files": [FILE, FILE]}, "file_name"),
        ({"files": [FILE], "timezone": "Mars"}, "bad_timezone"),
        ({"files": [FILE], "counted_at": "2026-08-01T12:00:00"}, "bad_instant"),
        ({"files": [{"name": "x.csv", "text": ""}]}, "file_empty"),
        ({"files": [{"name": "x.csv", "text": "a,b\n1,2\n"}]}, "export_unknown"),
        ({"files": [{"name": "x.csv", "text": TEXT.replace("Subtotal", "Sum")}]}, "column_missing"),
    ],
)
def test_what_is_no_export_is_refused_by_name(api: Api, body: dict[str, Any], code: str) -> None:
    problem = check_problem(api.operate.post("/v1/imports/shopify", json=body), 400, code)
    assert "stocktide-exports-" not in problem["detail"]

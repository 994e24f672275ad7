import json
import re
from pathlib import Path

import sqlalchemy as sa

from ingest.calendar import KINDS, put_changes, put_plans_file, read_changes
from tests.conftest import Api

DOCS = (Path(__file__).parents[3] / "docs" / "calendar.md").read_text("utf-8")


def test_examples_over_the_api_are_recorded(shop: Api) -> None:
    found = re.findall(
        r"-X PUT http://127.0.0.1:8420(\S+) -H .*? -d '(\{.*?\})'\n", DOCS, re.DOTALL
    )
    assert {path.rsplit("/", 1)[1] for path, _ in found} == set(KINDS)
    for path, body in found:
        answer = shop.ingest.put(path, json=json.loads(body))
        assert answer.json() == {"recorded": 1, "changed": 0, "unchanged": 0, "warnings": []}, (
            answer.text
        )


def test_example_of_a_file_is_recorded(chain: sa.Engine, tmp_path: Path) -> None:
    (text,) = re.findall(r"```csv\n(.*?)```", DOCS, re.DOTALL)
    file = tmp_path / "promotions.csv"
    file.write_text(text)
    with chain.begin() as connection:
        assert put_plans_file(connection, "promotions", file, by="x").recorded == 2


def test_example_of_assumptions_is_read(chain: sa.Engine, tmp_path: Path) -> None:
    (text,) = re.findall(r"cat > what.csv <<'END'\n(.*?)END\n", DOCS, re.DOTALL)
    file = tmp_path / "what.csv"
    file.write_text(text)
    changes = read_changes(file)
    assert [change.kind for change in changes] == ["promotions", "closures", "events"]
    with chain.begin() as connection:
        put_changes(connection, changes, by="x")


def test_every_field_of_every_kind_is_documented() -> None:
    for kind in KINDS.values():
        assert f"| `{kind.name}` |" in DOCS
        assert [name for name in kind.fields if f"`{name}`" not in DOCS] == []

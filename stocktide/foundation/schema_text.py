"""The schema as it stands, written from a migrated database's catalog: `make schema` writes it to sql/schema.sql.

It is for reading: every table with its columns, keys, indexes and triggers in one place, and the database's comments.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from textwrap import wrap
from typing import Any

import sqlalchemy as sa

from stocktide.foundation.database import create_engine, migrate, statement
from stocktide.foundation.embedded import Postgres

HEAD = """\
-- The schema as it stands after all migrations, for reading. Written by `make schema`; a test compares it with what the
-- migrations make. Quantities are bigint thousandths of the product's unit (_milli), money is bigint millionths of the
-- currency unit (_micros). Not shown: the job queue's own tables (procrastinate), and the ledger's monthly partitions.
"""
WIDTH = 120
Row = Mapping[str, Any]


def schema_text(connection: sa.Connection) -> str:
    """Return the schema of a migrated database as SQL, tables by name, each with what belongs to it."""
    relations = _rows(connection, "tables")
    parts = {
        name: _by_table(_rows(connection, name))
        for name in ("columns", "constraints", "indexes", "triggers")
    }
    readers = _by_table(_rows(connection, "grants"))
    blocks = [HEAD]
    for row in relations:
        own = {name: rows.get(row["name"], []) for name, rows in parts.items()}
        blocks.append("\n".join([*_relation(row, own), *_grants(readers.get(row["name"], []))]))
    blocks += ["\n".join(_function(row)) for row in _rows(connection, "functions")]
    return "\n\n".join(block.rstrip("\n") for block in blocks) + "\n"


def _rows(connection: sa.Connection, name: str) -> Sequence[Row]:
    found = connection.execute(statement(f"stocktide/schema_{name}"))
    return [row._asdict() for row in found]


def _by_table(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["of_table"], []).append(row)
    return found


def _relation(row: Row, own: Mapping[str, list[Row]]) -> Iterator[str]:
    """Write a table, view or sequence, and below a table what belongs to it."""
    yield from _comment(row["comment"])
    if row["kind"] == "sequence":
        by = "" if row["increment"] == 1 else f" INCREMENT BY {row['increment']}"
        yield f"CREATE SEQUENCE {row['name']}{by};"
        return
    if row["kind"] == "view":
        yield f"CREATE VIEW {row['name']} AS"
        yield row["definition"]
        return
    yield from _table(row, own["columns"], own["constraints"])
    for index in own["indexes"]:
        yield from _comment(index["comment"])
        yield _plain(index["definition"]) + ";"
    for trigger in own["triggers"]:
        yield _plain(trigger["definition"]) + ";"


def _table(row: Row, columns: Sequence[Row], constraints: Sequence[Row]) -> Iterator[str]:
    width = max(len(column["name"]) for column in columns)
    yield f"CREATE {'UNLOGGED ' if row['unlogged'] else ''}TABLE {row['name']} ("
    last = len(columns) + len(constraints) - 1
    for number, column in enumerate(columns):
        yield from _comment(column["comment"], indent="    ")
        yield f"    {column['name']:<{width}} {_column(column)}{',' if number < last else ''}"
    for number, constraint in enumerate(constraints, len(columns)):
        text = f"CONSTRAINT {constraint['name']} {_plain(constraint['definition'])}"
        yield f"    {text}{',' if number < last else ''}"
    partitioned = f" PARTITION BY {row['partitioned']}" if row["partitioned"] else ""
    options = f" WITH ({row['options']})" if row["options"] else ""
    yield f"){partitioned}{options};"


def _column(column: Row) -> str:
    """Write a column's type and what is required of it."""
    words = [column["type"].replace("timestamp with time zone", "timestamptz")]
    if column["collation"]:
        words.append(f'COLLATE "{column["collation"]}"')
    if column["required"]:
        words.append("NOT NULL")
    if column["numbered"]:
        words.append("GENERATED ALWAYS AS IDENTITY")
    elif column["computed"]:
        words.append(f"GENERATED ALWAYS AS ({column['value']}) STORED")
    elif column["value"] is not None:
        words.append(f"DEFAULT {_plain(column['value'])}")
    return " ".join(words)


def _grants(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        columns = f" ({row['columns']})" if row["columns"] else ""
        grant = f"GRANT SELECT{columns} ON {row['of_table']} TO stocktide_reader;"
        yield from wrap(grant, WIDTH, subsequent_indent="    ")


def _function(row: Row) -> Iterator[str]:
    yield from _comment(row["comment"])
    yield _plain(row["definition"]).rstrip() + ";"


def _comment(text: str | None, indent: str = "") -> list[str]:
    prefix = f"{indent}-- "
    return wrap(text or "", WIDTH, initial_indent=prefix, subsequent_indent=prefix)


def _plain(definition: str) -> str:
    """Remove what every definition has: the schema, the usual kind of index, that partitions have it too."""
    for noise in ("public.", " USING btree"):
        definition = definition.replace(noise, " " if noise.startswith(" ") else "")
    return definition.replace(" ON ONLY ", " ON ").replace("  (", " (")


def main() -> None:
    """Migrate a database of our own and write sql/schema.sql."""
    with tempfile.TemporaryDirectory(prefix="stocktide-schema-") as folder:
        server = Postgres(Path(folder))
        server.start()
        try:
            engine = create_engine(server.url())
            migrate(engine)
            with engine.connect() as connection:
                text = schema_text(connection)
            engine.dispose()
        finally:
            server.stop()
    target = Path(str(files("sql").joinpath("schema.sql")))
    target.write_text(text, "utf-8")
    sys.stdout.write(f"{target}: {text.count(chr(10)):,} lines\n")


if __name__ == "__main__":
    main()

"""Report of `stocktide status`: parts, data, last runs."""

from typing import Any

import sqlalchemy as sa

from stocktide.foundation.database import create_engine, sql
from stocktide.foundation.database_errors import DATABASE_ERRORS, first_line


def describe(state: dict[str, Any]) -> dict[str, Any]:
    """Describe a running Stocktide from its state file and its database. Figures are None if a server is down."""
    parts = [
        [name, part["state"], part["pid"], part["restarts"]]
        for name, part in state["parts"].items()
    ]
    described: dict[str, Any] = {
        "running": True,
        "pid": state["pid"],
        "started_at": state["started_at"],
        "api": state["api"],
        "dashboard": state["dashboard"],
        "parts": parts,
        "data": {},
        "runs": [],
    }
    engine = create_engine(state["services"]["database_url"], pool_size=1)
    try:
        with engine.connect() as connection:
            described["data"] = dict(
                connection.execute(sa.text(sql("stocktide/status"))).mappings().one()
            )
            described["runs"] = [
                list(row) for row in connection.execute(sa.text(sql("stocktide/last_runs")))
            ]
    except DATABASE_ERRORS as error:
        described["data"] = {"database": f"does not answer: {first_line(error)}"}
    finally:
        engine.dispose()
    return described

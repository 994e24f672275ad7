"""Frames copied into tables of a run, as CSV."""

# ruff: noqa: S101 - a wrong driver is our own mistake, never the caller's input

import io

import pandas as pd
import sqlalchemy as sa

COPY_BYTES = 1 << 20


def copy_frame(connection: sa.Connection, table: str, frame: pd.DataFrame, number: int) -> None:
    """Copy a frame whose columns are the table's, as rows of a run; empty fields are null."""
    if frame.empty:
        return
    buffer = io.StringIO()
    frame.assign(forecast_run_id=number).to_csv(buffer, index=False, header=False)
    columns = ", ".join([*frame.columns, "forecast_run_id"])
    raw = connection.connection.driver_connection
    assert raw is not None
    text = buffer.getvalue().encode()
    with (
        raw.cursor() as cursor,
        cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT csv)") as copy,
    ):
        for start in range(0, len(text), COPY_BYTES):
            copy.write(text[start : start + COPY_BYTES])

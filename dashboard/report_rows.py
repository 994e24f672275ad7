"""Rows of reports as pages draw them: the API computes them over the lake."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from urllib.parse import unquote

import httpx
import pandas as pd
import pyarrow as pa
import streamlit as st

from dashboard.api_client import trusted, why_not
from dashboard.panels import AsSql
from dashboard.past import past_shown
from dashboard.reader import Reader
from dashboard.theme import plain
from stocktide.foundation.errors import Transient

ARROW = "application/vnd.apache.arrow.stream"
# The API ends a report when its time is over; the answer needs time to come.
GRACE_S = 15.0
# Of a frame: where its rows come from.
COME_FROM = "come_from"
AWAY = "The API does not answer, so this cannot be shown. See `stocktide status`."


@dataclass(frozen=True)
class Asked:
    """A report with its parameters; those that are None are left out. as_of: the past that the page shows."""

    reader: Reader
    name: str
    parameters: Mapping[str, str | int | bool | date | None] = field(default_factory=dict)
    as_of: datetime | None = field(default_factory=past_shown)

    @property
    def texts(self) -> dict[str, str]:
        """Return the parameters as an address has them."""
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in self.parameters.items()
            if value is not None
        }

    def as_sql(self, title: str) -> AsSql:
        """Return what opens it on the page SQL."""
        return AsSql(self.reader, title, self.name, self.texts)


def report_rows(asked: Asked) -> pd.DataFrame | None:
    """Return all rows of a report; or None, and the panel says why."""
    try:
        return read_report(asked)
    except Transient as away:
        # some figures have no past
        (st.error if asked.as_of is None else st.info)(away.message)
        return None


def read_report(asked: Asked) -> pd.DataFrame:
    """Read all rows of a report; columns as it names them, days as instants.

    Where they come from is told by `come_from`. Raises Transient where it cannot be had, with the reason in words as
    Markdown.
    """
    settings = asked.reader.settings
    past = {} if asked.as_of is None else {"as_of": asked.as_of.isoformat()}
    try:
        answer = httpx.get(
            f"{settings.api_address}/v1/reports/{asked.name}",
            params={**asked.texts, **past},
            headers={"Accept": ARROW, "Authorization": f"Bearer {settings.dashboard_key}"},
            timeout=settings.query_seconds_max + GRACE_S,
            verify=trusted(),
        )
    except httpx.HTTPError:
        raise Transient("report_unread", AWAY) from None
    if not answer.is_success:
        raise Transient("report_unread", plain(why_not(answer)))
    frame = _frame(pa.ipc.open_stream(answer.content).read_all())
    frame.attrs[COME_FROM] = _come_from(answer.headers)
    return frame


def come_from(frame: pd.DataFrame) -> str | None:
    """Return where the rows of a report come from, in words: its definition, versions of the lake, the run."""
    said = frame.attrs.get(COME_FROM)
    return None if said is None else str(said)


def _come_from(headers: httpx.Headers) -> str:
    lake = headers.get("Stocktide-Lake", "").replace("=", " version ")
    run = headers.get("Stocktide-Run")
    parts = [
        unquote(headers.get("Stocktide-Definition", "")),
        f"From the lake: {lake}." if lake else "",
        f"Landed by run {run}." if run else "",
    ]
    return " ".join(part for part in parts if part)


def _frame(table: pa.Table) -> pd.DataFrame:
    floats = [
        field.with_type(pa.float64()) if pa.types.is_decimal(field.type) else field
        for field in table.schema
    ]
    frame: pd.DataFrame = table.cast(pa.schema(floats)).to_pandas()
    for name in frame.select_dtypes("object"):
        if frame[name].map(lambda value: isinstance(value, date)).any():
            frame[name] = pd.to_datetime(frame[name])
    return frame

"""Reports on pages: read from the API, which computes them over the lake."""

from collections.abc import Mapping
from urllib.parse import urlencode

import pandas as pd

from dashboard.api_client import ask_api
from dashboard.reader import Reader
from stocktide.foundation.errors import Transient

AWAY = "The API does not answer, so these figures cannot be computed. See `stocktide status`."


def read_report(reader: Reader, name: str, parameters: Mapping[str, str | None]) -> pd.DataFrame:
    """Read all rows of a report; columns as it names them. parameters: empty ones are left out.

    Raises Transient where it cannot be had, with the reason in words.
    """
    settings = reader.settings
    query = urlencode({key: value for key, value in parameters.items() if value})
    path = f"/v1/reports/{name}?{query}"
    answer, why = ask_api(
        "GET",
        path,
        settings.api_address,
        settings.dashboard_key,
        away=AWAY,
        not_done="Not computed",
    )
    if answer is None:
        raise Transient("report_unread", why)
    columns = [column["name"] for column in answer["columns"]]
    return pd.DataFrame(answer["rows"], columns=columns)

"""Reports as the pages get them: asked of the API, and read as frames."""

from typing import Any

import httpx
import pandas as pd
import pyarrow as pa

from dashboard.report_rows import ARROW


def report_frame(api_url: str, key: str, name: str, parameters: dict[str, Any]) -> pd.DataFrame:
    """Ask for a report, and return all its rows."""
    headers = {"Accept": ARROW, "Authorization": f"Bearer {key}"}
    answer = httpx.get(f"{api_url}/v1/reports/{name}", params=parameters, headers=headers)
    assert answer.is_success, answer.text
    frame: pd.DataFrame = pa.ipc.open_stream(answer.content).read_all().to_pandas()
    return frame

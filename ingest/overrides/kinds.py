"""Overrides as rows that are never overwritten, and the table that keeps them."""

from ingest.overrides.checks import faults_of
from ingest.overrides.shapes import SCOPE, OverrideIn
from ingest.versions.kinds import Kind

KIND = Kind(
    "overrides",
    "forecast_overrides",
    OverrideIn,
    faults_of,
    scope=SCOPE,
    id_column="override",
    number="override_id",
    columns_of={"from_": "starts_on", "to": "ends_on"},
)

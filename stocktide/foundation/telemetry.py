"""Structured logs: one line of JSON a fact, event name first, ids always."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from stocktide.foundation.server_address import without_passwords

logger = logging.getLogger("stocktide")


class JsonLines(logging.Formatter):
    """Render a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Format event and time first, then the fields, then the traceback if there is one."""
        fields: dict[str, Any] = {
            "event": record.getMessage(),
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return without_passwords(json.dumps(fields, default=str))


def configure_logs() -> None:
    """Send our logs to standard error as JSON lines; called by entry points, never at import."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("httpx", "alembic", "mlflow", "cmdstanpy", "prophet"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def log(event: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Log one fact."""
    logger.log(level, event, extra={"fields": fields})

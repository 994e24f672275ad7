"""Settings and servers of a command, loaded when it runs: `--help` must not wait for their libraries."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa

    from stocktide.foundation.home import Services
    from stocktide.foundation.settings import Settings


def load_settings(**overrides: Any) -> "Settings":
    """Read the environment. Raises Invalid that names the variable."""
    # pydantic takes half a second to load
    from stocktide.foundation import settings

    return settings.load_settings(**overrides)


def load_config(settings: "Settings") -> dict[str, Any]:
    """Parse stocktide.toml. Raises Invalid that names the file and the line."""
    from stocktide.foundation import settings as module

    return module.load_config(settings)


@contextmanager
def services_for(settings: "Settings", owner: str) -> Iterator[tuple["sa.Engine", "Services"]]:
    """Provide an engine on the running servers, or on embedded ones while the command runs."""
    # SQLAlchemy, Alembic and the servers' clients take more than a second to load
    from stocktide.foundation import home

    with home.services_for(settings, owner) as services:
        yield services

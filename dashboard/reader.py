"""Access that a page reads with: the read-only engine, the cache, the settings, and who is signed in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
import streamlit as st

from catalog.cache import ProductCache
from dashboard.signin import COOKIE
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.database import create_engine
from stocktide.foundation.errors import Unauthorized
from stocktide.foundation.home import signing_key
from stocktide.foundation.sessions import Sessions
from stocktide.foundation.settings import Settings, load_settings
from stocktide.foundation.users import User


def utc_now() -> datetime:
    """Return the instant."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Reader:
    """Hold what every page reads with. clock: tells the instant; a test sets it."""

    settings: Settings
    engine: sa.Engine
    cache: ProductCache
    sessions: Sessions
    clock: Callable[[], datetime] = utc_now


@st.cache_resource
def open_reader() -> Reader:
    """Open the process's reader, in the role that cannot write."""
    settings = load_settings()
    engine = create_engine(
        settings.read_database_url or settings.database_url or "",
        answer_s=settings.database_answer_s,
        plans_each=True,
    )
    cache = ProductCache(connect_cache(settings.redis_url or ""), ttl_s=settings.cache_ttl_s)
    return Reader(settings, engine, cache, sessions_of(settings, engine))


def sessions_of(settings: Settings, engine: sa.Engine) -> Sessions:
    """Return the sessions, as this process reads them."""
    return Sessions(engine, signing_key(settings), session_hours=settings.session_hours)


def session_text() -> str:
    """Return the text of the session of who looks at the page: what the API knows them by."""
    return str(st.context.cookies.get(COOKIE, ""))


def signed_in_user(reader: Reader) -> User:
    """Return who looks at the page. Raises Unauthorized; the server in front let nobody else through."""
    token = st.context.cookies.get(COOKIE)
    if token is None:
        raise Unauthorized("session_missing", "Sign in first.")
    return reader.sessions.user_of(token)

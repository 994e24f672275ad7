"""The dashboard's ASGI application: Streamlit behind the sign-in."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

# pages and what they draw with take seconds to import: before the first visitor comes, not while they wait
import dashboard.shell  # noqa: F401
from dashboard.signin import RequireSignIn, SignInRoutes, healthz, show_form
from stocktide.foundation.database import create_engine
from stocktide.foundation.home import signing_key
from stocktide.foundation.sessions import Sessions
from stocktide.foundation.settings import Settings

SESSION_ANSWER_S = 5.0
SCRIPT = Path(__file__).parent / "main.py"


def create_dashboard(settings: Settings) -> st.App:
    """Build the application; connects to nothing before a page is asked for."""
    url = settings.read_database_url or settings.database_url or ""
    # of its own: whether somebody is signed in is not asked behind the queries of pages
    engine = create_engine(url, pool_size=2, answer_s=SESSION_ANSWER_S)
    sessions = Sessions(engine, signing_key(settings), session_hours=settings.session_hours)
    routes = SignInRoutes(settings, sessions.session_s)
    return st.App(
        SCRIPT,
        routes=[
            Route("/signin", show_form, methods=["GET"]),
            Route("/signin", routes.take_form, methods=["POST"]),
            Route("/signout", routes.sign_out, methods=["GET", "POST"]),
            Route("/healthz", healthz, methods=["GET"]),
        ],
        middleware=[Middleware(RequireSignIn, sessions=sessions)],
    )

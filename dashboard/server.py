"""The dashboard's ASGI application: Streamlit behind the sign-in."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

from dashboard.signin import RequireSignIn, SignInRoutes, healthz, show_form, sign_out
from stocktide.foundation.home import signing_key
from stocktide.foundation.settings import Settings
from stocktide.foundation.users import SignIn

SCRIPT = Path(__file__).parent / "main.py"


def create_dashboard(settings: Settings) -> st.App:
    """Build the application; connects to nothing before a page is asked for."""
    signin = SignIn(signing_key(settings), session_hours=settings.session_hours)
    routes = SignInRoutes(settings, signin.session_s)
    return st.App(
        SCRIPT,
        routes=[
            Route("/signin", show_form, methods=["GET"]),
            Route("/signin", routes.take_form, methods=["POST"]),
            Route("/signout", sign_out, methods=["GET", "POST"]),
            Route("/healthz", healthz, methods=["GET"]),
        ],
        middleware=[Middleware(RequireSignIn, signin=signin)],
    )

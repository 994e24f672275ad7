"""Sign-in in front of the dashboard: one form, one cookie, and nothing behind it without."""

from html import escape
from importlib.resources import files
from urllib.parse import parse_qs, quote

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard.api_client import trusted
from stocktide.foundation.errors import Transient, Unauthorized
from stocktide.foundation.sessions import Sessions
from stocktide.foundation.settings import Settings
from stocktide.foundation.telemetry import log
from stocktide.foundation.web import limited_body

COOKIE = "stocktide_session"
# Open to everybody: the form itself, signing out, and the health check.
OPEN_PATHS = frozenset({"/signin", "/signout", "/healthz"})
FORM_BYTES_MAX = 10_000
API_TIMEOUT_S = 10.0


class RequireSignIn:
    """Let nothing through without a valid cookie: pages are sent to the form, sockets are refused."""

    def __init__(self, app: ASGIApp, sessions: Sessions) -> None:
        self._app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, redirect, or refuse."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            cookie = connection.cookies.get(COOKIE, "")
            if self._sessions.recent(cookie) is None:
                await run_in_threadpool(self._sessions.user_of, cookie)
        except Unauthorized:
            await self._refuse(connection, scope, receive, send)
            return
        except Transient as error:
            await self._wait(error, scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _wait(self, error: Transient, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer that nobody can be recognised now."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1013})
            return
        await PlainTextResponse(error.message, 503, {"Retry-After": "2"})(scope, receive, send)

    async def _refuse(
        self, connection: HTTPConnection, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4401})
            return
        answer: Response = PlainTextResponse("Sign in first.", 401)
        if "text/html" in connection.headers.get("accept", ""):
            query = f"?{connection.url.query}" if connection.url.query else ""
            answer = RedirectResponse(
                f"/signin?next={quote(connection.url.path + query, safe='')}", 303
            )
        await answer(scope, receive, send)


def _page(
    *, message: str = "", username: str = "", after: str = "/", status: int = 200
) -> HTMLResponse:
    html = files("dashboard").joinpath("signin.html").read_text("utf-8")
    shown = f'<p role="alert">{escape(message)}</p>' if message else ""
    for name, value in (
        ("message", shown),
        ("username", escape(username)),
        ("next", escape(after)),
    ):
        html = html.replace("{{" + name + "}}", value)
    headers = {
        "Cache-Control": "no-store",
        "X-Frame-Options": "DENY",
        "Content-Security-Policy": CONTENT_POLICY,
    }
    return HTMLResponse(html, status, headers)


CONTENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
)


def _local(after: str) -> str:
    """Return where to go after signing in: a path of ours, never another site."""
    return after if after.startswith("/") and not after.startswith(("//", "/\\")) else "/"


async def show_form(request: Request) -> Response:
    """Show the form."""
    return _page(after=_local(request.query_params.get("next", "/")))


class SignInRoutes:
    """Takes the form to the API, which alone may read passwords' hashes, and keeps its token in the cookie."""

    def __init__(self, settings: Settings, session_s: int) -> None:
        self._settings = settings
        self._session_s = session_s

    async def take_form(self, request: Request) -> Response:
        """Check name and password; answer with the cookie, or with the form and why not."""
        fields = parse_qs((await limited_body(request, FORM_BYTES_MAX)).decode("utf-8", "replace"))
        username, password = (fields.get(name, [""])[0] for name in ("username", "password"))
        after = _local(fields.get("next", ["/"])[0])
        try:
            address = request.client.host if request.client else None
            answer = await run_in_threadpool(self._ask, username, password, address)
        except httpx.HTTPError:
            return _page(
                message="The API does not answer, so sign-in is not possible now. See `stocktide status`.",
                username=username, after=after, status=503,
            )  # fmt: skip
        body = answer.json()
        if answer.status_code != 200:
            return _page(
                message=body["detail"], username=username, after=after, status=answer.status_code
            )
        response = RedirectResponse(after, 303)
        response.set_cookie(
            COOKIE,
            body["token"],
            max_age=self._session_s,
            httponly=True,
            samesite="lax",
            secure=self._settings.cookie_secure,
        )
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session and delete the cookie; without an API the cookie alone goes."""
        cookie = request.cookies.get(COOKIE)
        if cookie is not None:
            try:
                await run_in_threadpool(self._end, cookie)
            except httpx.HTTPError as error:
                log("session_not_ended", error=repr(error))
        response = RedirectResponse("/signin", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return response

    def _ask(self, username: str, password: str, address: str | None) -> httpx.Response:
        return self._request(
            "POST", {"username": username, "password": password, "address": address}
        )

    def _end(self, cookie: str) -> httpx.Response:
        return self._request("DELETE", {"token": cookie})

    def _request(self, method: str, body: dict[str, str | None]) -> httpx.Response:
        key = self._settings.dashboard_key
        return httpx.request(
            method,
            f"{self._settings.api_address}/v1/sessions",
            json=body,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=API_TIMEOUT_S,
            verify=trusted(),
        )


async def healthz(_request: Request) -> Response:
    """Answer that the process is alive."""
    return PlainTextResponse("ok")

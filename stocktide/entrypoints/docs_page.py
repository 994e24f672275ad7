"""The API's description for programs, and the page that lists its routes: without a script, from us alone."""

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from stocktide.foundation.rights import ANYBODY

# Nothing is loaded, sent or framed; the page brings its few lines of style.
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "dt{margin-top:1rem}code{font-size:.95em}b{display:inline-block;min-width:5rem}"
)

router = APIRouter(include_in_schema=False, dependencies=[ANYBODY])


@router.get("/openapi.json")
def get_openapi(request: Request) -> JSONResponse:
    """Give the OpenAPI document."""
    return JSONResponse(request.app.openapi())


@router.get("/docs")
def get_docs(request: Request) -> HTMLResponse:
    """List the routes, with what each takes, on a page without scripts."""
    return HTMLResponse(_page(request.app.openapi()), headers=PAGE_HEADERS)


def _page(document: dict[str, Any]) -> str:
    title = escape(f"{document['info']['title']} API")
    routes = "".join(
        _route(method, path, route)
        for path, methods in sorted(document["paths"].items())
        for method, route in methods.items()
    )
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
        f"<h1>{title}</h1><p>{escape(document['info']['description'])} Send a key as <code>Authorization: Bearer stk_…"
        "</code>. The whole description, with the shape of each body, is <a href=/openapi.json>/openapi.json</a>.</p>"
        f"<dl>{routes}</dl></html>"
    )


def _route(method: str, path: str, route: dict[str, Any]) -> str:
    said = escape(route.get("description") or route.get("summary", ""))
    taken = ", ".join(f"<code>{escape(one['name'])}</code>" for one in route.get("parameters", ()))
    head = f"<dt><b>{escape(method.upper())}</b> <code>{escape(path)}</code></dt><dd>{said}"
    return f"{head}{f'<br>Takes {taken}.' if taken else ''}</dd>"

"""A real `stocktide up` over a simulated chain, and a real Chromium in front of it."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Response, sync_playwright

from data import simulate
from tests.browser.find_chromium import find_chromium
from tests.system.running import Running, quick_config, up

# Read at import: the tests themselves see no STOCKTIDE_* of the outside.
IN_CI = os.environ.get("STOCKTIDE_CI") == "1"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]
# Streamlit's client does not know under which path it is served: it first asks beside the page's own address, where
# its server answers 404 on purpose, then at the root (streamlit/web/server/starlette/starlette_static_routes.py).
PROBES = ("/_stcore/health", "/_stcore/host-config")
VIEWER, VIEWER_PASSWORD = "vera", "only-looking-on"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module; Playwright keeps an event loop running meanwhile, which no other test may meet."""
    executable = find_chromium()
    if executable is None:
        why = "no Chromium: run `python tests/browser/find_chromium.py --install`"
        pytest.fail(why) if IN_CI else pytest.skip(why)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def running(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The whole system with 90 days of the sample chain, landed and forecast."""
    assert browser.is_connected()
    chain = simulate(seed=5, days=90, end=datetime.now(UTC).date())
    folder = tmp_path_factory.mktemp("browser")
    with up(folder / "home", config=quick_config(folder)) as started:
        with started.client("operate") as client:
            client.put("/v1/products", json={"products": chain.products}).raise_for_status()
            client.put("/v1/locations", json={"locations": chain.locations}).raise_for_status()
            for kind, plans in (("promotions", chain.promotions), ("closures", chain.closures)):
                client.put(f"/v1/calendar/{kind}", json={kind: plans}).raise_for_status()
            for body in chain.batches(4000):
                client.post(
                    "/v1/events", content=body, headers={"content-type": "application/x-ndjson"}
                ).raise_for_status()
        for arguments in (
            ("etl",),
            ("forecast",),
            ("users", "add", VIEWER, "--role", "viewer", "--password", VIEWER_PASSWORD),
        ):
            done = started.run(*arguments)
            assert done.returncode == 0, done.stderr
        yield started


@dataclass
class Visitor:
    """Somebody at the dashboard; what their browser complained of is kept in `complaints`."""

    page: Page
    home: str
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open an address of the dashboard."""
        self.page.goto(self.home + path)

    def sign_in(self, username: str, password: str) -> None:
        """Fill the form that is shown, and send it."""
        self.page.get_by_label("User name").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def wait_until_quiet(self) -> None:
        """Wait until Streamlit runs nothing any more."""
        self.page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")


def watch(visitor: Visitor) -> None:
    """Note failed requests, requests to other machines, and errors on the console."""

    def on_response(response: Response) -> None:
        if response.status >= 400 and not is_probe(response.url):
            visitor.complaints.append(f"{response.status} {response.url}")

    def on_request(request: Request) -> None:
        if not request.url.startswith((visitor.home, "data:", "blob:")):
            visitor.complaints.append(f"outside: {request.url}")

    def is_probe(url: str) -> bool:
        path = url.removeprefix(visitor.home)
        return path.endswith(PROBES) and path not in PROBES

    page = visitor.page
    page.on("response", on_response)
    page.on("request", on_request)
    page.on("pageerror", lambda error: visitor.complaints.append(f"script: {error}"))
    page.on(
        "console",
        lambda message: (
            visitor.complaints.append(f"console: {message.text}")
            if message.type == "error" and not is_probe(message.location.get("url", ""))
            else None
        ),
    )


Visit = Callable[..., Visitor]


def open_context(browser: Browser, scheme: str) -> BrowserContext:
    """Open what a browser keeps of one person: cookies and the files that it has loaded."""
    context = browser.new_context(
        viewport={"width": 1360, "height": 1000},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    context.set_default_timeout(15_000)
    return context


SignedIn = Callable[[str], BrowserContext]


@pytest.fixture(scope="module")
def signed_in(browser: Browser, running: Running) -> Iterator[SignedIn]:
    """Contexts of the operator by light or dark: signed in once, as people are."""
    contexts: dict[str, BrowserContext] = {}

    def context_of(scheme: str) -> BrowserContext:
        if scheme not in contexts:
            contexts[scheme] = open_context(browser, scheme)
            visitor = Visitor(contexts[scheme].new_page(), running.state()["dashboard"])
            visitor.go("/signin")
            visitor.sign_in("admin", running.password())
            visitor.page.wait_for_selector("h1:has-text('Overview')")
            visitor.page.close()
        return contexts[scheme]

    yield context_of
    for context in contexts.values():
        context.close()


@pytest.fixture
def visit(browser: Browser, running: Running, signed_in: SignedIn) -> Iterator[Visit]:
    """Make visitors: the signed-in operator, or nobody; in light or dark. Afterwards none may have complaints."""
    nobodies: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def make(*, scheme: str = "light", operator: bool = True, watched: bool = True) -> Visitor:
        if operator:
            context = signed_in(scheme)
        else:
            nobodies.append(context := open_context(browser, scheme))
        visitor = Visitor(context.new_page(), running.state()["dashboard"])
        if watched:
            watch(visitor)
        visitors.append(visitor)
        return visitor

    yield make
    for visitor in visitors:
        visitor.page.close()
    for context in nobodies:
        context.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []

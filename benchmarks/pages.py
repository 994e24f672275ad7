"""How long each page takes in Chromium over millions of movements, with a cold browser and a warm one.

A chain of shops that sold every day of the last year is landed and forecast by the commands of `stocktide`. A cold
visit is the first one of a browser profile that has loaded nothing yet; a warm one comes back from another page. A page
is there when its figures are drawn and nothing runs any more. `pages_cold_s` and `pages_warm_s`: the 95th percentile of
the slowest page.
"""

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

# Run as a script, this file's folder comes first on the path.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from benchmarks._claims import at_most, figure, unavailable
from benchmarks._retail import fill
from tests.browser.conftest import ARGUMENTS, Visitor, open_context
from tests.browser.find_chromium import find_chromium
from tests.browser.test_pages import PAGES
from tests.forked import run_command
from tests.system.running import ROOT, Running, up

MOVEMENTS, QUICK = 10_000_000, 300_000
COLD, WARM = 4, 6
COLD_S_MAX, WARM_S_MAX = 4.0, 1.5
VISIT_S_MAX = 60.0
COMMAND_S_MAX = 7_200.0
ELSEWHERE = "/calendar"
# a page shows charts, tables or metrics, or a message in their place
FIGURES = ":is(canvas, svg.marks, [data-testid=stAlert], [data-testid=stMetric])"


def main() -> None:
    """Measure, and print a line a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movements", type=int, default=MOVEMENTS)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} movements")
    parser.add_argument("--home", type=Path, help="a home that is filled once and kept")
    asked = parser.parse_args()
    executable = find_chromium() or unavailable(
        "No Chromium; run `python -m tests.browser.find_chromium --install`."
    )
    with ExitStack() as stack:
        home = asked.home or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "home"
        is_filled = home.exists()
        running = stack.enter_context(up(home))
        if not is_filled:
            make_chain(running, QUICK if asked.quick else asked.movements)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        stack.callback(browser.close)
        cookies = sign_in(browser, running)
        slowest = {"cold": 0.0, "warm": 0.0}
        for title, (path, _, _) in PAGES.items():
            times = visit(browser, running, cookies, path)
            percentiles = {kind: float(np.percentile(taken, 95)) for kind, taken in times.items()}
            said = "  ".join(
                f"{kind} p50 {np.median(taken):5.2f} p95 {percentiles[kind]:5.2f} s"
                for kind, taken in times.items()
            )
            print(f"{title:18} {said}", flush=True)
            slowest = {kind: max(slowest[kind], percentiles[kind]) for kind in slowest}
    at_most("pages_cold_s", slowest["cold"], COLD_S_MAX)
    at_most("pages_warm_s", slowest["warm"], WARM_S_MAX)


def make_chain(running: Running, movements: int) -> None:
    """Fill the ledger, and bring up what is made of it."""
    for name, make in (
        ("fill", lambda: fill(running.state()["services"]["database_url"], movements)),
        ("etl", lambda: need(running, "etl")),
        ("rebuild", lambda: need(running, "rebuild")),
        ("forecast", lambda: need(running, "forecast")),
    ):
        started = time.monotonic()
        make()
        figure(f"{name}_s", time.monotonic() - started)


def need(running: Running, command: str) -> None:
    """Run a command. Ends the program with what it said where it fails."""
    done = run_command(
        command, "--json", environment=running.environment, folder=ROOT, seconds=COMMAND_S_MAX
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr[-2_000:])


def visit(browser: Browser, running: Running, cookies: Any, path: str) -> dict[str, list[float]]:
    """Visit a page; returns the seconds of cold and of warm visits."""
    times: dict[str, list[float]] = {"cold": [], "warm": []}
    for number in range(COLD):
        with open_context(browser, "light") as context:
            context.set_default_timeout(VISIT_S_MAX * 1000)
            context.add_cookies(cookies)
            visitor = Visitor(context.new_page(), running.state()["dashboard"])
            times["cold"].append(seconds_until_there(visitor, path))
            for _ in range(WARM if number == 0 else 0):
                seconds_until_there(visitor, ELSEWHERE)
                times["warm"].append(seconds_until_there(visitor, path))
    return times


def sign_in(browser: Browser, running: Running) -> Any:
    """Sign in once, as people do; returns the cookies."""
    with open_context(browser, "light") as context:
        visitor = Visitor(context.new_page(), running.state()["dashboard"])
        visitor.go("/signin")
        visitor.sign_in("admin", running.password())
        visitor.page.wait_for_selector("h1:has-text('Overview')")
        return context.cookies()


def seconds_until_there(visitor: Visitor, path: str) -> float:
    """Open a page, and return how long it took until figures were drawn and nothing ran."""
    started = time.monotonic()
    visitor.go(path)
    visitor.page.locator(f"[data-testid=stMain] {FIGURES}").first.wait_for()
    visitor.wait_until_quiet()
    return time.monotonic() - started


if __name__ == "__main__":
    main()

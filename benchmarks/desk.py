"""How long a buyer waits with 10,000 open lines: a list, approve, change, snooze over HTTP, and the page in Chromium.

The whole of `stocktide up` runs; while buyers work, a till sends sales without pause. Each line has an explanation of
28 days, as a run writes it, and a rule of approval lets none of them through, so that each says why. `desk_…_p95_s`:
the 95th percentile of the seconds of an action. `desk_page_…_s`: until the page *Orders* is drawn and nothing runs any
more, in a browser that has been there before; `desk_next_…_s`: until its next page is, after a key.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

# Run as a script, this file's folder comes first on the path.
sys.path[0] = str(Path(__file__).parents[1])

import httpx
import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks._claims import at_most, figure, unavailable
from benchmarks.pages import ELSEWHERE, FIGURES, seconds_until_there, sign_in
from purchasing.desk.proposals import Proposal, put_proposals, see
from stocktide.domain.kinds import SALE
from stocktide.foundation.database import create_engine
from tests.browser.conftest import ARGUMENTS, Visitor, open_context
from tests.browser.find_chromium import find_chromium
from tests.system.running import Running, up

LINES, PRODUCTS = 10_000, 500
ACTIONS, EVENTS_AT_ONCE, PAUSE_S = 100, 100, 0.1
P95_S_MAX = 1.0
# Visits of the page, and how long one may take to draw: what benchmarks/pages.py allows a warm one.
VISITS, DRAWN_S_MAX = 20, 1.5
SORTS = ("risk", "cost", "product", "supplier")
DAYS = 28


def main() -> None:
    """Measure, and print a line an action."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--actions", type=int, default=ACTIONS, help="of each kind")
    parser.add_argument("--visits", type=int, default=VISITS, help="of the page")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, up(Path(folder) / "home") as running:
        fill(running, asked.lines)
        done = threading.Event()
        till = threading.Thread(target=sell, args=(running, done))
        till.start()
        try:
            with running.client("operate") as client:
                taken = work(client, asked.actions)
            drawn = look(running, asked.visits)
        finally:
            done.set()
            till.join()
    for name, seconds in taken.items():
        figure(f"desk_{name}_p50_s", float(np.median(seconds)))
    for name, seconds in taken.items():
        at_most(f"desk_{name}_p95_s", float(np.percentile(seconds, 95)), P95_S_MAX)
    for name, seconds in drawn.items():
        figure(f"desk_{name}_p50_s", float(np.median(seconds)))
        at_most(f"desk_{name}_p95_s", float(np.percentile(seconds, 95)), DRAWN_S_MAX)


def fill(running: Running, lines: int) -> None:
    """Make products, places and a desk of so many lines."""
    places = -(-lines // PRODUCTS)
    with running.client("operate") as client:
        products = [{"sku": f"P{n:04}", "name": f"Product {n}"} for n in range(PRODUCTS)]
        client.put("/v1/products", json={"products": products}).raise_for_status()
        locations = [{"code": f"S{n:03}", "name": f"Shop {n}"} for n in range(places)]
        client.put("/v1/locations", json={"locations": locations}).raise_for_status()
        # each line costs more
        rule = {"approval_rules": [{"amount": "1", "factor": 1.5, "change": 0.3}]}
        client.put("/v1/terms/approval-rules", json=rule).raise_for_status()
    days = [f"{datetime.now(UTC).date() + timedelta(days=n)}" for n in range(DAYS)]
    bands = np.round(np.random.default_rng(1).uniform(0, 99, (DAYS, 3)), 3).tolist()
    why = {
        "sentence": "6 days' demand 60 ± 7; a fill rate of 95 % needs 54; have 20 on hand; order 36",
        "sells_in": "EUR", "days": days, "with": bands, "without": bands,
    }  # fmt: skip
    needs = [
        Proposal(
            f"supplier {number % 40}", f"P{number % PRODUCTS:04}", f"S{number // PRODUCTS:03}", 36_000, why,
            number * 10**6, price_micros=1_500_000, currency="EUR",
        )
        for number in range(lines)
    ]  # fmt: skip
    engine = create_engine(running.state()["services"]["database_url"])
    with engine.begin() as connection:
        put_proposals(connection, see(connection), needs, by="benchmark")
    engine.dispose()


def sell(running: Running, done: threading.Event) -> None:
    """Send sales until it is over."""
    numbers = count()
    with running.client("ingest") as client:
        while not done.wait(PAUSE_S):
            now = datetime.now(UTC).isoformat()
            events = [
                {
                    "specversion": "1.0", "id": f"b{number}", "source": "/till", "type": SALE.type, "time": now,
                    "data": {"product": f"P{number % PRODUCTS:04}", "location": "S000", "quantity": 1},
                }
                for number in (next(numbers) for _ in range(EVENTS_AT_ONCE))
            ]  # fmt: skip
            body = "\n".join(json.dumps(event) for event in events)
            headers = {"content-type": "application/x-ndjson"}
            client.post("/v1/events", content=body, headers=headers).raise_for_status()


def work(client: httpx.Client, actions: int) -> dict[str, list[float]]:
    """Do each action so many times, on other lines each time; returns the seconds of each."""
    until = f"{datetime.now(UTC).date() + timedelta(days=3)}"
    kinds: dict[str, dict[str, Any]] = {
        "approve": {},
        "change": {"quantity": 24, "reason": "less room"},
        "snooze": {"until": until},
    }
    taken: dict[str, list[float]] = {name: [] for name in ("list", *kinds)}
    for number in range(actions):
        page: dict[str, Any] = {
            "limit": 50,
            "offset": 50 * number,
            "sort": SORTS[number % len(SORTS)],
        }
        lines = timed(taken["list"], partial(client.get, "/v1/orders", params=page))["lines"]
        fresh = [line for line in lines if line["state"] == "proposed" and line["buyer"] is None]
        for line, (action, more) in zip(fresh, kinds.items(), strict=False):
            one = {"line": line["line_id"], "seen": line["version"], "action": action, **more}
            body = {"decisions": [one], "user": "anna"}
            answer = timed(taken[action], partial(client.post, "/v1/orders", json=body))
            assert answer["lines"][0]["error"] is None, answer
    assert all(len(seconds) > actions / 2 for seconds in taken.values())
    return taken


def look(running: Running, visits: int) -> dict[str, list[float]]:
    """Come back to the page, and turn to its next one; returns the seconds of each."""
    executable = find_chromium() or unavailable(
        "No Chromium; run `python -m tests.browser.find_chromium --install`."
    )
    taken: dict[str, list[float]] = {"page": [], "next": []}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        with open_context(browser, "light") as context:
            context.add_cookies(sign_in(browser, running))
            visitor = Visitor(context.new_page(), running.state()["dashboard"])
            seconds_until_there(visitor, "/orders")
            for _ in range(visits):
                seconds_until_there(visitor, ELSEWHERE)
                taken["page"].append(seconds_until_there(visitor, "/orders"))
                begun = time.perf_counter()
                visitor.page.keyboard.press("n")
                visitor.page.get_by_text("Page 2 of").first.wait_for()
                visitor.page.locator(f"[data-testid=stMain] {FIGURES}").first.wait_for()
                visitor.wait_until_quiet()
                taken["next"].append(time.perf_counter() - begun)
        browser.close()
    return taken


def timed(seconds: list[float], ask: Callable[[], httpx.Response]) -> Any:
    """Ask, and note how long it took."""
    begun = time.perf_counter()
    answer = ask().raise_for_status()
    seconds.append(time.perf_counter() - begun)
    return answer.json()


if __name__ == "__main__":
    main()

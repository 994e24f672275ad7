"""Takes the README's pictures from a running `make demo`.

Usage: python docs/take_pictures.py [http://127.0.0.1:8501] — signs in as admin with the home's first password.
"""

import sys
from pathlib import Path

# Run as a script, this file's folder comes first on the path, and the checkout, where `tests` stands, is not on it.
sys.path[0] = str(Path(__file__).parents[1])

from playwright.sync_api import sync_playwright

from stocktide.foundation.settings import load_settings
from tests.browser.find_chromium import find_chromium

PAGES = {
    "overview": "/",
    "products": "/products",
    "forecasts": "/forecasts",
    "orders": "/orders",
    "demand": "/demand",
}
# On these the last chart says most.
BELOW = ("products", "orders")
SIZE = {"width": 1280, "height": 1000}
# Charts draw after the page has come; there is no event that says the last one did.
SETTLE_MS = 4_000


def main() -> None:
    """Write docs/pictures/NAME.png for each page."""
    base = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8501"
    password = (load_settings().home / "first-password").read_text().strip()
    folder = Path(__file__).parent / "pictures"
    folder.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(f"{base}/signin")
        page.fill("[name=username]", "admin")
        page.fill("[name=password]", password)
        page.click("button")
        # another address before the answer has come would leave nobody signed in
        page.wait_for_selector("h1:has-text('Overview')")
        for name, path in PAGES.items():
            page.goto(base + path)
            if name == "orders":
                # the line that risks most
                page.get_by_role("button", name="Next line").click()
            page.wait_for_selector("[data-testid=stVegaLiteChart]")
            page.wait_for_timeout(SETTLE_MS)
            if name in BELOW:
                page.get_by_test_id("stVegaLiteChart").last.scroll_into_view_if_needed()
                page.wait_for_timeout(500)
            page.screenshot(path=folder / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()

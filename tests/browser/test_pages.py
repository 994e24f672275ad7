import csv
import json
import os
import re
import signal
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from dashboard.theme import quantity
from tests.browser.conftest import VIEWER, VIEWER_PASSWORD, Visit, Visitor
from tests.ingest.shopify.shop import (
    history,
    inventory_csv,
    orders_csv,
    products_csv,
    variants_of,
    write,
)
from tests.system.running import Running, wait_until

pytestmark = pytest.mark.browser

# page: its address, its charts, its tables; of Forecasts at least, for it draws a tile for each component
PAGES = {
    "Overview": ("/", 1, 1),
    "Stock risk": ("/risk", 0, 1),
    "Inventory health": ("/health", 3, 1),
    "Products": ("/products", 2, 2),
    "Demand": ("/demand", 3, 0),
    "Customers": ("/customers", 0, 1),
    "Forecasts": ("/forecasts", 3, 2),
    # too early for it: the chain has one forecast
    "Accuracy": ("/accuracy", 0, 0),
    "Alerts": ("/alerts", 0, 1),
    "Trending": ("/trending", 1, 1),
    # the chain has proposed no order yet
    "Orders": ("/orders", 0, 0),
    # nothing is overridden yet
    "Overrides": ("/overrides", 0, 0),
    # nothing is compared or saved yet
    "What-if": ("/whatif", 0, 0),
    # nothing is missing, or it is listed
    "Terms": ("/terms?kind=suppliers", 0, 1),
    # no replay was made yet
    "Policy lab": ("/policylab", 0, 0),
    "Calendar": ("/calendar", 1, 1),
    "Feeds": ("/feeds", 2, 1),
    # nothing is asked for yet
    "Events": ("/events", 0, 0),
    # the chain was not checked yet
    "Quality": ("/quality", 0, 0),
    "Experiments": ("/experiments", 0, 2),
    "SQL": ("/sql", 0, 1),
    "System": ("/system", 0, 4),
}
STRUCTURED = {"content-type": "application/cloudevents+json"}
MAY_HAVE_MORE = {"Forecasts", "Experiments", "Trending"}
CHART = "[data-testid=stVegaLiteChart] :is(canvas, svg.marks)"
TABLE = "[data-testid=stDataFrame] canvas"
WORDS = "[data-testid=stAlert]"
# Serious findings of axe in what is not ours, by the rule and a part of the element's HTML.
NOT_OURS = {
    # Streamlit's menu nests its sections' lists in one another
    "list": "stSidebarNavItems",
    "listitem": '<li class="st-emotion-cache',
    # Vega's groups of marks inside a chart; the chart itself has an alternative text
    "svg-img-alt": 'role="graphics-symbol"',
}
FIRST_FIGURE_S_MAX = 5.0
SENT_S_MAX = 30.0
# A text that is cut shows less than it holds, in the card's value or in anything inside it.
CUT = """cards => cards.flatMap(card => [card, ...card.querySelectorAll('*')])
    .filter(e => e.scrollWidth > e.clientWidth && getComputedStyle(e).display !== 'inline')
    .map(e => e.innerText)"""
# Where a row's box to tick stands in a table: 28 px rows below the head, in the first column.
HEAD_PX, ROW_PX, TICK_PX = 35, 28, 15
SETTLE_MS = 300


def no_error_shown(page: Page) -> None:
    expect(page.get_by_text(re.compile("encountered an error|Traceback"))).to_have_count(0)
    expect(
        page.locator("[data-testid=stException], [data-testid=stAlertContentError]")
    ).to_have_count(0)


def tick_row(page: Page, table: int, row: int) -> None:
    box = page.locator("[data-testid=stDataFrame]").nth(table)
    box.scroll_into_view_if_needed()
    box.locator("canvas").first.wait_for()
    # charts above still take their room: click where the row stands, not where it stood
    before = None
    while before != (before := box.bounding_box()):
        page.wait_for_timeout(SETTLE_MS)
    box.click(position={"x": TICK_PX, "y": HEAD_PX + ROW_PX * row + ROW_PX // 2})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("title", PAGES)
def test_page_is_drawn_whole_and_soon_and_can_be_read_by_everybody(
    title: str, scheme: str, visit: Visit
) -> None:
    path, charts, tables = PAGES[title]
    visitor = visit(scheme=scheme)
    page = visitor.page
    started = time.monotonic()
    visitor.go(path)
    page.locator(CHART if charts else TABLE if tables else WORDS).first.wait_for()
    assert time.monotonic() - started < FIRST_FIGURE_S_MAX
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    for found, count in (
        (page.locator("[data-testid=stVegaLiteChart]"), charts),
        (page.locator("[data-testid=stDataFrame]"), tables),
    ):
        if title not in MAY_HAVE_MORE:
            expect(found).to_have_count(count)
        elif count:
            expect(found.nth(count - 1)).to_be_attached()
    visitor.wait_until_quiet()
    no_error_shown(page)
    for chart in page.locator("[data-testid=stVegaLiteChart]").all():
        box = chart.locator("canvas, svg.marks").first.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) > 100
    assert page.locator("[data-testid=stMetricValue]").evaluate_all(CUT) == []
    assert "None" not in page.locator("[data-testid=stMain]").inner_text()
    background = page.locator("[data-testid=stApp]").evaluate(
        "e => getComputedStyle(e).backgroundColor"
    )
    assert background == ("rgb(20, 23, 26)" if scheme == "dark" else "rgb(255, 255, 255)")
    # in the same visit: each draws the page once
    readable_by_everybody(page, title)


# Ink against its ground, by the formula of WCAG 2; of every small text that has a colour of its own.
CONTRASTS = """() => {
    const light = c => { const v = c / 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
    const of = rgb => 0.2126 * light(rgb[0]) + 0.7152 * light(rgb[1]) + 0.0722 * light(rgb[2]);
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgb = colour => { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
                            return [...canvas.getImageData(0, 0, 1, 1).data]; };
    const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
                          if (!/, 0\\)|transparent/.test(c)) return rgb(c); } return [255, 255, 255]; };
    const seen = e => { let o = 1; for (; e; e = e.parentElement) o *= getComputedStyle(e).opacity; return o; };
    return [...document.querySelectorAll("[data-testid=stCaptionContainer] p")].map(e => {
        const back = ground(e), a = seen(e);
        const ink = rgb(getComputedStyle(e).color).map((c, i) => a * c + (1 - a) * back[i]);
        const [hi, lo] = [of(ink), of(back)].sort((x, y) => y - x);
        return (hi + 0.05) / (lo + 0.05); });
}"""


def readable_by_everybody(page: Page, title: str) -> None:
    """Titles, order of headings, contrast, words for charts, and what axe finds."""
    expect(page).to_have_title(f"{title} · Stocktide")
    levels = page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(e => +e.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels
    assert min(page.evaluate(CONTRASTS), default=21) >= 4.5
    for chart in page.locator("[data-testid=stVegaLiteChart]").all():
        said = chart.locator("[aria-label]").evaluate_all("all => all.map(e => e.ariaLabel)")
        assert any(len(words) > 10 for words in said), said
    assert serious(page) == []


def serious(page: Page) -> list[tuple[str, str]]:
    """What axe finds serious or critical on a page of ours: the rule, and the element's HTML."""
    violations = Axe().run(page).response["violations"]
    found = [
        (str(one["id"]), str(node["html"])[:200])
        for one in violations
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    return [(rule, html) for rule, html in found if NOT_OURS.get(rule, "\0") not in html]


def test_the_menu_closes_and_nothing_is_cut_on_a_telephone(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    page.set_viewport_size({"width": 390, "height": 844})
    visitor.go("/")
    page.locator(CHART).first.wait_for()
    visitor.wait_until_quiet()
    cut = page.locator(
        "[data-testid=stPageLink] p, [data-testid=stCaptionContainer] p"
    ).evaluate_all(
        "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.innerText)"
    )
    assert cut == []
    menu = page.locator("[data-testid=stSidebar]")
    page.locator("[data-testid=stExpandSidebarButton]").click()
    page.locator("[data-testid=stSidebarNav]").get_by_role("link", name="System").click()
    expect(page.get_by_role("heading", name="System", level=1)).to_be_visible()
    expect(menu).to_have_css("width", "0px")
    # the browser keeps whether the menu is open
    page.set_viewport_size({"width": 1360, "height": 1000})
    page.locator("[data-testid=stExpandSidebarButton]").click()
    expect(menu).not_to_have_css("width", "0px")


def test_filters_stay_over_links_and_the_menu_and_a_click_opens_a_row(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.go("/risk")
    page.locator(TABLE).first.wait_for()
    visitor.wait_until_quiet()
    box = page.locator("[data-testid=stDataFrame]").first
    box.click(position={"x": 300, "y": HEAD_PX + ROW_PX // 2})
    expect(page).to_have_url(re.compile(r"/products\?.*sku="))
    visitor.go("/?store=Porto+Harbour+Street")
    page.locator(CHART).first.wait_for()
    visitor.wait_until_quiet()
    page.locator("[data-testid=stPageLink]").filter(has_text="run empty").get_by_role(
        "link"
    ).click()
    expect(page).to_have_url(re.compile(r"/risk\?store=Porto"))
    page.locator("[data-testid=stSidebarNav]").get_by_role("link", name="Products").click()
    expect(page.get_by_role("combobox", name="Shop")).to_have_value("Porto Harbour Street")
    no_error_shown(page)


def test_the_nearest_day_is_read_out_where_one_points(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.go("/forecasts")
    chart = page.locator("[data-testid=stVegaLiteChart]").first
    chart.locator("canvas, svg.marks").first.wait_for()
    visitor.wait_until_quiet()
    box = chart.bounding_box()
    assert box is not None
    for share, name in ((0.4, "sold"), (0.85, "80 % interval")):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 60)
        said = page.locator("#vg-tooltip-element")
        expect(said).to_contain_text(name)
        assert not re.search(r"\d\.\d{2}|q\d", said.inner_text())


def test_csv_holds_all_rows_of_a_panel(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.go("/products")
    expect(page.get_by_text(re.compile("^1–50 of 80"))).to_be_visible()
    visitor.wait_until_quiet()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV (all rows)").click()
    with open(download.value.path(), encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 80


def test_sign_in_says_so_when_the_password_is_wrong_and_leads_to_the_address_asked_for(
    visit: Visit, running: Running
) -> None:
    visitor = visit(operator=False, watched=False)
    page = visitor.page
    visitor.go("/products?sku=FR-003")
    visitor.sign_in("admin", "not the password")
    expect(page.get_by_role("alert")).to_have_text("User name or password is wrong.")
    visitor.sign_in("admin", running.password())
    expect(page.get_by_role("heading", name="Oranges, net of 2 kg")).to_be_visible()
    assert page.url.endswith("/products?sku=FR-003")


def test_sign_out_asks_to_sign_in_again(visit: Visit, running: Running) -> None:
    visitor = visit(operator=False)
    visitor.go("/signin")
    visitor.sign_in("admin", running.password())
    visitor.page.get_by_role("link", name="Sign out").click()
    expect(visitor.page.get_by_label("Password")).to_be_visible()
    visitor.page.goto(visitor.home + "/trending")
    expect(visitor.page.get_by_label("Password")).to_be_visible()


def test_pages_are_reached_by_the_menu(visit: Visit) -> None:
    visitor = visit()
    visitor.go("/")
    for title in PAGES:
        visitor.page.locator("[data-testid=stSidebarNav]").get_by_role("link", name=title).click()
        expect(visitor.page.get_by_role("heading", name=title, level=1)).to_be_visible()
        visitor.wait_until_quiet()
        no_error_shown(visitor.page)


def test_products_search_narrows_the_list_and_stands_in_the_address(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.go("/products")
    expect(page.get_by_text(re.compile("^1–50 of "))).to_be_visible()
    tick_row(page, 0, 6)
    expect(page).to_have_url(re.compile(r"sku=FR-007"))
    expect(page.get_by_role("heading", name="Carrots, 1 kg bag")).to_be_visible()
    tick_row(page, 0, 0)
    expect(page.get_by_role("heading", name="Apples, loose")).to_be_visible()
    search = page.get_by_role("textbox", name="Search")
    search.fill("strawberr")
    search.press("Enter")
    expect(page.get_by_text("1–1 of 1", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"q=strawberr"))
    visitor.wait_until_quiet()
    # the tick of the row that stood there before is not taken for one of the row that stands there now
    expect(page.get_by_role("heading", name="Apples, loose")).to_be_visible()
    no_error_shown(page)
    search.fill("nothing like it")
    search.press("Enter")
    expect(page.get_by_text("No product matches “nothing like it”.")).to_be_visible()


def test_sql_answers_a_metric_with_a_chart_and_says_how_many_rows(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.go("/sql")
    page.get_by_role("combobox", name="Start from").fill("net_sales")
    page.get_by_role("option", name="net_sales").click()
    expect(page.get_by_role("textbox", name="Statement")).to_have_value(re.compile("net_sales"))
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text(re.compile(r"rows .* as of |rows · "))).to_be_visible()
    page.locator(CHART).first.wait_for()
    visitor.wait_until_quiet()
    no_error_shown(page)
    if folder := os.environ.get("BROWSER_PICTURES"):
        page.screenshot(path=f"{folder}/sql.png", full_page=True)


def test_products_next_page_goes_on_after_the_last(visit: Visit) -> None:
    visitor = visit()
    visitor.go("/products")
    visitor.page.get_by_role("button", name="Next page").click()
    expect(visitor.page).to_have_url(re.compile("after="))
    expect(visitor.page.get_by_role("button", name="First page")).to_be_visible()
    no_error_shown(visitor.page)


def test_forecasts_walks_down_by_a_row_and_up_by_the_breadcrumb(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.go("/forecasts")
    expect(page.get_by_text("By region", exact=True)).to_be_visible()
    page.locator(TABLE).first.wait_for()
    visitor.wait_until_quiet()
    tick_row(page, 0, 0)
    expect(page).to_have_url(re.compile(r"node=\d+"))
    expect(page.get_by_text("By region / location", exact=True)).to_be_visible()
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.get_by_text("By region", exact=True)).to_be_visible()
    visitor.wait_until_quiet()
    no_error_shown(page)


def test_calendar_takes_an_event_and_withdraws_it(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.go("/calendar?kind=Events")
    expect(page.get_by_text("No events are planned for these weeks.")).to_be_visible()
    page.get_by_role("radio", name="Event", exact=True).click()
    name = page.get_by_role("textbox", name="Name")
    name.fill("Summer fair")
    name.press("Enter")
    page.get_by_role("button", name="Save plan").click()
    expect(page.get_by_text("Enter: Product (SKU).")).to_be_visible()
    sku = page.get_by_role("textbox", name="Product (SKU)")
    sku.fill("FR-003")
    sku.press("Enter")
    visitor.wait_until_quiet()
    page.get_by_role("button", name="Save plan").click()
    expect(page.get_by_text("The plan is saved.")).to_be_visible()
    expect(page.locator(CHART).first).to_be_visible()
    visitor.wait_until_quiet()
    tick_row(page, 0, 0)
    expect(page.get_by_role("heading", name="Event: Summer fair")).to_be_visible()
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("The plan is withdrawn.")).to_be_visible()
    visitor.wait_until_quiet()
    no_error_shown(page)


def test_experiments_promotes_and_rolls_back_by_a_planner_and_not_by_a_viewer(
    visit: Visit, running: Running
) -> None:
    done = running.run("forecast")
    assert done.returncode == 0, done.stderr
    visitor = visit()
    page = visitor.page
    visitor.go("/experiments")
    expect(page.get_by_role("heading", name=re.compile("Current version: 2"))).to_be_visible()
    page.get_by_role("button", name="Roll back to version 1").click()
    expect(page.get_by_text("Enter a reason")).to_be_visible()
    why = page.get_by_role("textbox", name="Reason")
    why.fill("it ordered too much")
    why.press("Enter")
    visitor.wait_until_quiet()
    page.get_by_role("button", name="Roll back to version 1").click()
    expect(page.get_by_text("Version 1 is published in place of version 2.")).to_be_visible(
        timeout=30_000
    )
    expect(page.get_by_role("heading", name=re.compile("Current version: 1"))).to_be_visible()
    page.get_by_role("button", name="Publish it").click()
    expect(page.get_by_text("Version 2 is published in place of version 1.")).to_be_visible()
    visitor.wait_until_quiet()
    no_error_shown(page)
    viewer = visit(operator=False)
    viewer.go("/experiments")
    viewer.sign_in(VIEWER, VIEWER_PASSWORD)
    expect(viewer.page.get_by_text("Planners and operators can publish")).to_be_visible()
    expect(viewer.page.get_by_role("button", name="Publish it")).to_have_count(0)


def test_feeds_replays_a_group_by_a_planner_and_keeps_its_choice_while_it_draws_anew(
    visit: Visit, running: Running
) -> None:
    sale = {
        "specversion": "1.0",
        "source": "/till",
        "type": "stocktide.sale",
        "time": datetime.now(UTC).isoformat(),
    }
    lines = [
        json.dumps(
            {
                **sale,
                "id": f"desk{n}",
                "data": {"product": "fr-003", "location": "S1", "quantity": 1},
            }
        )
        for n in range(3)
    ]
    with running.client("ingest") as client:
        client.post(
            "/v1/events", content="\n".join(lines), headers={"content-type": "application/x-ndjson"}
        ).raise_for_status()
    visitor = visit()
    page = visitor.page
    visitor.go("/feeds?tab=rejects")
    # what was seen last stands first
    tick_row(page, 0, 0)
    expect(page).to_have_url(re.compile("reason=unknown_product.*sender=%2Ftill"))
    page.get_by_text("same value in this group").click()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Would accept 3; balances of 1 product would change.")).to_be_visible()
    # longer than the parts that draw themselves again wait
    page.wait_for_timeout(6_000)
    expect(page.get_by_text("Would accept 3; balances of 1 product would change.")).to_be_visible()
    fill_why(visitor, "codes in small letters")
    page.get_by_role("button", name="Replay", exact=True).click()
    expect(page.get_by_text("3 events recorded.")).to_be_visible()
    no_error_shown(page)
    viewer = visit(operator=False)
    viewer.go("/feeds?tab=rejects&state=replayed")
    viewer.sign_in(VIEWER, VIEWER_PASSWORD)
    expect(viewer.page.get_by_text("Payloads may hold personal data")).to_be_visible()


def test_feeds_tries_three_exports_of_a_shop_that_are_dropped_on_it(
    visit: Visit, tmp_path: Path
) -> None:
    variants = variants_of(2, online="Bakery", shop="Market")
    orders = history(variants, end=datetime.now(UTC), days=4, seed=3, shop="Market")
    texts = {
        "orders_export": orders_csv(orders),
        "products_export": products_csv(variants, newer=True),
        "inventory_export": inventory_csv(variants),
    }
    visitor = visit()
    page = visitor.page
    visitor.go("/feeds?tab=imports")
    page.locator("input[type=file]").set_input_files(
        [write(tmp_path / f"{name}.csv", text) for name, text in texts.items()]
    )
    expect(page.get_by_text("inventory_export.csv")).to_be_visible()
    page.get_by_role("button", name="Preview").click()
    said = f"EUR: {len(orders)} orders, {sum(len(order.lines) for order in orders)} lines"
    expect(page.get_by_text(f"{said} · sums agree to the cent")).to_be_visible()
    visitor.wait_until_quiet()
    readable_by_everybody(page, "Feeds")
    no_error_shown(page)


def test_feeds_takes_a_drop_back_and_says_that_it_was_sent_again(
    visit: Visit, running: Running
) -> None:
    sale = {
        "specversion": "1.0", "id": "drop1", "source": "/till", "type": "stocktide.sale",
        "time": datetime.now(UTC).isoformat(),
        "data": {"product": "FR-003", "location": "S1", "quantity": 0},
    }  # fmt: skip
    visitor = visit()
    page = visitor.page
    # one client: each has a key of its own, which is another feed
    with running.client("ingest") as client:
        client.post("/v1/events", json=sale, headers=STRUCTURED)
        visitor.go("/feeds?tab=rejects")
        tick_row(page, 0, 0)
        expect(page).to_have_url(re.compile("reason=not_positive"))
        dropped = page.url.replace("tab=rejects", "tab=rejects&state=dropped")
        fill_why(visitor, "typed by hand")
        page.get_by_role("button", name="Drop this event").click()
        expect(page.get_by_text("1 reject dropped")).to_be_visible()
        client.post("/v1/events", json=sale, headers=STRUCTURED)
    page.goto(dropped)
    expect(page.get_by_text("It was sent again after it was dropped")).to_be_visible()
    fill_why(visitor, "it comes again")
    page.get_by_role("button", name="Reopen").click()
    expect(page.get_by_text("1 reject reopened.")).to_be_visible()
    no_error_shown(page)


def fill_why(visitor: Visitor, words: str) -> None:
    why = visitor.page.get_by_role("textbox", name="Reason")
    why.fill(words)
    why.press("Enter")
    visitor.wait_until_quiet()


def test_retraining_is_queued_by_an_operator_and_not_offered_to_a_viewer(
    visit: Visit,
) -> None:
    operator = visit()
    operator.go("/system")
    operator.page.get_by_role("button", name="Retrain now").click()
    expect(
        operator.page.get_by_text(re.compile("Queued. It starts|Already queued"))
    ).to_be_visible()
    viewer = visit(operator=False)
    viewer.go("/system")
    viewer.sign_in(VIEWER, VIEWER_PASSWORD)
    expect(viewer.page.get_by_text("Planners and operators can start a retraining")).to_be_visible()
    expect(viewer.page.get_by_text("vera · viewer")).to_be_visible()
    expect(viewer.page.get_by_role("button", name="Retrain now")).to_have_count(0)


def test_pages_show_when_the_cache_hangs(visit: Visit, running: Running) -> None:
    visitor = visit()
    valkey = running.pid("valkey")
    os.kill(valkey, signal.SIGSTOP)
    try:
        for title, (path, charts, tables) in PAGES.items():
            visitor.go(path)
            expect(visitor.page.get_by_role("heading", name=title, level=1)).to_be_visible()
            visitor.page.locator(CHART if charts else TABLE if tables else WORDS).first.wait_for()
            no_error_shown(visitor.page)
        expect(visitor.page.get_by_text("Running, slower.")).to_be_visible()
    finally:
        os.kill(valkey, signal.SIGCONT)


def test_pages_show_again_when_the_database_was_killed(visit: Visit, running: Running) -> None:
    visitor = visit()
    visitor.go("/system")
    visitor.page.locator(TABLE).first.wait_for()
    before = running.pid("postgres")
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: running.pid("postgres") != before, 20, "postgres was not restarted")
    running.wait_until_ready()
    visitor.go("/")
    visitor.page.locator(CHART).first.wait_for()
    no_error_shown(visitor.page)


def test_a_buyers_morning_goes_from_the_worst_line_to_goods_on_the_shelf(
    visit: Visit, running: Running
) -> None:
    proposed = running.run("orders", "propose")
    assert proposed.returncode == 0, proposed.stderr
    with running.client("operate") as client:
        worst = client.get("/v1/orders", params={"limit": 1}).json()["lines"][0]
        where = {"product": worst["product"], "location": worst["location"]}
        (before,) = client.get("/v1/stock", params=where).json()["stock"]
        visitor = visit()
        page = visitor.page
        visitor.go("/orders")
        expect(page.get_by_role("button", name="Next line")).to_be_visible()
        visitor.wait_until_quiet()
        page.keyboard.press("j")
        name = f"{worst['product_name']} for {worst['location_name']}"
        expect(page.get_by_role("heading", name=name)).to_be_visible()
        sentence = page.locator("strong", has_text=worst["explanation"]["sentence"].split(";")[0])
        expect(sentence.first).to_be_visible()
        visitor.wait_until_quiet()
        readable_by_everybody(page, "Orders")
        wanted = worst["quantity"] + worst["explanation"]["data"]["pack"]
        page.get_by_label("Quantity").fill(f"{wanted:g}")
        page.get_by_label("Quantity").press("Enter")
        fill_why(visitor, "a fair in town")
        page.get_by_role("button", name="Change", exact=True).click()
        expect(page.get_by_text("1 line changed.")).to_be_visible()
        visitor.wait_until_quiet()
        page.keyboard.press("a")
        expect(page.get_by_text(re.compile("1 line approved; on order as PO-"))).to_be_visible()
        (ordered,) = client.get("/v1/orders", params={"state": "ordered"}).json()["lines"]
        assert (ordered["line_id"], ordered["ordered"]) == (worst["line_id"], wanted)
        receipt = {
            "specversion": "1.0", "id": "morning", "source": "/dock", "type": "stocktide.receipt",
            "time": datetime.now(UTC).isoformat(),
            "data": {**where, "quantity": wanted, "order_id": ordered["order_id"], "order_line": ordered["order_line"]},
        }  # fmt: skip
        # as every sender does: the database may just have been started again, and 503 asks for the event once more
        wait_until(
            lambda: client.post("/v1/events", json=receipt, headers=STRUCTURED).is_success,
            SENT_S_MAX,
            "the receipt was not taken",
        )
        (after,) = client.get("/v1/stock", params=where).json()["stock"]
    assert after["on_hand"] == before["on_hand"] + wanted
    assert after["on_order"] == before["on_order"]
    visitor.go(f"/orders?state=received&line={worst['line_id']}")
    expect(page.get_by_text(f"of which {quantity(wanted)} have come")).to_be_visible()
    no_error_shown(page)

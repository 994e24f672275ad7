"""Products: search, and one product's stock, sales and forecast in one picture."""

from datetime import date
from typing import Any

import pandas as pd
import streamlit as st

from catalog.forecasts import find_nodes, published_run
from catalog.frames import read_frame, stock_by_day
from catalog.known_stock import stock_words, sum_of_known
from catalog.periods import sum_by_period
from catalog.products import read_product
from catalog.state import business_day
from catalog.trending import Scope, read_trending
from dashboard.arrivals import arrivals_by_day, arrivals_of, delivery_words, next_by_location
from dashboard.charts import draw_chart
from dashboard.events.links import events_link
from dashboard.fan import days_ahead
from dashboard.figures import product_story
from dashboard.filters import Filters, choose
from dashboard.freshness import data_state, foot_line, not_final_line
from dashboard.friendly_errors import isolated
from dashboard.glossary import tip
from dashboard.links import page_link
from dashboard.overridden import in_words, read_forecast, without_same
from dashboard.products.list import ask, draw_list
from dashboard.reader import Reader
from dashboard.sums import price_column
from dashboard.theme import amount, distinct, plain, plural, quantity, roles, unit_word
from dashboard.widgets import rule_words
from stocktide.domain.rhythm import DAILY, Rhythm, rhythm_of
from stocktide.foundation.errors import NotFound
from stocktide.foundation.users import User

DAYS = 90
EVERYWHERE = "All locations"


def render(reader: Reader, _user: User) -> None:
    """Draw the page: the list, and below it the product that the address names."""
    filters = choose(reader, period=True)
    asked = ask(filters)
    chosen = draw_list(reader, asked)
    if chosen is None:
        return
    if asked.is_plain:
        chosen = _best_seller(reader) or chosen
    _one(reader, st.query_params.get("sku") or chosen, filters)


def _best_seller(reader: Reader) -> str | None:
    """Return the product to show before one is chosen: the top seller."""
    found = read_trending(
        reader.engine, reader.cache, Scope(), half_life_h=reader.settings.trend_half_life_h, limit=1
    )
    return str(found["products"][0]["product"]) if found["products"] else None


def _one(reader: Reader, sku: str, filters: Filters) -> None:
    try:
        product = read_product(reader.engine, reader.cache, sku)
    except NotFound:
        st.info(f"There is no product {plain(sku)}. Choose one from the list.")
        return
    st.header(plain(product["name"] or product["sku"]))
    st.caption(plain(_described(product)))
    _alerts(reader, sku)
    codes = _names(product["stock"])
    options = [EVERYWHERE, *codes]
    chosen = st.selectbox(
        "Location",
        options,
        index=options.index(filters.location) if filters.location in codes else 0,
        format_func=lambda code: codes.get(code, code),
        key="products.location",
    )
    location = None if chosen == EVERYWHERE else chosen
    arrivals = arrivals_of(product["stock"])
    with isolated("the chart"):
        _story(reader, product, location, arrivals, max(DAYS, filters.days))
    with isolated("stock"):
        _stock_table(
            product, arrivals, business_day(reader.clock(), _zones(product["stock"], None))
        )


def _alerts(reader: Reader, sku: str) -> None:
    """Lead to the product's open alerts, if it has any."""
    alerts = read_frame(reader.engine, "open_alerts", rule=None, product=sku, limit=1)
    if not alerts.empty:
        many = plural(int(alerts["found"].iloc[0]), "open alert")
        newest = rule_words(alerts["rule"].iloc[0]).lower()
        page_link(
            "alerts", f"{many}, the newest: {newest}", icon=":material/notifications:", product=sku
        )


def _names(stock: list[dict[str, Any]]) -> dict[str, str]:
    """Return the names of the locations, by code."""
    codes = [line["location"] for line in stock]
    return dict(
        zip(
            codes,
            distinct([line["location_name"] or line["location"] for line in stock], codes),
            strict=True,
        )
    )


def _described(product: dict[str, Any]) -> str:
    held = sum_of_known(line["on_hand"] for line in product["stock"])
    words = _known_words(product["stock"]).removeprefix("– ")
    if held is None:
        stock = f"stock {words}"
    else:
        number = f"{quantity(held)} {unit_word(product['unit'])} on hand"
        stock = f"{number}, {words}" if words else number
    group = " / ".join(part for part in (product["department"], product["category"]) if part)
    price = amount(product["price"], product["currency"]) if product["price"] is not None else None
    return " · ".join(part for part in (product["sku"], group, price, stock) if part)


def _known_words(stock: list[dict[str, Any]]) -> str:
    """Describe what of a product's stock is known, over some of its lines."""
    return stock_words(
        places=len(stock),
        known=sum(line["on_hand"] is not None for line in stock),
        below_zero=sum(line["known"] and line["book"] < 0 for line in stock),
    )


def _story(
    reader: Reader,
    product: dict[str, Any],
    location: str | None,
    arrivals: pd.DataFrame,
    days_back: int,
) -> None:
    # a product that no forecast reaches is sold in the rhythm of the others
    run = product["forecast_run"] or published_run(reader.engine)
    rhythm = rhythm_of(run["frequency"]) if run else DAILY
    # one period more, for the window may begin within one
    back = days_back if rhythm.is_daily else (rhythm.history + 1) * rhythm.days_max
    days = read_frame(
        reader.engine, "product_days", sku=product["sku"], days=back, location=location
    )
    if days.empty:
        why = data_state(reader).why
        st.info(
            why or "No sales or deliveries loaded yet. The worker loads them every few minutes."
        )
        return
    if location is None:
        forecast = without_same(pd.DataFrame(product["forecast"]))
        coverage = (product["forecast_run"] or {}).get("coverage")
    else:
        forecast, coverage = _leaf_forecast(reader, product, location)
    by_day = days.groupby("day", as_index=False).agg(
        sold=("sold", "sum"), censored=("censored", "any")
    )
    if run:
        by_day = sum_by_period(by_day, "day", run["cutoff"], rhythm)
    if not rhythm.is_daily:
        by_day = by_day.tail(rhythm.history)
    stock = stock_by_day(days)
    if forecast.empty and stock.empty and not by_day["sold"].any():
        st.info(f"No sales here in the {back} days up to the latest sale, and no forecast.")
        return
    if forecast.empty:
        st.caption(
            "No forecast is published for this product here: it is new, or pooled with other products."
        )
    unit = unit_word(product["unit"])
    state = data_state(reader, zones=_zones(product["stock"], location), rhythm=rhythm)
    title = (
        f"{quantity(forecast['yhat'].sum())} {unit} expected, {days_ahead(forecast, state.today)}"
        if not forecast.empty
        else f"{quantity(by_day['sold'].sum())} {unit} sold in {_shown(by_day, rhythm, back)}"
    )
    where = "all locations" if location is None else _names(product["stock"])[location]
    here = arrivals if location is None else arrivals[arrivals["location"] == location]
    coming = arrivals_by_day(here, state.today)
    panels = product_story(
        by_day,
        stock,
        forecast,
        roles(),
        title=title,
        unit=unit,
        where=where,
        today=state.open_from,
        rhythm=rhythm,
        coverage=coverage or {},
        arrivals=None if coming.empty else coming,
    )
    with st.container(border=True):
        for number, panel in enumerate(panels):
            draw_chart(
                panel,
                f"products.story.{number}",
                words="" if number == 0 else f"Stock by day, {where}",
            )
    if "published" in forecast:
        st.caption(in_words(forecast))
    lines = [line for line in product["stock"] if location in (None, line["location"])]
    not_final_line(state)
    foot_line(state, f"{where}, stock {_known_words(lines).removeprefix('– ') or 'known'}")
    shown = pd.to_datetime(days["day"])
    events_link(
        f"Events of these {back} days",
        product=product["sku"],
        shop=location,
        first=shown.min().date(),
        last=shown.max().date(),
    )


def _zones(stock: list[dict[str, Any]], location: str | None) -> list[str]:
    """Return the time zones of the locations that a picture is of."""
    return [line["timezone"] for line in stock if location in (None, line["location"])]


def _shown(by_period: pd.DataFrame, rhythm: Rhythm, days_back: int) -> str:
    """Describe the period whose sales the picture shows: days as asked for, longer periods as drawn."""
    return rhythm.counted(days_back if rhythm.is_daily else len(by_period))


def _leaf_forecast(
    reader: Reader, product: dict[str, Any], location: str
) -> tuple[pd.DataFrame, dict[str, float] | None]:
    """Return the forecast of a product at a location, and what the intervals of its level held."""
    nodes = find_nodes(
        reader.engine, keys={"product": product["sku"], "location": location}, limit=1
    )
    if not nodes:
        return pd.DataFrame(), None
    node = nodes[0]
    forecast = read_forecast(reader.engine, [node["node_id"]], is_adjusted=node["is_adjusted"])
    return forecast, node["coverage"]


def _stock_table(product: dict[str, Any], arrivals: pd.DataFrame, today: date) -> None:
    if not product["stock"]:
        st.info("No location has stock or sales of this product yet.")
        return
    frame = pd.DataFrame(product["stock"])
    coming = next_by_location(arrivals).reindex(frame["location"])
    frame["on_order"] = coming["on_order"].to_numpy()
    frame["delivery"] = [
        delivery_words(on_order, day, today) if on_order > 0 else None
        for on_order, day in zip(coming["on_order"], coming["day"], strict=True)
    ]
    frame["location"] = list(_names(product["stock"]).values())
    frame["on_hand"] = pd.to_numeric(frame["on_hand"]).round(1)
    frame["stock"] = [_known_words([line]) or None for line in product["stock"]]
    frame["sensed"] = pd.to_numeric(frame["sensed"]).round(1)
    price = price_column(frame)
    shown = frame[
        [
            "location", "region", "on_hand", "stock", "on_order", "delivery", "sensed", "price", "promotion",
            "last_sale_at",
        ]
    ]  # fmt: skip
    shown = shown.dropna(axis="columns", how="all")
    st.markdown("**Stock at each location**")
    st.dataframe(
        shown.sort_values("on_hand") if "on_hand" in shown else shown,
        key="products.stock",
        hide_index=True,
        placeholder="",
        row_height=28,
        column_config={
            "location": "Location",
            "region": "Region",
            "on_hand": st.column_config.NumberColumn(
                f"On hand, {unit_word(product['unit'])}", format="localized"
            ),
            "stock": st.column_config.TextColumn(
                "Stock", width="medium", help="Empty: the number is known."
            ),
            "on_order": st.column_config.NumberColumn(
                f"On order, {unit_word(product['unit'])}", format="localized", help=tip("on order")
            ),
            "delivery": st.column_config.TextColumn("Next delivery"),
            "sensed": st.column_config.NumberColumn("Shelf sensor", format="localized"),
            "price": price,
            "promotion": st.column_config.CheckboxColumn("Promotion"),
            "last_sale_at": st.column_config.DatetimeColumn(
                "Last sale (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
        },
    )

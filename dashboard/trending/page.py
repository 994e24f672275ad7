"""Trending: the top sellers now, here or everywhere."""

import pandas as pd
import streamlit as st

from catalog.frames import read_frame
from catalog.known_stock import stock_words
from catalog.state import import_words
from catalog.trending import Scope, read_trending
from dashboard.charts import draw_chart
from dashboard.figures import ranked_bars
from dashboard.freshness import known_now
from dashboard.friendly_errors import friendly_errors, isolated
from dashboard.glossary import tip
from dashboard.reader import Reader
from dashboard.theme import distinct, plain, roles, unit_word, when
from dashboard.trending.surprises import surprises_panel
from stocktide.foundation.users import User

EVERYWHERE = "Everywhere"
ROWS = 15
# From here on a number of units is shown whole, as everywhere.
WHOLE_FROM = 10


def render(reader: Reader, _user: User) -> None:
    """Draw the page."""
    scopes = _scopes(reader)
    chosen = st.selectbox("Where", list(scopes), key="where", bind="query-params")
    scope = scopes[chosen or EVERYWHERE]
    _list(reader, scope, chosen or EVERYWHERE)
    if scope.region is None:
        with isolated("rising and fading"):
            surprises_panel(reader, scope.location)


def shares(frame: pd.DataFrame) -> "pd.Series[float]":
    """Return the per cent of each product among those listed in its unit: kg never stand beside pieces."""
    shared: pd.Series[float] = (
        100 * frame["score"] / frame.groupby("unit")["score"].transform("sum")
    )
    return shared


def _scopes(reader: Reader) -> dict[str, Scope]:
    places = read_frame(reader.engine, "places")
    scopes = {EVERYWHERE: Scope()}
    for region in sorted(places["region"].dropna().unique()):
        scopes[f"Region {region}"] = Scope(region=str(region))
    names = places["name"].fillna(places["code"]).astype(str).tolist()
    for code, name in zip(places["code"], distinct(names, places["code"].tolist()), strict=True):
        scopes[name] = Scope(location=str(code))
    return scopes


@st.fragment(run_every="15s")
@friendly_errors("trending list")
def _list(reader: Reader, scope: Scope, where: str) -> None:
    found = read_trending(
        reader.engine,
        reader.cache,
        scope,
        half_life_h=reader.settings.trend_half_life_h,
        limit=ROWS,
    )
    importing = known_now(reader)["importing"]
    if importing:
        st.caption(import_words(importing))
    if not found["products"]:
        st.info(
            f"No sales yet for “{plain(where)}”. Sales appear here as soon as they are recorded."
        )
        return
    frame = pd.DataFrame(found["products"])
    names = frame["name"].fillna(frame["product"]).tolist()
    frame["name"] = distinct(names, frame["product"].tolist())
    as_of = pd.Timestamp(found["as_of"])
    if not found["live"]:
        newest = when(as_of.to_pydatetime())
        st.caption(
            f"Ranked as of {newest}, the newest sale so far."
            if importing
            else f":orange-badge[No sale since {newest}] Ranked as of then."
        )
    half_life = found["half_life_h"]
    role = roles()
    counted = frame["unit"].iloc[0]
    alike = frame[frame["unit"] == counted]
    chart = ranked_bars(
        alike.assign(share=shares(alike)), role, label="name", value="share", colour=role.forecast,
        title=f"Top seller: {frame['name'].iloc[0]}",
        unit=f"Per cent of the recent sales listed below that are counted in {unit_word(counted)}. "
        f"Recent sales weigh more (half-life {half_life:g} h)",
    )  # fmt: skip
    draw_chart(chart, "trending.chart")
    frame["stock"] = [
        stock_words(
            places=row["locations"],
            known=row["locations_known"],
            below_zero=row["locations_below_zero"],
        )
        or None
        for row in found["products"]
    ]
    units = frame["unit"].unique().tolist()
    for unit in units:
        if len(units) > 1:
            st.markdown(f"**Counted in {unit_word(unit)}**")
        _table(frame[frame["unit"] == unit], unit)
    st.caption(f"As of {when(as_of.to_pydatetime())}. Updated as soon as a sale is recorded.")


def _table(frame: pd.DataFrame, unit: str) -> None:
    """Draw the products that are counted in one unit, the best sellers first."""
    columns = ["name", "department", "score", "unit", "on_hand", "stock", "last_sale_at"]
    table = frame[columns].dropna(axis="columns", how="all").reset_index(drop=True)
    table["unit"] = table["unit"].map(unit_word)
    table.insert(0, "rank", range(1, len(table) + 1))
    # as the bars say them
    table["score"] = (
        table["score"].round(1).where(table["score"] < WHOLE_FROM, table["score"].round())
    )
    if "on_hand" in table:
        table["on_hand"] = table["on_hand"].round(1)
    table["last_sale_at"] = pd.to_datetime(table["last_sale_at"], utc=True, format="ISO8601")
    st.dataframe(
        table,
        key=f"trending.table.{unit}",
        hide_index=True,
        placeholder="",
        row_height=28,
        height="content",
        column_config={
            "rank": st.column_config.NumberColumn("Rank", width="small"),
            "name": st.column_config.TextColumn("Product", width="large"),
            "department": "Department",
            "score": st.column_config.NumberColumn("Recent sales", format="localized"),
            "unit": "Unit",
            "on_hand": st.column_config.NumberColumn(
                "On hand", format="localized", help=tip("on hand")
            ),
            "stock": st.column_config.TextColumn(
                "Stock",
                width="medium",
                help="What of the number on hand is known; empty: all of it.",
            ),
            "last_sale_at": st.column_config.DatetimeColumn(
                "Last sale (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
        },
    )

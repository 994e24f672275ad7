"""What needs attention, in sentences: what is known to need it, and what is not known."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pandas as pd
import streamlit as st

from catalog.state import DataState, in_words
from dashboard.links import page_link
from dashboard.theme import plain, plural, quantity
from stocktide.foundation.users import User

COMING = timedelta(days=6)
PAIR = {"product", "location"}


class Sentence(str):
    """A sentence, and where it leads: to a page, with what stands in its address; nowhere where path is ""."""

    path: str = ""
    query: Mapping[str, str]

    def leading_to(self, path: str, **query: str) -> "Sentence":
        """Return the same sentence with a page behind it."""
        sentence = Sentence(self)
        sentence.path, sentence.query = path, query
        return sentence


def attention(
    position: Mapping[str, Any], running_out: pd.DataFrame, not_known: Sequence[str] = ()
) -> list[Sentence]:
    """Write at most five sentences, the most urgent first: what, how much, what to do, and where the list is.

    not_known: of `what_is_not_known`; nothing is called well that nobody can tell.
    """
    said: list[Sentence] = []
    if position["out_of_stock"]:
        said.append(
            Sentence(
                f"**{plural(int(position['out_of_stock']), 'shelf', 'shelves')} out of stock** that sold in the last "
                "four weeks. Check their deliveries first."
            ).leading_to("products", state="Out of stock")
        )
    if not running_out.empty:
        worst = running_out.iloc[0]
        said.append(
            Sentence(
                f"**{plural(int(worst['found']), 'shelf', 'shelves')} will probably run empty within a week** without "
                f"a delivery. Worst: {plain(worst['name'])}, {plain(worst['location'])}: "
                f"{quantity(worst['on_hand'])} left, {quantity(worst['week'])} expected."
            ).leading_to("risk")
        )
    if position["sensor_differs"]:
        said.append(
            Sentence(
                f"**{int(position['sensor_differs']):,} of {plural(int(position['sensed']), 'shelf sensor')}** "
                "differ from recorded stock: count these shelves."
            ).leading_to("alerts", rule="Sensor disagrees")
        )
    if position["negative"]:
        said.append(
            Sentence(
                f"**Book stock below zero at {plural(int(position['negative']), 'place')}**: count them. More was sold "
                "than ever came, so what is there is not known."
            ).leading_to("products", state="Book below zero")
        )
    if position["pairs"] and not position["pairs_known"]:
        said.append(
            Sentence(
                "**Stock is unknown**: only sales were received so far, no delivery and no count. "
                "Send a `stocktake` for each product."
            )
        )
    if said:
        return said[:5]
    if not_known:
        return [
            Sentence("Nothing is known to need attention. What is not known:"),
            *map(Sentence, not_known),
        ]
    return [Sentence("Nothing. No shelf is out of stock, and none is likely to be within a week.")]


def draw_sentences(said: Sequence[Sentence]) -> None:
    """Draw sentences, each as a link where it leads somewhere."""
    for sentence in said:
        if sentence.path:
            page_link(sentence.path, sentence, icon=":material/arrow_forward:", **sentence.query)
        else:
            st.markdown(f"- {sentence}")


def what_is_not_known(
    position: Mapping[str, Any], run: Mapping[str, Any] | None, through: Any, state: DataState
) -> list[str]:
    """List why a shelf may be empty, or run empty, without anybody seeing it. through: last day of the forecast."""
    said = [state.why] if state.kind != "fresh" else []
    known, pairs = int(position["pairs_known"]), int(position["pairs"])
    if known < pairs:
        said.append(
            f"Stock is known at {known:,} of {pairs:,} shelves. Send deliveries and counts of the others."
        )
    if run is None:
        said.append(
            "No forecast is published, so it is not known which shelves will run empty. Run `stocktide forecast`."
        )
    elif not any(set(level) >= PAIR for level in run["hierarchy"]):
        said.append(
            "Forecasts are not by product and location, so it is not known which shelves will run empty."
        )
    elif through is None or through < state.today + COMING:
        until = f"ends on {in_words(through)}" if through else "has no days"
        said.append(
            f"The forecast {until}, before the week from {in_words(state.today)} does: which shelves will run empty is "
            "not known."
        )
    return said


# What brings each step about: for who runs Stocktide, and for who uses it.
STEPS = (
    (
        "newest_event",
        "Send events: `stocktide import FILE --mapping NAME`, or POST /v1/events.",
        "Sales, deliveries and counts come in. Your operator connects the tills, or imports a file.",
    ),
    (
        "lake_updated_at",
        "Load them: the worker does this every few minutes, or run `stocktide etl`.",
        "They are added up. This happens by itself every few minutes.",
    ),
    (
        "published_at",
        "Forecast: run `stocktide forecast`, or press “Retrain now” on the System page.",
        "A forecast is made of them every night; from then on this page says what will run out.",
    ),
)


def first_steps(known: Mapping[str, Any], state: DataState, user: User) -> None:
    """Draw what is going on before there are figures, and what comes next: commands only for who runs Stocktide."""
    st.info(
        "No sales yet. Three steps to get here:" if known["newest_event"] is None else state.why
    )
    for name, command, words in STEPS:
        icon = "check_circle" if known[name] is not None else "radio_button_unchecked"
        st.markdown(f":material/{icon}: {command if user.role == 'operator' else words}")
    if user.role == "operator":
        page_link("feeds", "Feeds shows what comes in, and why something was refused.")
    else:
        page_link("calendar", "Meanwhile: enter promotions, closures and prices in the Calendar.")

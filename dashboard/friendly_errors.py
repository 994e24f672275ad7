"""Failures of a page: explained in place of its figures. The log has the rest."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from stocktide.foundation.database_errors import DATABASE_ERRORS, first_line, is_retryable
from stocktide.foundation.errors import StocktideError
from stocktide.foundation.telemetry import log

# In the session: something that was asked for could not be shown; the page is drawn again when the database answers.
FAILED = "boundary.failed"
AWAY = (
    "The database does not answer, so there are no figures to show. The page recovers by itself; "
    "`stocktide status` shows which part is down."
)


@contextmanager
def friendly_errors(part: str) -> Iterator[None]:
    """Show a message where the block fails, and log the failure. Errors of other kinds are our mistakes and go on.

    part: what could not be drawn, for the log.
    """
    try:
        yield
    except (StocktideError, *DATABASE_ERRORS) as error:
        st.session_state[FAILED] = True
        log("page_failed", level=logging.WARNING, part=part, error=str(error))
        st.error(explain(error))


def explain(error: Exception) -> str:
    """Describe in one or two sentences what is wrong, and what to do."""
    if isinstance(error, StocktideError):
        return error.message
    if is_retryable(error):
        return AWAY
    return (
        f"The database refused what this page asks for: {first_line(error)}. "
        "The dashboard's log has the details."
    )

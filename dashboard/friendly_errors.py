"""Failures of a page: explained in place of its figures. The log has the rest."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

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


OUR_FAULT = "could not be drawn; the fault is ours. The dashboard's log has it under"


@contextmanager
def friendly_errors(part: str) -> Iterator[None]:
    """Show a message where the block fails, and log the failure.

    part: what could not be drawn, for the log.
    """
    try:
        with isolated(part):
            yield
    except (StocktideError, *DATABASE_ERRORS) as error:
        st.session_state[FAILED] = True
        log("page_failed", level=logging.WARNING, part=part, error=str(error))
        st.error(explain(error))


@contextmanager
def isolated(part: str) -> Iterator[None]:
    """Show in place of one part of a page that our own code failed on it; the other parts are drawn.

    What concerns the whole page, such as a database that does not answer, goes on. part: its name, as people read it.
    """
    try:
        yield
    except (StocktideError, *DATABASE_ERRORS):
        raise
    except Exception as error:  # noqa: BLE001 - it is logged with its traceback; Streamlit's own signals pass
        number = uuid4().hex[:8]
        log(
            "part_failed",
            level=logging.ERROR,
            part=part,
            number=number,
            error=repr(error)[:2000],
            traceback="".join(traceback.format_exception(error))[-4000:],
        )
        st.error(f"{part[:1].upper()}{part[1:]} {OUR_FAULT} {number}.")


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

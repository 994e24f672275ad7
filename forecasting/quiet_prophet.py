"""The prophet library, where it is still asked (as reference, for logistic growth): it should not talk in our logs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_prophet() -> Iterator[None]:
    """Keep the library's notes (no plotly, a disabled seasonality) out of the log; its warnings pass."""
    levels = {"prophet": logging.WARNING, "prophet.plot": logging.CRITICAL}
    before = {name: logging.getLogger(name).level for name in levels}
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)

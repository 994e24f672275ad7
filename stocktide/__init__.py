"""Stocktide: `foundation`, `domain` with the facts of the trade, the `client` of senders, and the `entrypoints`."""

from stocktide.foundation.lazy import lazy_names

# pydantic takes half a second, which `stocktide --help` must not wait for
__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)

"""Ledger to lake: cleaned movements and daily demand as Delta tables, proven equal to the ledger."""

from stocktide.foundation.lazy import lazy_names

# pandas and the lake's libraries take seconds, and an import of one module here does not need all of them
__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)

"""Foundation of Stocktide: settings, database, cache server, sign-in, embedded servers, and the entry points."""

from stocktide.lazy import lazy_names

# pydantic takes half a second, which `stocktide --help` must not wait for
__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)

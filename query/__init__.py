"""One SQL over the lake and the rows that are not in it yet, run where it can do no harm."""

from stocktide.foundation.lazy import lazy_names

# a jailed process imports one module here, and must not load the database's libraries with it
__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)

"""What to order, and why: formulas of the textbooks, and policies on joint sample paths of many lines at once.

Pure functions of NumPy arrays: no server, no database, no settings. docs/replenishment.md says shapes and units.
"""

from stocktide.foundation.lazy import lazy_names

# SciPy takes a second, and an import of one module here does not need all of it
__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)

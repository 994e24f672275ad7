from stocktide.foundation.errors import StocktideError
from stocktide.foundation.settings import Settings, load_settings

__all__ = ["Settings", "StocktideError", "load_settings"]

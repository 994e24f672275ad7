from stocktide.errors import StocktideError
from stocktide.settings import Settings, load_settings

__all__ = ["Settings", "StocktideError", "load_settings"]

from query.console import Console
from query.jail.keeper import Jail
from query.jail.orders import Limits, Result
from query.views import View, all_views

__all__ = ["Console", "Jail", "Limits", "Result", "View", "all_views"]

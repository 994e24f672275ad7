"""The read side: products, stock, trends and forecasts, from tables that are kept, through a cache."""

from catalog.cache import ProductCache
from catalog.forecasts import find_nodes, node_days, published_run
from catalog.products import list_products, read_product
from catalog.stock import list_stock
from catalog.trending import Scope, read_trending

__all__ = [
    "ProductCache",
    "Scope",
    "find_nodes",
    "list_products",
    "list_stock",
    "node_days",
    "published_run",
    "read_product",
    "read_trending",
]

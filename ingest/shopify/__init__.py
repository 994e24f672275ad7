"""Exports of Shopify and Stocky, recognised by their headers, become products, stock, sales, purchases and terms.

- `import_exports`, `dry_run_exports`: read files and folders, record what is new, and prove the sums.
- `is_export`: return True if a file is one of them.
"""

from ingest.shopify.headers import is_export
from ingest.shopify.importing import dry_run_exports, import_exports
from ingest.shopify.reading import Options
from ingest.shopify.report import Report

__all__ = ["Options", "Report", "dry_run_exports", "import_exports", "is_export"]

"""Exports of Shopify and Stocky, recognised by their headers, become products, stock, sales, purchases and terms.

- `import_exports`, `dry_run_exports`: read files and folders, record what is new, and prove the sums.
- `is_export`: return True if a file is one of them.
"""

from ingest.recording.formats import Format, register_format
from ingest.shopify.headers import TEXT, is_export
from ingest.shopify.importing import dry_run_exports, import_exports
from ingest.shopify.reading import Options
from ingest.shopify.report import Report
from ingest.shopify.watched import read_export_file

__all__ = ["Options", "Report", "dry_run_exports", "import_exports", "is_export"]

# a row that is refused is no event: there is nothing to put beside it
register_format(
    Format("shopify", frozenset(TEXT), read_export_file, lambda *_asked: None, is_export)
)

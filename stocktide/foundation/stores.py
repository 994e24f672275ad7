"""Every store that grows: what bounds it. A test compares the list with the schema, so that none is forgotten."""

from collections.abc import Mapping
from dataclasses import dataclass

RECORD = "kept: it is the record"
OF_CHAIN = "one row for each of the chain's things"
OF_PAIRS = "one row a product and place"
OF_DAYS = "one row a product, place and day with activity"
OF_RUNS = "the runs that are kept: the published ones, the newest and those before"


@dataclass(frozen=True)
class Retention:
    """Rows that go: older by `column` than the setting says, and `where` holds. Others stay."""

    column: str
    setting: str
    where: str = "true"


@dataclass(frozen=True)
class Store:
    """A table, and what bounds it in words; with a retention, what goes from it."""

    bound: str
    retention: Retention | None = None


def _aged(column: str, setting: str, where: str = "true", *, what: str = "all") -> Store:
    return Store(
        f"{what} older than `STOCKTIDE_{setting.upper()}`", Retention(column, setting, where)
    )


TABLES: Mapping[str, Store] = {
    **dict.fromkeys(
        ("ledger", "event_identities", "corrections", "valuations", "alert_events", "epcis_events",
         "forecast_decisions", "forecast_models", "calendar_events", "planned_closures", "planned_prices",
         "planned_promotions", "planned_regressors", "suppliers", "supplier_products", "price_breaks", "supplier_days",
         "service_targets", "stock_costs", "shelf_limits", "buyer_budgets", "receiving_limits", "approval_rules",
         "forecast_overrides",
         "override_days", "what_ifs", "what_ifs_applied",
         "customer_accesses", "personal_rights"),
        Store(RECORD),
    ),
    **dict.fromkeys(
        ("access_keys", "alert_limits", "alert_silences", "currency_rates", "epcis_movements", "epcis_vocabulary",
         "event_kinds", "feed_rhythms", "lake_versions", "locations", "products", "published_forecast", "served_tables",
         "sources", "successions", "users", "webhooks"),
        Store(OF_CHAIN),
    ),
    **dict.fromkeys(("stock", "reorder_points", "lots", "held_pairs", "alert_faults"), Store(OF_PAIRS)),
    **dict.fromkeys(("daily_demand", "location_daily", "shelf_days", "unusual_days"), Store(OF_DAYS)),
    "feed_days": Store("the last 63 days of each source"),
    **dict.fromkeys(
        ("forecasts", "forecast_nodes", "forecast_components", "forecast_paths", "forecast_actuals",
         "forecast_errors", "forecast_scores", "forecast_runs", "adjusted_forecasts"),
        Store(OF_RUNS),
    ),
    **dict.fromkeys(
        ("order_runs", "order_lines", "order_actions", "order_requests", "purchase_orders", "replays"), Store(RECORD)
    ),
    "lead_times": Store("one row a supplier and product that was ordered, and one a supplier"),
    "commitments": Store("one row a reference that was opened, and product and place of it"),
    "customers": Store("one row a customer; of an erased one a tombstone"),
    "clear_ids": Store("one row a month of the ledger, until its customers have pseudonyms"),
    "alerts": Store("one row an alert; closed ones are the record"),
    "stock_changes": Store("rows go once their rules are evaluated"),
    "mqtt_first_seen": Store("rows go after two lives of a broker's session"),
    "deliveries": Store("ended ones go after 30 days"),
    "rejects": _aged(
        "last_seen_at", "rejects_days", "state <> 'open'", what="replayed and dropped ones"
    ),
    "reject_actions": Store("go with their rejects"),
    "feed_minutes": _aged("minute", "history_days"),
    "runs": _aged("started_at", "history_days", "status <> 'running'", what="ended ones"),
    "sessions": _aged("expires_at", "history_days"),
    "sign_in_attempts": _aged("at", "history_days"),
    "watched_files": _aged("finished_at", "history_days", "state IN ('done', 'failed')", what="ended ones"),
    "forecast_drift": _aged("day", "history_days"),
    "quality_checks": _aged("checked_at", "history_days"),
    "lake_history": _aged("noted_at", "history_days"),
    "statements": _aged("started_at", "history_days"),
    "query_handovers": _aged("made_at", "history_days"),
    "query_exports": _aged("started_at", "history_days"),
    "saved_queries": Store("at most 200 of each owner"),
    "epcis_captures": _aged("finished_at", "history_days", "finished_at IS NOT NULL", what="ended ones"),
}  # fmt: skip
# Beside the database.
FOLDERS: Mapping[str, str] = {
    "lake": "old versions of files: `STOCKTIDE_LAKE_HISTORY_DAYS`; small files are merged every night",
    "mlflow": "the newest `STOCKTIDE_EXPERIMENTS_KEPT` runs, and those whose forecast is stored",
    "logs": "`STOCKTIDE_LOG_BYTES_MAX` a file; what is beyond goes, the oldest first",
    "checkpoints": "removed when the run that wrote them ends",
    "query": "what statements write aside; removed when each ends, at most `STOCKTIDE_QUERY_SPILL_MB` each",
    "exports": "of each saved query the newest `STOCKTIDE_EXPORTS_KEPT` files",
}

"""Twelve-factor settings: every one an environment variable STOCKTIDE_<NAME>, read once, frozen."""

import difflib
import os
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from stocktide.foundation.errors import Invalid
from stocktide.foundation.server_address import SCHEMES, check_address

PREFIX = "STOCKTIDE_"
SECRET_KEY_LENGTH_MIN = 32
# Read by the test suite, or set by the supervisor for its parts, so not settings; named here so that the check for
# typing errors lets them pass.
NOT_SETTINGS = frozenset({"STOCKTIDE_TEST_DATA", "STOCKTIDE_CI", "STOCKTIDE_HEARTBEAT"})


class Settings(BaseSettings):
    """All settings with their defaults; docs/settings.md is generated from the descriptions."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    home: Path = Field(
        Path.home() / ".stocktide",
        description="Folder of all state: database, lake, logs, secrets.",
    )
    database_url: str | None = Field(
        None,
        repr=False,
        description="PostgreSQL >= 15 to use instead of the embedded one, postgresql://…",
    )
    read_database_url: str | None = Field(
        None,
        repr=False,
        description="The same database for the dashboard's read-only role, or a read replica.",
    )
    redis_url: str | None = Field(
        None,
        repr=False,
        description="Redis >= 7 or Valkey to use instead of the embedded one, redis://… or unix://…",
    )
    lake_url: str | None = Field(
        None, repr=False, description="Folder of the Delta tables; default HOME/lake."
    )
    engine: Literal["duckdb", "spark"] = Field(
        "duckdb",
        description="What computes the lake's tables and the blocks of a forecast: duckdb, in the process itself, "
        "or spark.",
    )
    spark_master: str = Field(
        "local[2]",
        description="Where Spark runs: threads of this host, or the address of a cluster. Spark reads its other "
        "options from SPARK_CONF_DIR/spark-defaults.conf.",
    )
    mlflow_tracking_uri: str | None = Field(
        None, repr=False, description="MLflow server; default a local store, HOME/mlflow.db."
    )
    config: Path | None = Field(
        None,
        description="stocktide.toml with the hierarchy; default ./stocktide.toml, HOME/stocktide.toml, "
        "then the built-in one.",
    )
    api_host: str = Field("127.0.0.1", description="Address that API and dashboard listen on.")
    api_port: int = Field(8420, ge=1, le=65535, description="Port of the API.")
    api_processes: int = Field(
        1,
        ge=1,
        le=64,
        description="API processes on one socket; more of them use more cores, and each keeps a writer of its own.",
    )
    dashboard_port: int = Field(8501, ge=1, le=65535, description="Port of the dashboard.")
    dashboard_url: str | None = Field(
        None,
        description="Where people find the dashboard, for links in mails; default http://API_HOST:DASHBOARD_PORT.",
    )
    api_url: str | None = Field(
        None, description="Where the dashboard finds the API; default http://API_HOST:API_PORT."
    )
    dashboard_key: str | None = Field(
        None,
        repr=False,
        description="Key (scope operate) with which the dashboard asks the API for work.",
    )
    secret_key: str | None = Field(
        None,
        repr=False,
        description="Signs sign-in cookies, at least 32 characters; default made once, HOME/secrets.",
    )
    customer_key: str | None = Field(
        None,
        repr=False,
        description="Finds and encrypts the ids of customers, at least 32 characters; the same on every host of a "
        "database, and never changed. Default made once, HOME/customer-key.",
    )
    personal_attributes: str = Field(
        "",
        description="Names of event attributes that hold personal data, with commas between them: they are kept "
        "encrypted with the customer, and not with the event.",
    )
    session_hours: int = Field(12, ge=1, le=720, description="How long a sign-in lasts.")
    cookie_secure: bool = Field(
        False, description="Send the sign-in cookie over HTTPS only: turn on behind TLS."
    )
    create_on_first_sight: bool = Field(
        False,
        description="Create a product or location that an event names first, instead of rejecting the event.",
    )
    body_bytes_max: int = Field(
        16 * 2**20, ge=1024, description="Longest request body, and longest MQTT packet, bytes."
    )
    batch_events_max: int = Field(
        10_000, ge=1, le=32_768, description="Most events in one request; lines may be any number."
    )
    events_waiting_max: int = Field(
        50_000,
        ge=1,
        description="Events that may wait in one API process to be recorded; more are answered 503.",
    )
    quantity_max: int = Field(
        1_000_000_000,
        ge=1,
        le=1_000_000_000_000,
        description="Largest quantity of one event, units.",
    )
    price_max: int = Field(
        1_000_000_000,
        ge=1,
        le=1_000_000_000_000,
        description="Largest price or cost of one unit.",
    )
    amount_max: int = Field(
        10_000_000_000,
        ge=1,
        le=10_000_000_000,
        description="Largest amount of one event, quantity times price or cost.",
    )
    currency: str | None = Field(
        None,
        pattern="^[A-Z]{3}$",
        description="Currency in which sums of several are shown, by the rates of `stocktide rates`; amounts that name "
        "none are in it.",
    )
    clock_ahead_s_max: int = Field(
        300, ge=0, description="How far ahead of our clock an event's time may lie, seconds."
    )
    occurred_at_min: AwareDatetime = Field(
        datetime(1990, 1, 1, tzinfo=UTC), description="Earliest event time that is accepted."
    )
    trend_half_life_h: float = Field(
        24.0,
        gt=0,
        allow_inf_nan=False,
        description="Hours after which a sale counts half in the trending score.",
    )
    database_answer_s: float = Field(
        15.0,
        ge=1,
        le=3600,
        description="How long a request or page waits for the database, seconds; then it is answered 503.",
    )
    hung_after_s: float = Field(
        60.0,
        ge=10,
        le=86_400,
        description="A part of `stocktide up` that runs but has not answered for so long is killed and started again.",
    )
    cache_ttl_s: int = Field(
        300, ge=1, description="Longest life of a cached read, seconds; changes drop it earlier."
    )
    etl_cron: str = Field("*/5 * * * *", description="When the worker runs the ETL.")
    forecast_cron: str = Field("30 2 * * *", description="When the worker retrains, UTC.")
    refresh_cron: str = Field(
        "30 4 * * *",
        description="When the worker fits the current version to days that came since, without a backtest.",
    )
    maintain_cron: str = Field(
        "17 3 * * *",
        description="When the worker deletes what is too old and merges the lake's small files, UTC.",
    )
    quality_cron: str = Field(
        "40 4 * * *", description="When the worker checks the quality of what came in, UTC."
    )
    fiscal_calendar: Literal["calendar", "4-4-5", "4-5-4", "5-4-4"] = Field(
        "calendar",
        description="Periods of the fiscal year: calendar months, or weeks a period in each quarter of 13 weeks.",
    )
    fiscal_month: int = Field(1, ge=1, le=12, description="Month in which the fiscal year begins.")
    fiscal_weekday: int = Field(
        7, ge=1, le=7, description="Weekday on which a fiscal year of weeks begins, 1 is Monday."
    )
    fiscal_rule: Literal["nearest", "last"] = Field(
        "nearest",
        description="A fiscal year of weeks begins on this weekday nearest to the first of its month, or last before.",
    )
    customer_values_cron: str = Field(
        "50 3 * * *",
        description="When the worker predicts what each customer will buy in the next 12 months, UTC.",
    )
    order_fill_rate: float = Field(
        0.95,
        gt=0,
        lt=1,
        description="Share of demand to be met from stock, where no service target says anything else.",
    )
    order_lead_days: int = Field(
        7,
        ge=0,
        le=730,
        description="Days from order to delivery, where nothing was learnt and no supplier promised.",
    )
    order_holding_rate: float = Field(
        0.25,
        ge=0,
        le=10,
        description="What holding a unit costs a year, as a share of its cost, where no term says anything else.",
    )
    orders_cron: str = Field(
        "15 5 * * *", description="When the worker proposes what to order, UTC."
    )
    order_second_approval: int | None = Field(
        None,
        ge=1,
        description="What one person orders from a supplier within 20 hours needs two from this amount on, in the "
        "chain's currency.",
    )
    order_move_worth: float = Field(
        25.0,
        ge=0,
        le=1e9,
        description="Goods that a shop will not sell soon are proposed to be moved to a shop of its region that would "
        "order them, if they cost so much together or more.",
    )
    order_rule_amount: int | None = Field(
        None,
        ge=1,
        description="A line that costs at most so much, in the chain's currency, is approved by rule if nothing about "
        "it is unusual and no term of approval is about it; by default people approve all.",
    )
    order_rule_factor: float = Field(
        1.5,
        gt=0,
        le=1_000,
        description="The rule approves at most this many times what is usually ordered, the middle of the last 8 "
        "orders.",
    )
    notices_cron: str = Field(
        "*/5 * * * *",
        description="When the worker looks whether the digest of orders, or a notice of a failed night, is to be sent.",
    )
    smtp_url: str | None = Field(
        None,
        repr=False,
        description="Mail server for the digest of orders, smtp://user:password@host:587 or smtps://…; encrypted "
        "where it can, and without encryption it is given no password.",
    )
    smtp_from: str | None = Field(None, description="Who the mails are from.")
    digest_to: str | None = Field(
        None,
        description="Who gets the digest of orders by mail; addresses with commas between them.",
    )
    digest_webhook_url: str | None = Field(
        None,
        repr=False,
        description="Webhook that gets the digest of orders as a signed CloudEvent; where it may go is as for alerts.",
    )
    digest_webhook_secret: str | None = Field(
        None,
        repr=False,
        description="Secret by which the digest's webhook is signed: whsec_ and the base64 of 24 to 64 bytes.",
    )
    lead_times_cron: str = Field(
        "35 3 * * *",
        description="When the worker learns how long suppliers take, UTC.",
    )
    exports_cron: str = Field(
        "*/5 * * * *",
        description="When the worker looks which exports of saved queries are due, UTC.",
    )
    exports_kept: int = Field(
        30,
        ge=1,
        le=10_000,
        description="Files that are kept of each saved query's exports, the newest.",
    )
    history_days: int = Field(
        400,
        ge=35,
        le=36_500,
        description="How long minutes of feeds, runs, sign-ins, drift, quality and reports of files are kept.",
    )
    rejects_days: int = Field(
        180,
        ge=1,
        le=36_500,
        description="How long replayed and dropped rejects are kept; open ones stay.",
    )
    lake_history_days: int = Field(
        14,
        ge=1,
        le=3_650,
        description="How long files of old versions of the lake's tables are kept, for runs and pages of the past.",
    )
    experiments_kept: int = Field(
        100,
        ge=1,
        le=100_000,
        description="How many of the newest runs MLflow keeps, beside those of stored versions.",
    )
    log_bytes_max: int = Field(
        50 * 2**20, ge=2**16, description="Longest log of a part, bytes; its newest half is kept."
    )
    drift_cron: str = Field(
        "12 * * * *",
        description="When the worker compares the published forecast with what came, and asks for retraining.",
    )
    mqtt_url: str | None = Field(
        None,
        repr=False,
        description="MQTT broker to listen to, mqtt://host:1883 or mqtts://host:8883; `up` then runs the subscriber.",
    )
    mqtt_username: str | None = Field(None, description="User name for the MQTT broker.")
    mqtt_password: str | None = Field(
        None, repr=False, description="Password for the MQTT broker; never logged."
    )
    mqtt_ca_file: Path | None = Field(
        None,
        description="CA certificates that the MQTT broker's is checked by; default the system's.",
    )
    mqtt_cert_file: Path | None = Field(
        None, description="Client certificate for the MQTT broker, PEM."
    )
    mqtt_key_file: Path | None = Field(
        None, description="Key of the client certificate, PEM; default in the certificate's file."
    )
    mqtt_version: Literal["auto", "5", "3.1.1"] = Field(
        "auto", description="MQTT version; auto is 5, and 3.1.1 where the broker refuses 5."
    )
    mqtt_client_id: str = Field(
        "stocktide",
        min_length=1,
        max_length=50,
        description="Name of our session at the broker; -N is added for worker N.",
    )
    mqtt_group: str | None = Field(
        None, description="Group of a shared subscription, for several workers; none by default."
    )
    mqtt_topics: str = Field(
        "stocktide/#",
        description="Topics to subscribe to, separated by commas; FILTER=KIND reads plain JSON (docs/mqtt.md).",
    )
    mqtt_session_s: int = Field(
        604_800,
        ge=0,
        le=2**32 - 1,
        description="How long the broker keeps our session while we are away, seconds.",
    )
    mqtt_inflight_max: int = Field(
        1_000,
        ge=1,
        le=65_535,
        description="Most messages received and not acknowledged yet (MQTT 5 receive maximum).",
    )
    mqtt_broker_port: int | None = Field(
        None,
        ge=1,
        le=65_535,
        description="`up` also runs the demo's own broker on this port of API_HOST; not for production.",
    )

    key_cache_s: float = Field(
        0.5,
        ge=0,
        le=1,
        description="How long the API trusts what it read about a key, seconds; a revoked key works that long.",
    )
    alert_timer_s: float = Field(
        10.0,
        ge=0.1,
        le=3600,
        allow_inf_nan=False,
        description="How often feeds are judged for silence and rejects, seconds; stock is judged at once.",
    )
    alert_hysteresis: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="How far, as a share of its limit, a value must be past it again before an alert closes.",
    )
    alert_sensor_units: float = Field(
        1.0,
        ge=0,
        le=1e9,
        description="A sensor and the ledger may differ by this many units,",
    )
    alert_sensor_share: float = Field(
        0.05,
        ge=0,
        le=1e3,
        description="or by this share of the stock on hand, whichever is more.",
    )
    alert_sensor_grace_s: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="A reading is compared only if it is this much newer than the last movement, seconds.",
    )
    alert_silent_s_min: float = Field(
        900.0,
        ge=1,
        le=1e8,
        description="A feed is never called silent sooner than this, seconds, unless its key says how often it sends.",
    )
    alert_silent_factor: float = Field(
        1.5,
        ge=1,
        le=1e3,
        description="A feed is silent after this many times its second longest pause of four weeks.",
    )
    alert_silent_history_h: float = Field(
        48.0,
        ge=0,
        le=1e4,
        description="A feed must have sent for this long before its own pauses say when it is silent, hours.",
    )
    alert_storm_minutes: int = Field(
        5, ge=1, le=1440, description="Rejects and conflicts are counted over this many minutes."
    )
    alert_storm_count: int = Field(
        20, ge=1, description="Fewer rejects and conflicts than this raise no alert."
    )
    alert_storm_share: float = Field(
        0.2,
        gt=0,
        le=1,
        description="The share of a feed's events that must be rejects or conflicts.",
    )
    alert_source: str = Field(
        "/stocktide/alerts",
        min_length=1,
        max_length=500,
        description="CloudEvents source of alerts: give each installation one of its own.",
    )
    alert_stream_clients_max: int = Field(
        100, ge=1, description="Most open alert streams of one API process."
    )
    alert_stream_heartbeat_s: float = Field(
        15.0,
        ge=0.1,
        le=600,
        description="How often an alert stream sends a heartbeat, seconds.",
    )
    webhook_allow_http: bool = Field(
        False, description="Allow webhooks to use http://, which anybody on the way can read."
    )
    webhook_allow_private: bool = Field(
        False,
        description="Allow webhooks to reach private, loopback and link-local addresses: "
        "whoever may create one can then reach your own network through us.",
    )
    webhook_timeout_s: float = Field(
        10.0, gt=0, le=300, description="How long a webhook may take to answer, seconds."
    )
    webhook_age_h_max: float = Field(
        24.0,
        gt=0,
        le=720,
        description="How long a delivery is tried again before it is given up, hours.",
    )

    query_processes_max: int = Field(
        4,
        ge=1,
        le=64,
        description="Statements of SQL that one API process runs at once; more are answered 429.",
    )
    query_user_max: int = Field(
        2, ge=1, le=64, description="Statements that one user or key may have running at once."
    )
    query_seconds_max: float = Field(
        60.0, ge=1, le=3600, description="Longest time of a statement, seconds."
    )
    query_memory_mb: int = Field(
        512,
        ge=64,
        le=65_536,
        description="Memory of a statement; what exceeds it is written aside, MB.",
    )
    query_spill_mb: int = Field(
        10_240,
        ge=64,
        le=1_048_576,
        description="Disk under HOME/query that a statement may write aside, MB.",
    )
    query_threads: int = Field(2, ge=1, le=64, description="Cores that a statement uses.")
    query_rows_kept: int = Field(
        1_000,
        ge=1,
        le=100_000,
        description="Rows that the console shows of a result; an export has all of them.",
    )
    query_result_mb: int = Field(
        256,
        ge=1,
        le=4_096,
        description="Largest result of a statement; an export that is larger is refused, MB.",
    )
    query_tail_rows_max: int = Field(
        2_000_000,
        ge=1_000,
        description="Rows of the ledger not yet in the lake that a statement carries along; with more it is refused.",
    )

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        """Make the path absolute: servers run elsewhere than we do, and a relative path means nothing to them."""
        return home.expanduser().absolute()

    @field_validator("secret_key", "customer_key")
    @classmethod
    def _long(cls, key: str | None) -> str | None:
        """Refuse a key that can be guessed."""
        if key is not None and len(key) < SECRET_KEY_LENGTH_MIN:
            raise ValueError(
                f"It has fewer than {SECRET_KEY_LENGTH_MIN} characters, so it could be guessed. Make one with "
                "`openssl rand -base64 32`, or leave it out: then one is made."
            )
        return key

    @field_validator(*SCHEMES)
    @classmethod
    def _readable(cls, address: str | None, info: ValidationInfo) -> str | None:
        """Refuse an address that libraries would cut elsewhere than its writer meant."""
        try:
            return None if not address else check_address(str(info.field_name), address)
        except Invalid as error:
            raise ValueError(error.message) from None

    @property
    def lake_root(self) -> str:
        """Folder or URL of the Delta tables."""
        return self.lake_url or str(self.home / "lake")

    @property
    def api_address(self) -> str:
        """URL at which the API answers."""
        return self.api_url or f"http://{self.api_host}:{self.api_port}"

    @property
    def dashboard_address(self) -> str:
        """URL at which people find the dashboard."""
        return (self.dashboard_url or f"http://{self.api_host}:{self.dashboard_port}").rstrip("/")


def load_settings(**overrides: Any) -> Settings:
    """Read the environment once. Raises Invalid that names the variable, its value and what was expected."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | NOT_SETTINGS
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else " See docs/settings.md."
            raise Invalid(
                "unknown_setting",
                f"The environment sets {name}, which is not a setting.{hint}",
                setting=name,
            )
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper()
        field = Settings.model_fields.get(str(first["loc"][0]))
        shown = f" (given: {first['input']!r})" if field is None or field.repr else ""
        said = first["msg"].removeprefix("Value error, ")
        raise Invalid("bad_setting", f"{name}: {said}{shown}", setting=name) from None


def config_path(settings: Settings) -> Path | None:
    """Find stocktide.toml, or None where only the built-in configuration applies."""
    if settings.config is not None:
        if not settings.config.is_file():
            raise Invalid(
                "config_missing", f"{PREFIX}CONFIG names {settings.config}, which is not a file."
            )
        return settings.config
    candidates = (Path("stocktide.toml"), settings.home / "stocktide.toml")
    return next((path for path in candidates if path.is_file()), None)


def load_config(settings: Settings) -> dict[str, Any]:
    """Parse stocktide.toml. Raises Invalid that names the file and the line."""
    path = config_path(settings)
    if path is None:
        return {}
    try:
        parsed = tomllib.loads(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise Invalid("config_encoding", f"{path}: not UTF-8 text (byte {error.start}).") from None
    except tomllib.TOMLDecodeError as error:
        raise Invalid("config_syntax", f"{path}: {error}.") from None
    unknown = set(parsed) - {"hierarchy", "forecast", "mqtt"}
    if unknown:
        raise Invalid(
            "config_section",
            f"{path}: unknown section [{sorted(unknown)[0]}]; there are [hierarchy], [forecast] and [mqtt].",
        )
    return parsed

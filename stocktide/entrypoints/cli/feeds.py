"""Commands of feeds that are not HTTP: the MQTT subscriber, the demo's broker, and the watched folder."""

import json
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stocktide.entrypoints.cli.access import as_json
from stocktide.entrypoints.cli.context import load_config, load_settings, services_for
from stocktide.entrypoints.cli.output import say
from stocktide.entrypoints.stopping import StopWish
from stocktide.foundation.telemetry import configure_logs, log

if TYPE_CHECKING:
    from stocktide.foundation.settings import Settings

STATUS_EVERY_S = 10.0


@click.command()
@click.option("--worker", default=1, show_default=True, help="Number of this worker, from 1.")
@as_json
def mqtt(worker: int, as_json: bool) -> None:
    """Listen to the MQTT broker of STOCKTIDE_MQTT_URL; `stocktide up` does this for you. Ctrl-C stops it."""
    from ingest.mqtt import BatchRecorder, Session, Subscriber, broker_of, read_topic_rules
    from ingest.recording.recording import Recorder

    settings = load_settings()
    broker = broker_of(settings)
    rules = read_topic_rules(settings.mqtt_topics, load_config(settings))
    configure_logs()
    client_id = f"{settings.mqtt_client_id}-{worker}"
    with services_for(settings, f"stocktide mqtt {worker}") as (engine, _):
        recorder = Recorder(engine, settings)
        batches = BatchRecorder(recorder, rules, client_id, settings.mqtt_session_s)
        session = Session(
            client_id,
            tuple(rules.filters(settings.mqtt_group)),
            settings.mqtt_version,
            settings.mqtt_session_s,
            settings.mqtt_inflight_max,
            settings.body_bytes_max,
        )
        subscriber = Subscriber(broker, session, batches)
        _stop_on_signals(subscriber.stop)
        ended = threading.Event()
        teller = threading.Thread(target=_tell, args=(subscriber.status, ended, as_json))
        teller.start()
        try:
            subscriber.run()
        finally:
            ended.set()
            teller.join()
            log("mqtt_ended", **subscriber.status())


def check_mqtt(settings: "Settings") -> None:
    """Raise Invalid where the broker's address or the topics are wrong, before a part is started with them."""
    from ingest.mqtt import broker_of, read_topic_rules

    if settings.mqtt_url is not None:
        broker_of(settings)
        read_topic_rules(settings.mqtt_topics, load_config(settings))


def _tell(status: Any, ended: threading.Event, as_json: bool) -> None:
    """Print what happened, every few seconds when it changed, and at the end."""
    said: dict[str, Any] = {}
    while True:
        last = ended.wait(STATUS_EVERY_S)
        now = status()
        if now != said or last:
            said = now
            if as_json:
                click.echo(json.dumps(now))
            else:
                say(", ".join(f"{name} {value}" for name, value in now.items()))
        if last:
            return


def _stop_on_signals(stop: Callable[[], None]) -> None:
    """Call `stop` on Ctrl-C and SIGTERM, in the middle of whatever the main thread does: it must take no lock."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop())


@click.command(hidden=True)
@click.option("--port", type=int, required=True)
def broker(port: int) -> None:
    """Run the demo's broker on the API's host; it keeps nothing, and lets everybody in."""
    from stocktide.entrypoints.demo_broker import run_broker

    settings = load_settings()
    configure_logs()
    run_broker(settings.api_host, port)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--mapping",
    help="A mapping file, or the name of one we ship: for rows of CSV, TSV, Parquet, NDJSON.",
)
@click.option(
    "--once",
    is_flag=True,
    help="Take the files that are there, then exit; exit code 1 if one failed.",
)
@click.option(
    "--settle",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds that a file must not have changed before it is taken.",
)
@as_json
def watch(folder: Path, mapping: str | None, once: bool, settle: float, as_json: bool) -> None:
    """Take files from FOLDER, each once, and move them to done or failed with a report beside."""
    from ingest.files.importing import open_mapping
    from ingest.files.watching import Watcher
    from ingest.recording.recording import Recorder

    settings = load_settings()
    plan = open_mapping(mapping) if mapping else None
    configure_logs()

    def tell(report: dict[str, Any]) -> None:
        click.echo(json.dumps(report, default=str) if as_json else _file_line(report))

    with services_for(settings, "stocktide watch") as (engine, _):
        watcher = Watcher(folder, Recorder(engine, settings), plan, settle, tell)
        stopping = StopWish()
        _stop_on_signals(stopping.set)
        watcher.run(stopping, once=once)
    log("watch_ended", folder=str(watcher.folder), **watcher.states)
    if once and watcher.states["failed"]:
        sys.exit(1)


def _file_line(report: dict[str, Any]) -> str:
    """Describe a file in one line, for people."""
    counts = ", ".join(
        f"{report[name]:,} {name}"
        for name in ("read", "accepted", "duplicate", "conflict")
        if name in report
    )
    why = report.get("duplicate_of") or report.get("error", {}).get("message", "")
    rejected = sum(report.get("rejected", {}).values())
    said = f"{counts}, {rejected:,} rejected" if counts else ""
    return " ".join(
        part for part in (f"{report['file']}: {report['state']}.", said and f"{said}.", why) if part
    )

import contextlib
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.conftest import Api
from tests.find_tools import find_tool
from tests.ingest.mqtt.brokers import ScriptedBroker, mosquitto
from tests.system.running import wait_until

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(api: Api, *command: str, url: str = "") -> str:
    """Run an example against the server, or what stands at `url` before it; what it printed."""
    key = api.ingest.headers["authorization"].removeprefix("Bearer ")
    done = subprocess.run(
        command,
        env={**os.environ, "URL": url or api.url, "KEY": key},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tool(name: str) -> str:
    found = find_tool(name)
    if found is None:
        pytest.skip(f"{name} is absent: python -m tests.find_tools --install")
    return found


def kinds(database: sa.Engine) -> Counter[str]:
    with database.connect() as connection:
        return Counter(connection.execute(sa.text("SELECT kind FROM ledger")).scalars())


def make_known(api: Api) -> None:
    api.ingest.put("/v1/products", json={"products": [{"sku": "A"}]}).raise_for_status()
    api.ingest.put("/v1/locations", json={"locations": [{"code": "S1"}]}).raise_for_status()


def environment_of(database_url: str, home: Path, **settings: str) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("STOCKTIDE_")},
        "STOCKTIDE_HOME": str(home),
        "STOCKTIDE_DATABASE_URL": database_url,
        "STOCKTIDE_REDIS_URL": "unix:///nowhere",
        **settings,
    }


def test_curl_example_records_its_events_once(api: Api, database: sa.Engine) -> None:
    tool("curl")
    said = run(api, "sh", str(EXAMPLES / "send_with_curl.sh"))
    assert said.count('"accepted"') >= 3
    assert kinds(database) == {"receipt": 1, "sale": 3}
    assert '"duplicate"' in run(api, "sh", str(EXAMPLES / "send_with_curl.sh"))
    assert kinds(database) == {"receipt": 1, "sale": 3}


@contextmanager
def resetting(url: str, resets: int) -> Iterator[str]:
    """A way to the server on which the first connections are torn down when their request has come."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def pass_on(client: socket.socket, torn: bool) -> None:
            with client:
                if torn:
                    client.recv(65_536)
                    # no linger: what closes it is a reset
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                with socket.create_connection((host, int(port))) as upstream:
                    ends = {client: upstream, upstream: client}
                    while True:
                        for source in select.select(list(ends), [], [])[0]:
                            chunk = source.recv(65_536)
                            if not chunk:
                                return
                            ends[source].sendall(chunk)

        def serve() -> None:
            for number in range(1_000):
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(
                    target=pass_on, args=(client, number < resets), daemon=True
                ).start()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_curl_example_sends_again_when_its_connection_is_reset(
    api: Api, database: sa.Engine
) -> None:
    tool("curl")
    with resetting(api.url, resets=2) as url:
        run(api, "sh", str(EXAMPLES / "send_with_curl.sh"), url=url)
    assert kinds(database) == {"receipt": 1, "sale": 3}


def test_curl_example_ends_at_once_when_it_is_refused(api: Api) -> None:
    tool("curl")
    done = subprocess.run(
        ["sh", str(EXAMPLES / "send_with_curl.sh")],
        env={**os.environ, "URL": api.url, "KEY": "stk_wrong"},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode != 0
    assert "The key is unknown" in done.stdout


def test_python_example_records_its_events_once(
    api: Api, database: sa.Engine, tmp_path: Path
) -> None:
    make_known(api)
    command = (sys.executable, str(EXAMPLES / "send_with_python.py"), str(tmp_path / "spool"))
    assert run(api, *command) == "6 recorded, 0 were already\n"
    assert run(api, *command) == "0 recorded, 6 were already\n"
    assert kinds(database) == {"receipt": 1, "sale": 5}


def test_node_example_records_its_events_and_tells_what_is_refused(
    api: Api, database: sa.Engine
) -> None:
    make_known(api)
    said = run(api, tool("node"), str(EXAMPLES / "send_with_node.mjs")).splitlines()
    assert [line.split()[:2] for line in said] == [
        ["web-1001-1", "accepted"],
        ["web-1001-2", "accepted"],
        ["web-1001-3", "rejected"],
    ]
    assert "not_positive" in said[2]
    assert kinds(database) == {"sale": 2}


def test_shelf_sensor_example_is_recorded_by_the_subscriber(
    api: Api, database: sa.Engine, database_url: str, home: Path, tmp_path: Path
) -> None:
    make_known(api)
    with mosquitto(tmp_path) as broker, (tmp_path / "mqtt.log").open("w") as told:
        environment = environment_of(
            database_url,
            home,
            STOCKTIDE_MQTT_URL=broker.url,
            STOCKTIDE_MQTT_TOPICS="shop/{location}/shelf/{device}/count=reading",
        )
        subscriber = subprocess.Popen(
            [sys.executable, "-m", "stocktide.entrypoints.cli", "mqtt"],
            env=environment,
            stderr=told,
        )
        try:
            wait_until(
                lambda: "mqtt_connected" in (tmp_path / "mqtt.log").read_text(), 20, "no subscriber"
            )
            script = str(EXAMPLES / "shelf_sensor.py")
            run(api, sys.executable, script, "127.0.0.1", str(broker.port), "7", "6.5")
            wait_until(lambda: kinds(database) == {"reading": 2}, 20, "no readings")
        finally:
            subscriber.terminate()
            assert subscriber.wait(20) == 0
    with database.connect() as connection:
        sensed = connection.execute(sa.text("SELECT sensed_milli FROM stock")).scalar_one()
    assert sensed == 6_500


IMPATIENT = "import shelf_sensor; shelf_sensor.ANSWER_S = 0.5; shelf_sensor.main()"


def test_shelf_sensor_example_says_what_the_broker_has_not_acknowledged() -> None:
    with contextlib.closing(ScriptedBroker()) as broker:
        port = broker.url.rpartition(":")[2]
        sensor = subprocess.Popen(
            [sys.executable, "-c", IMPATIENT, "127.0.0.1", port, "7", "8"],
            cwd=EXAMPLES,
            stderr=subprocess.PIPE,
            text=True,
        )
        with broker.accept(session_present=False) as connection:
            assert broker.read(connection)[0] == 0x32
            _, said = sensor.communicate(timeout=20)
    assert sensor.returncode == 1
    assert "has not acknowledged the count 7" in said


def test_till_example_is_taken_from_the_watched_folder(
    database: sa.Engine, database_url: str, home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "till"
    folder.mkdir()
    shutil.copy2(EXAMPLES / "till" / "2026-03-01.csv", folder)
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "stocktide.entrypoints.cli",
                "watch",
                str(folder),
                "--once",
                "--json",
            ),
            *("--settle", "0", "--mapping", str(EXAMPLES / "till" / "till.toml")),
        ],
        env=environment_of(database_url, home),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["state"], report["read"], report["accepted"]) == ("done", 6, 4)
    assert report["left_out"] == {"a training receipt": 1}
    assert report["rejected"] == {"wrong_type": 1}
    assert kinds(database) == {"sale": 3, "return": 1}
    assert json.loads((folder / "done" / "2026-03-01.csv.report.json").read_text()) == report

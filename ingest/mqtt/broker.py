"""The broker's address, credentials and version, and a paho client made of them."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from stocktide.foundation.errors import Invalid
from stocktide.foundation.settings import Settings

PORTS = {"mqtt": 1883, "mqtts": 8883}
KEEPALIVE_S = 60
# The largest packet that MQTT can have.
PACKET_BYTES_MAX = 268_435_455


@dataclass(frozen=True)
class Session:
    """Our session at the broker: its name and life, the topics, the limits.

    packet_bytes_max is asked of the broker in MQTT 5: it leaves out what is larger.
    """

    client_id: str
    filters: tuple[str, ...]
    version: str = "auto"
    session_s: int = 604_800
    inflight_max: int = 1_000
    packet_bytes_max: int = 16 * 2**20


@dataclass(frozen=True)
class Broker:
    """The broker's address and how to sign in. The password is never shown."""

    host: str
    port: int
    tls: bool
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @property
    def shown(self) -> str:
        """Return the address as it may be logged."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


def broker_of(settings: Settings) -> Broker:
    """Read the broker from the settings. Raises Invalid that names the setting."""
    if not settings.mqtt_url:
        raise Invalid("setting_missing", "Set STOCKTIDE_MQTT_URL to the broker, mqtt://host:1883.")
    parts = urlsplit(settings.mqtt_url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in PORTS or not parts.hostname or port == -1 or parts.path.strip("/"):
        why = "STOCKTIDE_MQTT_URL is no address such as mqtt://host:1883 or mqtts://host."
        raise Invalid("mqtt_url", why)
    return Broker(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        tls=parts.scheme == "mqtts",
        username=settings.mqtt_username or (unquote(parts.username) if parts.username else None),
        password=settings.mqtt_password or (unquote(parts.password) if parts.password else None),
        ca_file=settings.mqtt_ca_file,
        cert_file=settings.mqtt_cert_file,
        key_file=settings.mqtt_key_file,
    )


def make_client(broker: Broker, client_id: str, version: str) -> Client:
    """Make a client that keeps its session and acknowledges by hand. Raises Invalid for broken TLS files."""
    five = version == "5"
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if five else False,
        protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    if broker.username is not None:
        client.username_pw_set(broker.username, broker.password)
    if broker.tls:
        client.tls_set_context(_tls(broker))
    return client


def open_connection(client: Client, broker: Broker, session: Session, *, five: bool) -> None:
    """Connect, with a session that outlives the connection. Raises OSError if nobody answers."""
    if not five:
        client.connect(broker.host, broker.port, KEEPALIVE_S)
        return
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = session.session_s
    properties.ReceiveMaximum = session.inflight_max
    properties.MaximumPacketSize = min(session.packet_bytes_max, PACKET_BYTES_MAX)
    client.connect(broker.host, broker.port, KEEPALIVE_S, clean_start=False, properties=properties)


def _tls(broker: Broker) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=broker.ca_file)
        if broker.cert_file:
            context.load_cert_chain(broker.cert_file, broker.key_file)
    except (OSError, ssl.SSLError) as error:
        why = f"The files of STOCKTIDE_MQTT_CA_FILE, _CERT_FILE, _KEY_FILE: {error}."
        raise Invalid("mqtt_tls", why) from None
    return context

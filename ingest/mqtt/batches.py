"""Messages of one batch: decoded, recorded in one transaction, each with its outcome; what fits nowhere is kept."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.exc import OperationalError

from ingest.mqtt.messages import STRUCTURED, Decoded, Message, decode
from ingest.mqtt.plain import Undated
from ingest.mqtt.sightings import first_seen, forget_old
from ingest.mqtt.topics import TopicRules
from ingest.parsing.events import Event, Fault
from ingest.recording.recording import Recorder
from stocktide.errors import Transient
from stocktide.telemetry import log

FEED = "mqtt"
FORGET_EVERY_S = 3_600.0
FORGET_AFTER_S_MIN = 86_400


@dataclass
class BatchRecorder:
    """Records batches of messages. Used by one thread."""

    recorder: Recorder
    rules: TopicRules
    client_id: str
    session_s: int = 604_800
    outcomes: Counter[str] = field(default_factory=Counter)
    _forget_at: float = 0.0

    def record(self, messages: Sequence[Message]) -> None:
        """Record a batch. When this returns, all of it is committed or kept, and may be acknowledged.

        Raises Transient if the database is away: then all of it is to be given again.
        """
        if time.monotonic() >= self._forget_at:
            self.forget_old()
        decoded = [self._decode(message) for message in messages]
        counts: Counter[str] = Counter()
        try:
            counts.update(self._record(decoded))
        except (Transient, OperationalError):
            raise
        except Exception as error:  # noqa: BLE001 - one of them is poison: found below, and kept with its reason
            log("mqtt_batch_taken_apart", messages=len(messages), error=repr(error)[:500])
            for one in decoded:
                counts.update(self._record_alone(one))
        self.outcomes.update(counts)

    def forget_old(self) -> None:
        """Drop sightings older than two lives of a session, and a day: no broker delivers those again."""
        with self.recorder.engine.begin() as connection:
            forget_old(connection, max(2 * self.session_s, FORGET_AFTER_S_MIN))
        self._forget_at = time.monotonic() + FORGET_EVERY_S

    def _decode(self, message: Message) -> Decoded:
        try:
            return decode(message, self.rules, self.client_id)
        except Exception as error:  # noqa: BLE001 - decode never raises; if it does, the message must not come for ever
            log("mqtt_poison", topic=message.topic, error=repr(error)[:500])
            said = f"Topic {message.topic}: it could not be read: {type(error).__name__}."
            return Decoded(message.payload, Fault("not_storable", said))

    def _record_alone(self, one: Decoded) -> list[str]:
        try:
            return self._record([one])
        except (Transient, OperationalError):
            raise
        except Exception as error:  # noqa: BLE001 - a reject, counted: given back, it would come again for ever
            fault = Fault("not_storable", f"It could not be recorded: {type(error).__name__}.")
            log("mqtt_poison", error=repr(error)[:500])
            self.recorder.keep(FEED, STRUCTURED, one.raw, fault)
            return ["rejected"]

    def _record(self, decoded: Sequence[Decoded]) -> list[str]:
        dated = self._dated(decoded)
        sound = iter(self.recorder.parser.parse_all([one.raw for one in dated if not one.fault]))
        parsed: list[Event | Fault] = [one.fault or next(sound) for one in dated]
        raws = [one.raw for one in dated]
        outcomes = self.recorder.record_parsed(FEED, STRUCTURED, raws, parsed)
        return [outcome.name for outcome in outcomes]

    def _dated(self, decoded: Sequence[Decoded]) -> list[Decoded]:
        """Give the events that say no time the moment when they were first seen."""
        undated: list[Undated] = [one.undated for one in decoded if one.undated is not None]
        if not undated:
            return list(decoded)
        with self.recorder.engine.begin() as connection:
            moments = iter(first_seen(connection, undated))
        return [_at(one, moments) if one.undated is not None else one for one in decoded]


def _at(one: Decoded, moments: Iterator[datetime]) -> Decoded:
    assert one.undated is not None  # noqa: S101 - asked by the caller
    return Decoded(one.undated.dated(next(moments)))

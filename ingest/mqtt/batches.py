"""Batches of messages: decoded, recorded in one transaction, each with its outcome; what cannot be is kept."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ingest.mqtt.first_seen import first_seen, forget_old
from ingest.mqtt.message import Message
from ingest.mqtt.messages import Decoded, decode
from ingest.mqtt.topic_rules import ANY, FEED, Match, TopicRules, placed
from ingest.parsing.events import Event, Fault
from ingest.recording.feed_limits import permitted_of_feed
from ingest.recording.recording import FeedRequest, Recorder
from stocktide.foundation.database_errors import DATABASE_ERRORS, is_retryable
from stocktide.foundation.halves import by_halves
from stocktide.foundation.telemetry import log

# Feeds that topics name, in one process; what names more is counted under the common one.
FEEDS_MAX = 10_000
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
    _feeds: set[str] = field(default_factory=set)

    def record(self, messages: Sequence[Message]) -> None:
        """Record a batch. When this returns, all of it is committed or kept, and may be acknowledged.

        Raises errors that pass by themselves, such as the database away: then give all of it again.
        """
        self._forget_when_due()
        decoded = [self._decode(message) for message in messages]
        names = by_halves(decoded, self._record, self._keep, is_of_one=_is_of_one)
        self.outcomes.update(names)

    def forget_old(self) -> None:
        """Drop moments of first sight older than two lives of a session, and a day: nobody delivers those again."""
        with self.recorder.engine.begin() as connection:
            forget_old(connection, max(2 * self.session_s, FORGET_AFTER_S_MIN))
        self._forget_at = time.monotonic() + FORGET_EVERY_S

    def _forget_when_due(self) -> None:
        if time.monotonic() < self._forget_at:
            return
        try:
            self.forget_old()
        except DATABASE_ERRORS as error:
            if is_retryable(error):
                raise
            # what is not forgotten takes room, and no more than that
            log("mqtt_not_forgotten", error=str(error)[:500])
            self._forget_at = time.monotonic() + FORGET_EVERY_S

    def _decode(self, message: Message) -> Decoded:
        try:
            return decode(message, self.rules, self.client_id)
        except Exception as error:  # noqa: BLE001 - decode never raises; if it does, the message would be redelivered forever
            log("mqtt_poison", topic=message.topic, error=repr(error)[:500])
            fault = Fault("not_storable", f"It could not be read: {type(error).__name__}.")
            match = Match(ANY, {}, message.topic)
            return Decoded(message.payload, match, fault, content_type="")

    def _keep(self, one: Decoded, error: Exception) -> list[str]:
        """Keep a message that cannot be recorded as a reject: given back, it would be redelivered forever."""
        fault = Fault("not_storable", f"It could not be recorded: {type(error).__name__}.")
        log("mqtt_poison", topic=one.match.topic, error=repr(error)[:500])
        where = placed(fault, one.match.topic)
        self.recorder.keep(self._feed_of(one), one.content_type, one.raw, where)
        return ["rejected"]

    def _record(self, decoded: Sequence[Decoded]) -> list[str]:
        dated = self._dated(decoded)
        grouped: dict[tuple[str, str], list[tuple[bytes, Event | Fault]]] = {}
        for one, item in zip(dated, self._parsed(dated), strict=True):
            grouped.setdefault((self._feed_of(one), one.content_type), []).append((one.raw, item))
        engine = self.recorder.engine
        requests = [
            FeedRequest(
                *name,
                [raw for raw, _ in items],
                permitted_of_feed(engine, name[0], [item for _, item in items]),
            )
            for name, items in grouped.items()
        ]
        answers = self.recorder.record_together(self.recorder.engine.begin, requests)
        return [outcome.name for outcomes in answers for outcome in outcomes]

    def _parsed(self, decoded: Sequence[Decoded]) -> list[Event | Fault]:
        sound = iter(self.recorder.parser.parse_all([one.raw for one in decoded if not one.fault]))
        return [_held(one, one.fault or next(sound)) for one in decoded]

    def _feed_of(self, one: Decoded) -> str:
        feed = one.match.feed
        if feed not in self._feeds and len(self._feeds) >= FEEDS_MAX:
            return FEED
        self._feeds.add(feed)
        return feed

    def _dated(self, decoded: Sequence[Decoded]) -> list[Decoded]:
        """Give events without a time the moment when they were first seen."""
        undated = [one.undated for one in decoded if one.undated is not None]
        if not undated:
            return list(decoded)
        with self.recorder.engine.begin() as connection:
            moments = iter(first_seen(connection, undated))
        return [
            replace(one, raw=one.undated.dated(next(moments))) if one.undated else one
            for one in decoded
        ]


def _is_of_one(error: Exception) -> bool:
    return not is_retryable(error)


def _held(one: Decoded, item: Event | Fault) -> Event | Fault:
    """Return what was parsed if it fits its topic, else a fault with the topic."""
    if one.whole and not isinstance(item, Fault):
        item = one.match.held(item)
    return placed(item, one.match.topic) if isinstance(item, Fault) else item

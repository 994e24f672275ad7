"""Rules of topics at work: which one fits a message, and what it says of source, feed and the event."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from typing import Any, get_type_hints
from urllib.parse import quote

import msgspec

from ingest.parsing.events import Event, Fault
from ingest.parsing.kinds import DATA_TYPES
from stocktide.domain.kinds import KINDS
from stocktide.foundation.stored_text import storable

# Products, locations and the like that a device stands for, by its name.
Devices = Mapping[str, Mapping[str, str]]
PLACEHOLDER = re.compile(r"\{([a-z_]\w*)\}")
# The field that a bare number is, where neither the rule nor the kind says.
VALUE_FIELD = "quantity"
# The feed of all messages whose rule names no other.
FEED = "mqtt"
SOURCE = "mqtt/{topic}"
FEED_CHARACTERS_MAX = 100
TOPIC_SHOWN_MAX = 200
MESSAGE_CHARACTERS_MAX = 1_000
TOPICS_KEPT_MAX = 10_000
_URI_SAFE = "/:@!$&'()*+,;=-._~"
# Where a recorded event keeps the fields that it calls otherwise.
_KEPT_AS = {
    "device": "counterparty",
    "supplier": "counterparty",
    "reservation_id": "reference",
    "transfer_id": "reference",
}
# Signed and scaled by the ledger: an event's own cannot be compared with a level of the topic.
_AMOUNTS = frozenset({"quantity", "counted", "observed", "price", "cost"})


class TopicRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One subscription: a [[mqtt.topics]] table of stocktide.toml, or a topic of the setting.

    Without a kind it carries CloudEvents only; with one, plain JSON too. source: of plain events, and of CloudEvents
    where the rule names one; None: SOURCE, and any. feed: None: FEED. value: the field that a bare number is; None:
    what the kind counts. fields: which payload member feeds which event field.
    """

    topic: str
    kind: str | None = None
    source: str | None = None
    feed: str | None = None
    value: str | None = None
    fields: dict[str, str] = {}
    constants: dict[str, str] = {}

    @property
    def filter(self) -> str:
        """Return the topic filter to subscribe to."""
        return PLACEHOLDER.sub("+", self.topic)

    @property
    def value_field(self) -> str:
        """Return the field that a bare number is."""
        amount = None if self.kind is None else KINDS[self.kind].amount
        return self.value or amount or VALUE_FIELD

    def levels_of(self, topic: str) -> dict[str, str] | None:
        """Return the values of the rule's {placeholders} in a topic, or None where the topic is not the rule's."""
        found = _pattern(self.topic).fullmatch(topic)
        return None if found is None else found.groupdict()


# What comes on a topic that is taken out of the settings, but still subscribed in the session.
ANY = TopicRule("#")


@dataclass(frozen=True)
class Match:
    """A rule, and the values of its placeholders in the topic that it fits."""

    rule: TopicRule
    levels: Mapping[str, str]
    topic: str

    @cached_property
    def source(self) -> str:
        """Return the source of plain events; a source is a URI reference, so other signs are percent-encoded."""
        return self._filled(self.rule.source or SOURCE, quoted=True)

    @cached_property
    def feed(self) -> str:
        """Return the feed that the message is counted under; the common one where the topic gives it no name."""
        feed = self._filled(self.rule.feed or FEED, quoted=False)
        return feed if len(feed) <= FEED_CHARACTERS_MAX and feed.isprintable() else FEED

    def held(self, event: Event) -> Event | Fault:
        """Return the event, or a Fault if it contradicts its topic, which is what the broker lets a device write to."""
        for name, why in self._contradictions(event):
            said = f"The event contradicts its topic: {why}."
            return Fault("wrong_topic", said, name, event.source, event.event_id)
        return event

    def _contradictions(self, event: Event) -> Iterator[tuple[str, str]]:
        rule, kind = self.rule, event.kind
        if rule.kind not in (None, kind):
            yield "type", f"it is for a {rule.kind}, and this is a {kind}"
        if rule.source is not None and event.source != self.source:
            yield "source", f"its source is {self.source!r}, and not {event.source!r}"
        for name in self.levels.keys() & fields_of(kind):
            if name in _AMOUNTS:
                yield f"data.{name}", f"{name} is a level of it, for plain JSON"
            level, said = self.levels[name], _text(getattr(event, _KEPT_AS.get(name, name), None))
            if said is not None and said != level:
                yield f"data.{name}", f"{name} is {level!r} in it, and {said!r} here"

    def _filled(self, template: str, *, quoted: bool) -> str:
        values = {**self.levels, "topic": self.topic}
        return PLACEHOLDER.sub(
            lambda found: quote(values[found[1]], safe=_URI_SAFE) if quoted else values[found[1]],
            template,
        )


@dataclass(frozen=True)
class TopicRules:
    """All subscriptions in order."""

    rules: Sequence[TopicRule]
    devices: Devices = field(default_factory=dict)
    _found: dict[str, Match] = field(default_factory=dict, compare=False, repr=False)

    def filters(self, group: str | None) -> list[str]:
        """Return the topic filters to subscribe to, as shares of a group where one is named."""
        head = f"$share/{group}/" if group else ""
        return list(dict.fromkeys(head + rule.filter for rule in self.rules))

    def find(self, topic: str) -> Match:
        """Return the first rule with a kind that fits a topic, else the first that fits, else one that says nothing."""
        # devices write to the same topics again and again
        if topic not in self._found:
            if len(self._found) >= TOPICS_KEPT_MAX:
                self._found.clear()
            self._found[topic] = self._look_for(topic)
        return self._found[topic]

    def _look_for(self, topic: str) -> Match:
        fitting = [
            Match(rule, levels, topic)
            for rule in self.rules
            if (levels := rule.levels_of(topic)) is not None
        ]
        with_kind = [match for match in fitting if match.rule.kind is not None]
        return [*with_kind, *fitting, Match(ANY, {}, topic)][0]


def placed(fault: Fault, topic: str) -> Fault:
    """Return the fault with the topic that it came on, as the database can keep it, and short enough to read."""
    shown = topic if len(topic) <= TOPIC_SHOWN_MAX else f"{topic[:TOPIC_SHOWN_MAX]}…"
    said = storable(f"Topic {shown}: {fault.message}")[:MESSAGE_CHARACTERS_MAX]
    return Fault(fault.reason, said, fault.field, fault.source, fault.event_id)


@cache
def fields_of(kind: str) -> frozenset[str]:
    """Return the names of the data fields that events of a kind may have."""
    return frozenset(get_type_hints(DATA_TYPES[kind]))


def _text(value: Any) -> str | None:
    """Return a field as a level of a topic writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date) else None if value is None else str(value)


@cache
def _pattern(topic: str) -> "re.Pattern[str]":
    levels, tail = topic.split("/"), ""
    if levels[-1] == "#":
        levels.pop()
        tail = "(?:/.*)?" if levels else ".*"
    return re.compile("/".join(map(_level_pattern, levels)) + tail, re.DOTALL)


def _level_pattern(level: str) -> str:
    if named := PLACEHOLDER.fullmatch(level):
        return f"(?P<{named[1]}>[^/]*)"
    return "[^/]*" if level == "+" else re.escape(level)

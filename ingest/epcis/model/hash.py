"""The event hash of the Core Business Vocabulary 2.0, section 8.9: what makes an event the same event.

The parts of an event are written in one canonical order, in one spelling, sorted within their lists, and hashed.
Published pre-hash strings and hashes are in its test; docs/epcis.md says what is not verified.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from ingest.epcis.identifiers.epc import canonical
from ingest.epcis.model import vocabulary as cbv
from ingest.epcis.model.context import expand_name, expand_value
from ingest.epcis.model.values import instant_of, plain

EPC_LISTS = ("epcList", "inputEPCList", "childEPCs", "outputEPCList")
QUANTITY_LISTS = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
# Lists of things with a type: the list, the thing in it, the vocabulary of its type.
TYPED_LISTS = {
    "bizTransactionList": ("bizTransaction", cbv.TRANSACTION_TYPE),
    "sourceList": ("source", cbv.PLACE_TYPE),
    "destinationList": ("destination", cbv.PLACE_TYPE),
}
ORDER = (
    "eventTime", "eventTimeZoneOffset", "epcList", "parentID", "inputEPCList", "childEPCs", "quantityList",
    "childQuantityList", "inputQuantityList", "outputEPCList", "outputQuantityList", "action", "transformationID",
    "bizStep", "disposition", "persistentDisposition", "readPoint", "bizLocation", "bizTransactionList",
    "sourceList", "destinationList", "sensorElementList", "ilmd",
)  # fmt: skip
QUANTITY_ORDER = ("epcClass", "quantity", "uom")
METADATA_ORDER = (
    "time", "startTime", "endTime", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules",
)  # fmt: skip
REPORT_ORDER = (
    "type", "exception", "deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "time", "microorganism",
    "chemicalSubstance", "value", "component", "stringValue", "booleanValue", "hexBinaryValue", "uriValue", "minValue",
    "maxValue", "meanValue", "sDev", "percRank", "percValue", "uom", "coordinateReferenceSystem",
)  # fmt: skip
INSTANTS = {"eventTime", "time", "startTime", "endTime"}
# What says nothing about what happened, and so is no part of the hash.
LEFT_OUT = {
    "@context", "type", "eventID", "recordTime", "errorDeclaration", "certificationInfo", "rdfs:comment", "comment",
}  # fmt: skip
INCHIKEY = f"{cbv.CBV_URN}inchikey:"
# Beyond so many digits a number is written with an exponent: as digits it would fill memory.
DIGITS_MAX = 60
_NUMBER = re.compile(r"-?\d+\.\d+", re.ASCII)


def event_hash(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    """Give the hash of an event as an ni URI. event: decoded JSON; prefixes: of its @context."""
    digest = hashlib.sha256(pre_hash(event, prefixes).encode()).hexdigest()
    return f"ni:///sha-256;{digest}?ver=CBV2.0"


def pre_hash(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    """Write an event as the one string that is hashed."""
    writer = _Writer(prefixes)
    standard = "".join(writer.field(name, event[name]) for name in ORDER if name in event)
    kind = expand_value(str(event["type"]), prefixes)
    return f"eventType={kind}{standard}{writer.extensions_within(event)}{writer.own(event, ORDER)}"


class _Writer:
    """Writes the values of one event in their canonical spelling."""

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        self._prefixes = prefixes

    def field(self, name: str, value: Any) -> str:
        """Write one field of the standard with its name; nothing for a list that is empty."""
        if name in EPC_LISTS:
            return _named(name, *(f"epc={self._text(epc)}" for epc in value))
        if name in QUANTITY_LISTS:
            items = (self._record("quantityElement", item, QUANTITY_ORDER) for item in value)
            return _named(name, *items)
        if name in TYPED_LISTS:
            return _named(name, *(self._typed(item, *TYPED_LISTS[name]) for item in value))
        if name == "persistentDisposition":
            both = (sorted(f"{part}={self._value(part, item)}" for item in value.get(part, ()))
                    for part in ("set", "unset"))  # fmt: skip
            return name + "".join("".join(items) for items in both)
        if name in ("readPoint", "bizLocation"):
            return f"{name}id={self._text(value['id'])}"
        if name == "sensorElementList":
            return "".join(sorted(self._sensor(element) for element in value))
        if name == "ilmd":
            return _named(name, self.own(value, ()))
        return f"{name}={self._value(name, value)}"

    def _typed(self, item: Mapping[str, Any], thing: str, vocabulary: cbv.Vocabulary) -> str:
        kind = vocabulary.uri(expand_value(item.get("type", ""), self._prefixes))
        return (f"type={kind}" if kind else "") + f"{thing}={self._text(item[thing])}"

    def _sensor(self, element: Mapping[str, Any]) -> str:
        metadata = element.get("sensorMetadata")
        written = self._record("sensorMetadata", metadata, METADATA_ORDER) if metadata else ""
        reports = (
            self._record("sensorReport", one, REPORT_ORDER) for one in element["sensorReport"]
        )
        return f"sensorElement{written}{''.join(sorted(reports))}"

    def _record(self, name: str, value: Mapping[str, Any], order: tuple[str, ...]) -> str:
        fields = (f"{part}={self._value(part, value[part])}" for part in order if part in value)
        return name + "".join(fields)

    def extensions_within(self, event: Mapping[str, Any]) -> str:
        """Write own properties inside of fields of the standard: behind those, under the names that hold them."""
        places = [
            _named(name, self.own(event.get(name, {}), ("id",)))
            for name in ("readPoint", "bizLocation")
        ]
        elements = [self._sensor_extensions(item) for item in event.get("sensorElementList", ())]
        return "".join(places + sorted(elements))

    def _sensor_extensions(self, element: Mapping[str, Any]) -> str:
        metadata = self.own(element.get("sensorMetadata", {}), METADATA_ORDER)
        reports = sorted(
            _named("sensorReport", self.own(report, (*REPORT_ORDER, "bizRules")))
            for report in element["sensorReport"]
        )
        own = self.own(element, ("sensorMetadata", "sensorReport"))
        return _named("sensorElement", _named("sensorMetadata", metadata) + "".join(reports) + own)

    def own(self, record: Mapping[str, Any], standard: tuple[str, ...]) -> str:
        """Write the properties of a record that are not the standard's, sorted."""
        written: list[str] = []
        for name, value in record.items():
            # `type` of a record that is all own, such as ilmd, is own as well
            if name not in standard and not (name in LEFT_OUT and (standard or name != "type")):
                written += self._own(name, value)
        return "".join(sorted(written))

    def _own(self, name: str, value: Any) -> list[str]:
        if isinstance(value, list):
            return [text for item in value for text in self._own(name, item)]
        key = expand_name(name, self._prefixes)
        if isinstance(value, dict):
            return [key + self.own(value, ())]
        if value is None:
            return [key]
        return [f"{key}={self._plain(value)}"]

    def _value(self, name: str, value: Any) -> str:
        if name in INSTANTS:
            return _instant(value)
        vocabulary = cbv.MEASUREMENT if name == "type" else cbv.VOCABULARIES.get(name)
        if vocabulary is not None and isinstance(value, str):
            return vocabulary.uri(self._text(value))
        return self._plain(value)

    def _plain(self, value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | Decimal):
            return _number(Decimal(value))
        text = self._text(value)
        return _number(Decimal(text)) if _NUMBER.fullmatch(text) else text

    def _text(self, value: str) -> str:
        text = expand_value(value.strip(), self._prefixes)
        if text.startswith(cbv.CBV_URN):
            return _web_word(text)
        return canonical(text)


def _named(name: str, *items: str) -> str:
    """Write items, sorted, behind the name that holds them; nothing where there are none."""
    text = "".join(sorted(items))
    return name + text if text else ""


def _web_word(urn: str) -> str:
    """Write a word of the vocabulary as its web address; other URNs stay."""
    if urn.startswith(INCHIKEY):
        return f"https://identifiers.org/inchikey:{urn.removeprefix(INCHIKEY)}"
    for vocabulary in (*cbv.VOCABULARIES.values(), cbv.TRANSACTION_TYPE, cbv.PLACE_TYPE):
        if vocabulary.urn is not None and urn.startswith(vocabulary.urn):
            return vocabulary.web + urn.removeprefix(vocabulary.urn)
    return urn


def _instant(text: str) -> str:
    """Write UTC with three decimals, rounded half up."""
    # what is finer is cut off
    instant = instant_of(text) + timedelta(microseconds=500)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(number: Decimal) -> str:
    """Write plain digits without trailing zeros."""
    exact = plain(number)
    if not exact or not exact.is_finite():
        return "0"
    return str(exact) if abs(exact.adjusted()) > DIGITS_MAX else f"{exact:f}"

"""The parts of EPCIS events as the JSON binding of EPCIS 2.0 has them. Names are the standard's own."""

from decimal import Decimal
from typing import Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ingest.epcis.model import vocabulary as cbv
from ingest.epcis.model.values import (
    Hex,
    Instant,
    Number,
    Unit,
    Uri,
    Version,
    check_instants,
    check_word,
)

# What a part does with a property that it does not know: "refuse" it, "name" it (its name must be an address or
# a compact one, as own extensions have it), or let "any" pass.
Extension = Literal["refuse", "name", "any"]


class Part(msgspec.Struct):
    """A JSON object of the standard. A property that is absent is UNSET; null is never allowed."""

    extension: ClassVar[Extension] = "name"


class QuantityElement(Part):
    """So much of a class; without `quantity`, an amount that nobody told."""

    extension: ClassVar[Extension] = "refuse"
    epcClass: Uri
    quantity: Number | UnsetType = UNSET
    uom: Unit | UnsetType = UNSET


class Place(Part):
    """readPoint or bizLocation."""

    extension: ClassVar[Extension] = "any"
    id: Uri


class BizTransaction(Part):
    """A business transaction with its type."""

    extension: ClassVar[Extension] = "refuse"
    bizTransaction: Uri
    type: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_word("type", self.type, cbv.TRANSACTION_TYPE)


class Party(Part):
    """One end of a transfer: a place, or who owns or has the goods there."""

    extension: ClassVar[Extension] = "refuse"
    type: str

    def __post_init__(self) -> None:
        check_word("type", self.type, cbv.PLACE_TYPE)


class Source(Party):
    """Where goods come from."""

    source: Uri


class Destination(Party):
    """Where goods go to."""

    destination: Uri


class PersistentDisposition(Part):
    """Dispositions that hold until they are unset."""

    extension: ClassVar[Extension] = "refuse"
    set: list[str] | UnsetType = UNSET
    unset: list[str] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.set is UNSET and self.unset is UNSET:
            raise ValueError("needs set, unset or both")
        for name, values in (("set", self.set), ("unset", self.unset)):
            if values is not UNSET and not values:
                raise ValueError(f"{name} is empty")
            check_distinct(name, values)
            for value in values or ():
                check_word(name, value, cbv.DISPOSITION)


class ErrorDeclaration(Part):
    """Says that the event that carries it was wrong."""

    declarationTime: Instant
    reason: str | UnsetType = UNSET
    correctiveEventIDs: list[Uri] | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_instants(declarationTime=self.declarationTime)
        check_word("reason", self.reason, cbv.ERROR_REASON)


class Measured(Part, kw_only=True):
    """When and by what something was measured."""

    time: Instant | UnsetType = UNSET
    deviceID: Uri | UnsetType = UNSET
    deviceMetadata: Uri | UnsetType = UNSET
    rawData: Uri | UnsetType = UNSET
    dataProcessingMethod: Uri | UnsetType = UNSET
    bizRules: Uri | UnsetType = UNSET


class SensorMetadata(Measured, kw_only=True):
    """What holds for all measurements of a sensor."""

    startTime: Instant | UnsetType = UNSET
    endTime: Instant | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_instants(time=self.time, startTime=self.startTime, endTime=self.endTime)


class SensorReport(Measured, kw_only=True):
    """One measurement."""

    type: str
    exception: str | UnsetType = UNSET
    microorganism: Uri | UnsetType = UNSET
    chemicalSubstance: Uri | UnsetType = UNSET
    coordinateReferenceSystem: Uri | UnsetType = UNSET
    value: Number | UnsetType = UNSET
    component: str | UnsetType = UNSET
    stringValue: str | UnsetType = UNSET
    booleanValue: bool | UnsetType = UNSET
    hexBinaryValue: Hex | UnsetType = UNSET
    uriValue: Uri | UnsetType = UNSET
    minValue: Number | UnsetType = UNSET
    maxValue: Number | UnsetType = UNSET
    meanValue: Number | UnsetType = UNSET
    sDev: Number | UnsetType = UNSET
    percRank: Number | UnsetType = UNSET
    percValue: Number | UnsetType = UNSET
    uom: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_instants(time=self.time)
        check_word("type", self.type, cbv.MEASUREMENT)
        check_word("exception", self.exception, cbv.ALERT)
        check_word("component", self.component, cbv.COMPONENT)


class SensorElement(Part):
    """Measurements of one sensor."""

    sensorReport: list[SensorReport]
    sensorMetadata: SensorMetadata | UnsetType = UNSET

    def __post_init__(self) -> None:
        if not self.sensorReport:
            raise ValueError("sensorReport is empty")


class VocabularyElement(Part):
    """One entry of master data; `children` are places within it."""

    extension: ClassVar[Extension] = "any"
    id: Uri
    attributes: list["MasterAttribute"] | UnsetType = UNSET
    children: list[Uri] | UnsetType = UNSET


class MasterAttribute(Part):
    """One attribute of an entry of master data."""

    extension: ClassVar[Extension] = "any"
    id: Uri
    attribute: Any = UNSET

    def __post_init__(self) -> None:
        # a union of str and Decimal is more than msgspec can tell apart
        kinds = (str, int, Decimal, dict, UnsetType)
        if not isinstance(self.attribute, kinds) or isinstance(self.attribute, bool):
            raise ValueError("attribute is neither number, text nor object")


class MasterVocabulary(Part):
    """Entries of one kind of master data."""

    extension: ClassVar[Extension] = "any"
    type: Uri
    vocabularyElementList: list[VocabularyElement] | UnsetType = UNSET


class MasterData(Part):
    """All master data of a document."""

    extension: ClassVar[Extension] = "any"
    vocabularyList: list[MasterVocabulary] | UnsetType = UNSET


class Header(Part):
    """epcisHeader."""

    epcisMasterData: MasterData | UnsetType = UNSET


class Envelope(Part):
    """What a document says of itself, beside its events."""

    schemaVersion: Version | UnsetType = UNSET
    creationDate: Instant | UnsetType = UNSET
    id: Uri | UnsetType = UNSET
    instanceIdentifier: str | UnsetType = UNSET
    sender: str | UnsetType = UNSET
    receiver: str | UnsetType = UNSET
    epcisHeader: Header | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_instants(creationDate=self.creationDate)


def check_distinct(name: str, values: list[str] | UnsetType) -> None:
    """Refuse a list that holds a value twice. Raises ValueError."""
    if isinstance(values, list) and len(set(values)) != len(values):
        raise ValueError(f"{name} names something twice")

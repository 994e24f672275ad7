"""The five event types of EPCIS 2.0, and events of types of one's own."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from msgspec import UNSET, UnsetType

from ingest.epcis.model import vocabulary as cbv
from ingest.epcis.model.event_parts import (
    BizTransaction,
    Destination,
    ErrorDeclaration,
    Extension,
    Part,
    PersistentDisposition,
    Place,
    QuantityElement,
    SensorElement,
    Source,
    check_distinct,
)
from ingest.epcis.model.values import Instant, Offset, Uri, check_instants, check_word, is_uri

Action = Literal["OBSERVE", "ADD", "DELETE"]


class AnyEvent(Part, kw_only=True):
    """What all events have. Also the shape of an event whose type is an address of somebody's own."""

    extension: ClassVar[Extension] = "any"
    type: str
    eventTime: Instant
    eventTimeZoneOffset: Offset
    recordTime: Instant | UnsetType = UNSET
    eventID: Uri | UnsetType = UNSET
    # no list[Uri] | Uri: msgspec 0.22 corrupts memory on a union of a list with a text that has a pattern
    certificationInfo: list[str] | str | UnsetType = UNSET
    errorDeclaration: ErrorDeclaration | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_instants(eventTime=self.eventTime, recordTime=self.recordTime)
        given = self.certificationInfo
        addresses = [given] if isinstance(given, str) else given or ()
        for address in addresses:
            if not is_uri(address):
                raise ValueError(f"certificationInfo: {address[:80]!r} is no URI")


class Event(AnyEvent, kw_only=True):
    """What the five event types share: the why and the where."""

    extension: ClassVar[Extension] = "name"
    bizStep: str | UnsetType = UNSET
    disposition: str | UnsetType = UNSET
    readPoint: Place | UnsetType = UNSET
    bizLocation: Place | UnsetType = UNSET
    bizTransactionList: list[BizTransaction] | UnsetType = UNSET
    sourceList: list[Source] | UnsetType = UNSET
    destinationList: list[Destination] | UnsetType = UNSET
    sensorElementList: list[SensorElement] | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        check_word("bizStep", self.bizStep, cbv.BIZ_STEP)
        check_word("disposition", self.disposition, cbv.DISPOSITION)


class ObjectEvent(Event, kw_only=True):
    """Something happened to objects."""

    action: Action
    epcList: list[Uri] | UnsetType = UNSET
    quantityList: list[QuantityElement] | UnsetType = UNSET
    persistentDisposition: PersistentDisposition | UnsetType = UNSET
    ilmd: dict[Uri, Any] | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        check_distinct("epcList", self.epcList)
        if self.ilmd is not UNSET and self.action != "ADD":
            raise ValueError("ilmd is for objects that begin: it needs action ADD")
        measured = bool(self.sensorElementList) and self.readPoint is not UNSET
        if self.epcList is UNSET and not self.quantityList and not measured:
            raise ValueError("needs epcList, quantityList, or sensorElementList with readPoint")


class AggregationEvent(Event, kw_only=True):
    """Objects were put into, seen in or taken from a container."""

    action: Action
    parentID: Uri | UnsetType = UNSET
    childEPCs: list[Uri] | UnsetType = UNSET
    childQuantityList: list[QuantityElement] | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.childEPCs and not self.childQuantityList and self.action != "DELETE":
            raise ValueError("needs childEPCs or childQuantityList")


class AssociationEvent(Event, kw_only=True):
    """Objects were attached to, seen at or taken from another object or a place."""

    action: Action
    parentID: Uri
    childEPCs: list[Uri] | UnsetType = UNSET
    childQuantityList: list[QuantityElement] | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.childEPCs and not self.childQuantityList and self.action != "DELETE":
            raise ValueError("needs childEPCs or childQuantityList")


class TransactionEvent(Event, kw_only=True):
    """Objects became, are or are no longer part of business transactions."""

    action: Action
    bizTransactionList: list[BizTransaction]
    parentID: Uri | UnsetType = UNSET
    epcList: list[Uri] | UnsetType = UNSET
    quantityList: list[QuantityElement] | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.bizTransactionList:
            raise ValueError("bizTransactionList is empty")
        if self.epcList is UNSET and not self.quantityList and self.action != "DELETE":
            raise ValueError("needs epcList or quantityList")


class TransformationEvent(Event, kw_only=True):
    """Inputs were used up and outputs came to be."""

    inputEPCList: list[Uri] | UnsetType = UNSET
    inputQuantityList: list[QuantityElement] | UnsetType = UNSET
    outputEPCList: list[Uri] | UnsetType = UNSET
    outputQuantityList: list[QuantityElement] | UnsetType = UNSET
    transformationID: Uri | UnsetType = UNSET
    persistentDisposition: PersistentDisposition | UnsetType = UNSET
    ilmd: dict[Uri, Any] | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        check_distinct("inputEPCList", self.inputEPCList)
        check_distinct("outputEPCList", self.outputEPCList)
        comes = bool(self.inputEPCList or self.inputQuantityList)
        goes = bool(self.outputEPCList or self.outputQuantityList)
        if not (comes and goes) and (self.transformationID is UNSET or not (comes or goes)):
            raise ValueError("needs inputs and outputs, or a transformationID and one of the two")


EVENT_TYPES: Mapping[str, type[Event]] = {
    "ObjectEvent": ObjectEvent,
    "AggregationEvent": AggregationEvent,
    "TransactionEvent": TransactionEvent,
    "TransformationEvent": TransformationEvent,
    "AssociationEvent": AssociationEvent,
}

"""The five event types of EPCIS 2.0, and events of types of one's own."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from msgspec import UNSET, UnsetType

from ingest.epcis.model import event_parts as parts
from ingest.epcis.model import vocabulary as cbv
from ingest.epcis.model.values import Instant, Offset, Uri, check_instants, check_word, is_uri

Action = Literal["OBSERVE", "ADD", "DELETE"]


class AnyEvent(parts.Part, kw_only=True):
    """What all events have. Also the shape of an event whose type is an address of somebody's own."""

    extension: ClassVar[parts.Extension] = "any"
    type: str
    eventTime: Instant
    eventTimeZoneOffset: Offset
    recordTime: Instant | UnsetType = UNSET
    eventID: Uri | UnsetType = UNSET
    # no list[Uri] | Uri: msgspec 0.22 corrupts memory on a union of a list with a text that has a pattern
    certificationInfo: list[str] | str | UnsetType = UNSET
    errorDeclaration: parts.ErrorDeclaration | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_instants(eventTime=self.eventTime, recordTime=self.recordTime)
        given = self.certificationInfo
        addresses = [given] if isinstance(given, str) else given or ()
        for address in addresses:
            if not is_uri(address):
                raise ValueError(f"certificationInfo: {address[:80]!r} is no URI")

    def listed(self, name: str) -> Sequence[Any]:
        """Return the items of one of the event's lists; none of a list that it does not have."""
        return getattr(self, name, None) or ()


class Event(AnyEvent, kw_only=True):
    """What the five event types share: the why and the where."""

    extension: ClassVar[parts.Extension] = "name"
    bizStep: str | UnsetType = UNSET
    disposition: str | UnsetType = UNSET
    readPoint: parts.Place | UnsetType = UNSET
    bizLocation: parts.Place | UnsetType = UNSET
    bizTransactionList: list[parts.BizTransaction] | UnsetType = UNSET
    sourceList: list[parts.Source] | UnsetType = UNSET
    destinationList: list[parts.Destination] | UnsetType = UNSET
    sensorElementList: list[parts.SensorElement] | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        check_word("bizStep", self.bizStep, cbv.BIZ_STEP)
        check_word("disposition", self.disposition, cbv.DISPOSITION)


class ObjectEvent(Event, kw_only=True):
    """Something happened to objects."""

    action: Action
    epcList: list[Uri] | UnsetType = UNSET
    quantityList: list[parts.QuantityElement] | UnsetType = UNSET
    persistentDisposition: parts.PersistentDisposition | UnsetType = UNSET
    ilmd: dict[Uri, Any] | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        parts.check_distinct("epcList", self.epcList)
        if self.ilmd is not UNSET and self.action != "ADD":
            raise ValueError("ilmd is for objects that begin: it needs action ADD")
        measured = bool(self.sensorElementList) and self.readPoint is not UNSET
        if self.epcList is UNSET and not self.quantityList and not measured:
            raise ValueError("needs epcList, quantityList, or sensorElementList with readPoint")


class ChildrenEvent(Event, kw_only=True):
    """What events share in which objects join or leave another."""

    action: Action
    childEPCs: list[Uri] | UnsetType = UNSET
    childQuantityList: list[parts.QuantityElement] | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.childEPCs and not self.childQuantityList and self.action != "DELETE":
            raise ValueError("needs childEPCs or childQuantityList")


class AggregationEvent(ChildrenEvent, kw_only=True):
    """Objects were put into, seen in or taken from a container."""

    parentID: Uri | UnsetType = UNSET


class AssociationEvent(ChildrenEvent, kw_only=True):
    """Objects were attached to, seen at or taken from another object or a place."""

    parentID: Uri


class TransactionEvent(Event, kw_only=True):
    """Objects became, are or are no longer part of business transactions."""

    action: Action
    bizTransactionList: list[parts.BizTransaction]
    parentID: Uri | UnsetType = UNSET
    epcList: list[Uri] | UnsetType = UNSET
    quantityList: list[parts.QuantityElement] | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.bizTransactionList:
            raise ValueError("bizTransactionList is empty")
        if self.epcList is UNSET and not self.quantityList and self.action != "DELETE":
            raise ValueError("needs epcList or quantityList")


class TransformationEvent(Event, kw_only=True):
    """Inputs were used up and outputs came to be."""

    inputEPCList: list[Uri] | UnsetType = UNSET
    inputQuantityList: list[parts.QuantityElement] | UnsetType = UNSET
    outputEPCList: list[Uri] | UnsetType = UNSET
    outputQuantityList: list[parts.QuantityElement] | UnsetType = UNSET
    transformationID: Uri | UnsetType = UNSET
    persistentDisposition: parts.PersistentDisposition | UnsetType = UNSET
    ilmd: dict[Uri, Any] | UnsetType = UNSET

    def __post_init__(self) -> None:
        super().__post_init__()
        parts.check_distinct("inputEPCList", self.inputEPCList)
        parts.check_distinct("outputEPCList", self.outputEPCList)
        comes = bool(self.inputEPCList or self.inputQuantityList)
        goes = bool(self.outputEPCList or self.outputQuantityList)
        if not (comes and goes) and (self.transformationID is UNSET or not (comes or goes)):
            raise ValueError("needs inputs and outputs, or a transformationID and one of the two")


EVENT_TYPES: Mapping[str, type[Event]] = {
    shape.__name__: shape
    for shape in (
        ObjectEvent, AggregationEvent, TransactionEvent, TransformationEvent, AssociationEvent
    )
}  # fmt: skip

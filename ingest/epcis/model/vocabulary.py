"""The Core Business Vocabulary 2.0: its words, and the three ways in which each may be written."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

CBV_WEB = "https://ref.gs1.org/cbv/"
CBV_URN = "urn:epcglobal:cbv:"
# Web addresses under which drafts and other releases put the same words.
OLDER_WEBS = ("http://ref.gs1.org/cbv/", "https://ns.gs1.org/cbv/", "http://ns.gs1.org/cbv/")
GS1_WEB = "https://ref.gs1.org/voc/"


@dataclass(frozen=True)
class Vocabulary:
    """One list of words. web, urn: what stands before a word in each notation; urn may be missing."""

    name: str
    words: frozenset[str]
    web: str
    urn: str | None = None

    def bare(self, value: str) -> str:
        """Give a word of this list bare, however it was written; anything else as it is."""
        for prefix in self._prefixes():
            if value.startswith(prefix):
                word = value.removeprefix(prefix)
                return word if word in self.words else value
        return value

    def uri(self, value: str) -> str:
        """Give a word of this list as its web address; anything else as it is."""
        word = self.bare(value)
        return self.web + word if word in self.words else value

    def suggestion(self, value: str) -> str:
        """Say what to write instead of a bare word that is not on the list."""
        close = difflib.get_close_matches(value, self.words, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return f"{value[:80]!r} is no {self.name} of CBV 2.0, and no URI.{hint}"

    def _prefixes(self) -> tuple[str, ...]:
        if not self.web.startswith(CBV_WEB):
            return (self.web, "gs1:", "https://gs1.org/voc/")
        tail = self.web.removeprefix(CBV_WEB)
        webs = (self.web, f"cbv:{tail}", *(web + tail for web in OLDER_WEBS))
        return webs if self.urn is None else (*webs, self.urn)


def _cbv(name: str, web: str, urn: str | None, words: str) -> Vocabulary:
    urn = None if urn is None else CBV_URN + urn
    return Vocabulary(name, frozenset(words.split()), CBV_WEB + web, urn)


def _gs1(name: str, words: str) -> Vocabulary:
    return Vocabulary(name, frozenset(words.split()), GS1_WEB)


BIZ_STEP = _cbv("business step", "BizStep-", "bizstep:", """
    accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting
    decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting
    installing killing loading other packing picking receiving removing repackaging repairing replacing reserving
    retail_selling sampling sensor_reporting shipping staging_outbound stock_taking stocking storing transporting
    unloading unpacking void_shipping
    """)  # fmt: skip

DISPOSITION = _cbv("disposition", "Disp-", "disp:", """
    active available completeness_inferred completeness_verified conformant container_closed container_open damaged
    destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class mismatch_instance
    mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other partially_dispensed
    recalled reserved retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable unknown
    """)  # fmt: skip

TRANSACTION_TYPE = _cbv("business transaction type", "BTT-", "btt:", """
    bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt
    """)  # fmt: skip

PLACE_TYPE = _cbv(
    "source or destination type", "SDT-", "sdt:", "location owning_party possessing_party"
)

ERROR_REASON = _cbv("error reason", "ER-", "er:", "did_not_occur incorrect_data")

COMPONENT = _cbv("component", "Comp-", None, """
    altitude axial_distance azimuth easting elevation_angle height latitude longitude northing polar_angle
    spherical_radius x y z
    """)  # fmt: skip

MEASUREMENT = _gs1("measurement type", """
    AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance
    AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area Capacitance
    Conductance Conductivity Count Density Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity
    ElectricCharge ElectricCurrent ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency
    Illuminance Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux
    LuminousIntensity MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate
    MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power Pressure RadiantFlux
    RadiantIntensity Radioactivity RelativeHumidity Resistance Resistivity SolidAngle SpecificVolume Speed
    SurfaceDensity SurfaceTension Temperature Time Torque Voltage Volume VolumeFlowRate VolumeFraction
    VolumetricFlux Wavenumber
    """)  # fmt: skip

ALERT = _gs1("sensor exception", "ALARM_CONDITION ERROR_CONDITION")

# Which list the words of a field come from, by the field's name; `type` depends on what it stands in.
VOCABULARIES: Mapping[str, Vocabulary] = {
    "bizStep": BIZ_STEP,
    "disposition": DISPOSITION,
    "set": DISPOSITION,
    "unset": DISPOSITION,
    "reason": ERROR_REASON,
    "component": COMPONENT,
    "exception": ALERT,
}

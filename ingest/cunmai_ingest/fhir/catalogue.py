"""Which Observations a reading of each kind makes, by the contract's one table of codes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from cunmai_wire.codes import CODES, Code

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"

_PANEL = "85354-9"
_NOT_OF_PEOPLE = frozenset({"ultrasound_exam", "site_status", "device_status"})


@dataclass(frozen=True, slots=True)
class Quantity:
    """One value of a reading: the contract's field and code. `scale`: into the unit that profiles ask for."""

    field: str
    code: Code
    scale: Decimal = Decimal(1)
    ucum: str = ""

    @property
    def unit(self) -> str:
        return self.ucum or self.code.ucum


@dataclass(frozen=True, slots=True)
class Spec:
    """One Observation: a single quantity, or a panel of several."""

    kind: str
    loinc: str
    display: str
    display_zh: str
    quantities: tuple[Quantity, ...]
    panel: bool = False
    category: str = "vital-signs"


def _quantity(kind: str, field: str) -> Quantity:
    if (kind, field) == ("weight", "height_m"):  # The vital-signs profile wants centimetres.
        return Quantity(field, CODES[kind, field], Decimal(100), "cm")
    return Quantity(field, CODES[kind, field])


def _specs() -> Iterable[Spec]:
    in_panel = ("systolic_mmhg", "diastolic_mmhg", "mean_arterial_mmhg")
    quantities = tuple(_quantity("blood_pressure", field) for field in in_panel)
    yield Spec(
        "blood_pressure",
        _PANEL,
        "Blood pressure panel with all children optional",
        "血压",
        quantities,
        panel=True,
    )
    for (kind, field), code in CODES.items():
        if code.loinc is None or kind in _NOT_OF_PEOPLE or (kind == "blood_pressure" and field in in_panel):
            continue
        category = "laboratory" if kind == "glucose" else "vital-signs"
        yield Spec(
            kind, code.loinc, code.display, code.display_zh, (_quantity(kind, field),), category=category
        )


SPECS: tuple[Spec, ...] = tuple(_specs())
"""Every Observation there is, in a fixed order."""

KINDS: tuple[str, ...] = tuple(dict.fromkeys(spec.kind for spec in SPECS))


def specs_for(codes: Iterable[str] | None) -> tuple[Spec, ...]:
    """Those of these LOINC codes; all of them where none is named."""
    if codes is None:
        return SPECS
    wanted = set(codes)
    return tuple(spec for spec in SPECS if spec.loinc in wanted)

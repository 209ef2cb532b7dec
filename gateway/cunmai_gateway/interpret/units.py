"""From the units of devices to the units of the contract. Rounded below what any device resolves."""

from __future__ import annotations

_MMHG_PER_KPA = 7.50061683
"""1 mmHg is 133.322387415 Pa."""
_GLUCOSE_G_PER_MOL = 180.156
_KG_PER_LB = 0.45359237
_M_PER_INCH = 0.0254


def mmhg(pressure: float, unit: str) -> float:
    """From `mmHg` or `kPa`."""
    return round(pressure * _MMHG_PER_KPA, 1) if unit == "kPa" else pressure


def celsius(temperature: float, unit: str) -> float:
    """From `C` or `F`."""
    return round((temperature - 32) / 1.8, 2) if unit == "F" else temperature


def kilograms(weight: float, unit: str) -> float:
    """From `kg` or `lb`."""
    return round(weight * _KG_PER_LB, 3) if unit == "lb" else weight


def metres(height: float, unit: str) -> float:
    """From the height that goes with a weight in `kg` (metres) or `lb` (inches)."""
    return round(height * _M_PER_INCH, 3) if unit == "lb" else height


def glucose_mmol_l(concentration: float, unit: str) -> float:
    """From `mol/L` or `kg/L`. A kilogram of glucose is 1000/180.156 mol."""
    mol_l = concentration if unit == "mol/L" else concentration * 1000 / _GLUCOSE_G_PER_MOL
    return round(mol_l * 1000, 3)

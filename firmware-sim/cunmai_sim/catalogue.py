"""The devices that can be put on the air beside the oximeter, by name. A table only: no radio is needed to list it."""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_sim.errors import SimError


@dataclass(frozen=True, slots=True)
class Listed:
    """One device. `driver` and `address` are what a gateway's `devices` entry needs."""

    name: str
    chinese: str
    english: str
    address: str
    driver: str


CATALOGUE: dict[str, Listed] = {
    listed.name: listed
    for listed in (
        Listed("yuwell", "鱼跃血氧仪", "Yuwell oximeter (FFE0)", "F0:0D:00:00:FF:E0", "yuwell"),
        Listed("contec", "康泰血氧仪", "Contec oximeter (FF12)", "F0:0D:00:00:FF:12", "contec"),
        Listed("berry", "贝瑞血氧仪", "Berry oximeter (BCI)", "F0:0D:00:00:BE:44", "berry"),
        Listed("pc60", "乐普 PC-60 血氧仪", "Lepu/Viatom PC-60 oximeter", "F0:0D:00:00:00:60", "pc60"),
        Listed(
            "plx-stored", "带存储的血氧仪", "PLX oximeter with stored records", "F0:0D:00:00:18:52", "plx"
        ),
        Listed("cuff", "血压计", "blood-pressure cuff", "F0:0D:00:00:18:10", "blood-pressure"),
        Listed("thermometer", "体温计", "thermometer", "F0:0D:00:00:18:09", "thermometer"),
        Listed("heart-rate", "心率带", "heart-rate belt", "F0:0D:00:00:18:0D", "heart-rate"),
        Listed("glucose", "血糖仪", "glucose meter with stored records", "F0:0D:00:00:18:08", "glucose"),
        Listed("scale", "体重秤", "scale", "F0:0D:00:00:18:1D", "weight"),
    )
}

NAMES = ", ".join(CATALOGUE)


def listed(name: str) -> Listed:
    """A device of the catalogue. Raises SimError."""
    found = CATALOGUE.get(name)
    if found is None:
        raise SimError(f"没有名为 {name} 的设备, 可用: {NAMES}", f"no device {name}; there are {NAMES}")
    return found

"""Berry BM1000 and its kin: two protocols on one characteristic, known apart by their first bytes."""

from __future__ import annotations

from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.listening import Channel, ListeningDriver, Plan

_V15_HEADER = b"\xff\xaa"
_BCI_BYTES = 5
_ENOUGH_BYTES = 40
"""Two V1.5 frames: their header would be in there."""


def choose_format(data: bytes) -> str | None:
    """V1.5 has its header somewhere; BCI has bit 7 in the first of five bytes, and nowhere else."""
    if _V15_HEADER in data:  # within BCI, what follows a byte with bit 7 has none
        return "BERRY-V15"
    in_step = len(data) % _BCI_BYTES == 0 and all(
        bool(byte & 0x80) == (at % _BCI_BYTES == 0) for at, byte in enumerate(data)
    )
    return "BERRY-BCI5" if (data and in_step) or len(data) >= _ENOUGH_BYTES else None


_PLAN = Plan(
    channels=(Channel("49535343-1E4D-4BD9-BA61-23C647249616", choose_format),),
    at_most_every_ms=900,  # BCI repeats its values a hundred times a second
)

SPEC = DriverSpec(
    name="berry",
    title_zh="贝瑞血氧仪",
    title_en="Berry oximeter",
    make=lambda setting: ListeningDriver(_PLAN, setting.clock),
    names=(r"BerryMed", r"BM1000", r"BM2000"),
    services=("49535343-FE7D-4AE5-8FA9-9FAFD205E455",),
    silent_after_s=60.0,
)

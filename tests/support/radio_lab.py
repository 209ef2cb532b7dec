"""A radio world for the gateway's tests: a side for peripherals, and a radio for the gateway.

Only this module knows which radio that is. A test makes its peripherals on `lab.air` and gives
`lab.radio` to the gateway; whether bleak's backend is Bumble or BlueZ is none of its business.
`CUNMAI_TEST_RADIO` chooses: `bumble` (the default) needs nothing; `bluez` is for the virtual machine of
`./dev test-bluez`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from cunmai_gateway.radio import Radio, platform_radio
from cunmai_sim.air import Air
from support.radio_bluez import bluez_adapter

_EMULATED = 6
"""A virtual machine without hardware support is about so many times slower."""


@dataclass(frozen=True)
class RadioLab:
    """`air` is where peripherals live, `radio` what the gateway is given."""

    air: Air
    radio: Radio
    patience: float = 1
    """How many times longer than usual a test should wait before it gives up."""


@asynccontextmanager
async def bumble_lab() -> AsyncIterator[RadioLab]:
    """All in this process: Bumble's controllers, and a bleak backend over a Bumble host."""
    async with Air() as air:
        central = await air.central("F0:F1:F2:F3:F4:F5")
        yield RadioLab(air, Radio(central.scanner, central.client))


@asynccontextmanager
async def bluez_lab() -> AsyncIterator[RadioLab]:
    """Peripherals in this process; the gateway's bleak as it is, over BlueZ and the kernel."""
    async with Air() as air, bluez_adapter(air):
        yield RadioLab(air, platform_radio(), patience=_EMULATED)


LABS: dict[str, Callable[[], AbstractAsyncContextManager[RadioLab]]] = {
    "bumble": bumble_lab,
    "bluez": bluez_lab,
}
"""Every radio that the tests can run over, by its name in `CUNMAI_TEST_RADIO`."""


def radio_lab() -> AbstractAsyncContextManager[RadioLab]:
    """The lab that the environment asks for."""
    return LABS[os.environ.get("CUNMAI_TEST_RADIO", "bumble")]()

"""A radio world for the gateway's tests: a side for peripherals, and a radio for the gateway.

Only this module knows which radio that is. A test makes its peripherals on `lab.air` and gives
`lab.radio` to the gateway; whether bleak's backend is Bumble or BlueZ is none of its business.
`CUNMAI_TEST_RADIO` chooses: `bumble` (the default) needs nothing.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from cunmai_gateway.radio import Radio
from cunmai_sim.air import Air


@dataclass(frozen=True)
class RadioLab:
    """`air` is where peripherals live, `radio` what the gateway is given."""

    air: Air
    radio: Radio


@asynccontextmanager
async def bumble_lab() -> AsyncIterator[RadioLab]:
    """All in this process: Bumble's controllers, and a bleak backend over a Bumble host."""
    async with Air() as air:
        central = await air.central("F0:F1:F2:F3:F4:F5")
        yield RadioLab(air, Radio(central.scanner, central.client))


LABS: dict[str, Callable[[], AbstractAsyncContextManager[RadioLab]]] = {"bumble": bumble_lab}
"""Every radio that the tests can run over, by its name in `CUNMAI_TEST_RADIO`."""


def radio_lab() -> AbstractAsyncContextManager[RadioLab]:
    """The lab that the environment asks for."""
    return LABS[os.environ.get("CUNMAI_TEST_RADIO", "bumble")]()

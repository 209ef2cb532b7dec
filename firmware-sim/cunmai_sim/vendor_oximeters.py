"""Oximeters that do not speak the Pulse Oximeter Service: Yuwell, Contec, Berry, Lepu/Viatom PC-60."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Service

from cunmai_sim import codec_vendor as codec
from cunmai_sim.air import Air
from cunmai_sim.peripheral import Peripheral
from cunmai_sim.scenario import Sample

_KEEPALIVE_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Make:
    """One maker's device: where it sends, and how it says a sample."""

    name: str
    address: str
    service: str
    notify: str
    frame: Callable[[Sample], bytes]
    write: str | None = None
    started_by: bytes | None = None
    """It sends nothing before this was written."""
    stopped_by: bytes | None = None
    kept_alive_by: bytes | None = None
    """It stops when this has not been written for ten seconds."""
    answers: Mapping[bytes, bytes] = field(default_factory=dict)
    """What it notifies when something is written, for devices that are asked."""


YUWELL = Make(
    "Yuwell BO-SIM", "F0:0D:00:00:FF:E0", codec.YUWELL_SERVICE, codec.YUWELL_NOTIFY, codec.yuwell_frame
)
CONTEC = Make(
    "SpO208 SIM",
    "F0:0D:00:00:FF:12",
    codec.CONTEC_SERVICE,
    codec.CONTEC_NOTIFY,
    codec.contec_frame,
    write=codec.CONTEC_WRITE,
    started_by=codec.CONTEC_START,
    stopped_by=codec.CONTEC_STOP,
    kept_alive_by=codec.CONTEC_KEEPALIVE,
)
BERRY = Make(
    "BerryMed",
    "F0:0D:00:00:BE:44",
    codec.BERRY_SERVICE,
    codec.BERRY_NOTIFY,
    codec.berry_bci_frame,
)
PC60 = Make(
    "PC-60F_1",
    "F0:0D:00:00:00:60",
    codec.PC60_SERVICE,
    codec.PC60_NOTIFY,
    codec.pc60_frame,
    write=codec.PC60_WRITE,
)


class VendorOximeter(Peripheral):
    """A maker's oximeter. It sends while it is subscribed to and, where its protocol wants that, started."""

    def __init__(self, air: Air, make: Make, *, address: str | None = None, name: str | None = None) -> None:
        self.make = make
        self.sent = 0
        self.unheard = 0
        self.written: list[bytes] = []
        self._started_at_s: float | None = None
        self._answering: set[asyncio.Task[bool]] = set()
        properties = Characteristic.Properties
        self.values = (
            Characteristic[bytes](
                make.notify,
                properties.NOTIFY | properties.WRITE,
                Characteristic.WRITEABLE,
                CharacteristicValue(write=self._on_write),
            )
            if make.write == make.notify
            else Characteristic[bytes](make.notify, properties.NOTIFY, Characteristic.READABLE, b"")
        )
        characteristics = [self.values]
        if make.write is not None and make.write != make.notify:
            characteristics.append(
                Characteristic[bytes](
                    make.write,
                    properties.WRITE | properties.WRITE_WITHOUT_RESPONSE,
                    Characteristic.WRITEABLE,
                    CharacteristicValue(write=self._on_write),
                )
            )
        super().__init__(
            air,
            address=address or make.address,
            name=name or make.name,
            advertised=make.service,
            services=[Service(make.service, characteristics)],
        )

    @property
    def sending(self) -> bool:
        """Whether a sample would go on the air now."""
        if not self.is_subscribed(self.values):
            return False
        if self.make.started_by is None:
            return True
        now_s = asyncio.get_running_loop().time()
        return self._started_at_s is not None and now_s - self._started_at_s < _KEEPALIVE_LIMIT_S

    async def until_sending(self) -> None:
        """Wait until a central has subscribed and said what it must say."""
        while not self.sending:
            self._changed.clear()
            await self._changed.wait()

    async def send(self, sample: Sample) -> bool:
        """Notify one sample. True when it went on the air."""
        return await self.send_raw(self.make.frame(sample))

    async def send_raw(self, *notifications: bytes) -> bool:
        """Notify any bytes, each argument on its own: split, merged or spoiled frames for a test."""
        if not self.sending:
            self.unheard += 1
            return False
        for value in notifications:
            await self.notify(self.values, value)
        self.sent += 1
        return True

    def _on_write(self, _connection: Connection, value: bytes) -> None:
        self.written.append(bytes(value))
        if value == self.make.started_by or (
            value == self.make.kept_alive_by and self._started_at_s is not None
        ):
            self._started_at_s = asyncio.get_running_loop().time()
        elif value == self.make.stopped_by:
            self._started_at_s = None
        if value in self.make.answers:
            answering = asyncio.ensure_future(self.notify(self.values, self.make.answers[value]))
            self._answering.add(answering)
            answering.add_done_callback(self._answering.discard)
        self._changed.set()

    def _on_disconnection(self, reason: int) -> None:
        super()._on_disconnection(reason)
        self._started_at_s = None

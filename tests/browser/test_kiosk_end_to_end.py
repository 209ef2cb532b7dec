"""From a finger in a simulated oximeter to the page and to the consumers: real radio stack, gateway, broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from cunmai_gateway.gateway import Gateway
from cunmai_gateway.kiosk.entering import respiration
from cunmai_gateway.kiosk.settings import KioskSettings
from cunmai_gateway.lanes import LaneLimits
from cunmai_gateway.measurement import Measurement
from cunmai_gateway.radio import Radio
from cunmai_gateway.settings import DeviceSettings, GatewaySettings
from cunmai_runtime.clock import ScaledClock
from cunmai_runtime.mqtt import MqttSettings
from cunmai_sim.air import Air
from cunmai_sim.oximeter import Oximeter
from cunmai_sim.scenario import Sample
from cunmai_wire.base import ClockTrust
from support.broker import Mosquitto
from support.browser import SMALL_KIOSK, Browser, browsing
from support.consumer_peer import ConsumerPeer
from support.kiosk import counted_for
from support.servers import free_port, listening

pytestmark = pytest.mark.server

GATEWAY = "cz-01"
SPEED = 10.0
CARD = "0004915632"
T = TypeVar("T")


class Kiosk:
    """A clinic with one shared oximeter, its gateway and page, and a consumer that the test speaks for."""

    def __init__(self, folder: Path, broker: Mosquitto, air: Air, radio: Radio) -> None:
        cards = folder / "cards.csv"
        cards.write_text(f"card,resident\n{CARD},R-7F3K\n", encoding="utf-8")
        self.broker = broker
        self.oximeter = Oximeter(air)
        self.peer = ConsumerPeer(broker.port)
        self.port = free_port()
        settings = GatewaySettings(
            gateway=GATEWAY,
            data_dir=folder,
            mqtt=MqttSettings(port=broker.port),
            devices=(DeviceSettings(id="oxi-1", driver="plx", address="F0:0D:00:00:18:22"),),
            kiosk=KioskSettings(port=self.port, cards=cards, altitude_m=40, idle_s=3600, taken_off_s=3600),
        )
        self.now_ms = ScaledClock(SPEED)
        self.gateway = Gateway(
            settings,
            radio,
            clock=self.now_ms,
            trust=lambda: ClockTrust.TRUSTED,
            limits=LaneLimits(resend_after_s=0.5),
        )

    async def measure(self, *spo2_pcts: float) -> None:
        """One frame a second, of the gateway's quick clock."""
        for spo2_pct in spo2_pcts:
            await self.oximeter.send_continuous(Sample(0, spo2_pct, 72, 1.5))
            await asyncio.sleep(1 / SPEED)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.to_thread(self.peer.collect)
        assert condition(), what

    def oximetry(self) -> list[dict[str, Any]]:
        """Each reading once, by its number."""
        return [reading for _, reading in sorted({r["seq"]: r for r in self.peer.readings}.items())
                if reading["kind"] == "oximetry"]  # fmt: skip


@pytest.fixture
async def kiosk(tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[Kiosk]:
    async with Air() as air:
        central = await air.central("F0:F1:F2:F3:F4:F5")
        kiosk = Kiosk(tmp_path, mosquitto, air, Radio(central.scanner, central.client))
        kiosk.peer.start()
        await kiosk.oximeter.start()
        await kiosk.until(lambda: kiosk.peer.up, "the consumer is subscribed")
        running = asyncio.create_task(kiosk.gateway.run())
        await kiosk.oximeter.until_subscribed(kiosk.oximeter.continuous)
        await kiosk.until(lambda: listening(kiosk.port), "the page is up")
        await kiosk.until(lambda: kiosk.peer.states, "it hears commands")
        yield kiosk
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await asyncio.to_thread(kiosk.peer.stop)


async def test_a_visit_an_outage_and_a_reading_put_right(kiosk: Kiosk) -> None:
    def browse(work: Callable[..., T], *args: object) -> asyncio.Future[T]:
        return asyncio.ensure_future(asyncio.to_thread(work, *args))

    with contextlib.ExitStack() as stack:
        browser: Browser = await browse(lambda: stack.enter_context(browsing(SMALL_KIOSK)))
        await browse(browser.open, f"http://127.0.0.1:{kiosk.port}/")
        await kiosk.measure(96, 96, 96)
        assert await browse(browser.sees, "正在测量, 但还没有登记是谁")
        await browse(browser.swipe, CARD)
        assert await browse(browser.sees, "R-7F3K")

        kiosk.broker.kill()
        await kiosk.measure(*[92] * 18)
        assert await browse(browser.sees, "偏低。请现在告诉医生。")
        assert await browse(browser.sees, "网络断开, 可以照常测量")
        assert await browse(browser.sees, "已保存, 待上传 18 条")
        await browse(browser.picture, "kiosk-end-to-end-offline")

        kiosk.broker.start()
        await kiosk.until(lambda: len(kiosk.oximetry()) == 21, "everything came after the outage")
        assert [one.get("resident") for one in kiosk.oximetry()] == [None] * 3 + ["R-7F3K"] * 18
        kiosk.peer.receipt(GATEWAY, "ingest")
        assert not await browse(lambda: browser.sees("全部已上传", timeout_s=1.5))
        kiosk.peer.receipt(GATEWAY, "rules")
        assert await browse(browser.sees, "全部已上传")
        await browse(browser.picture, "kiosk-end-to-end-uploaded")

        await browse(browser.open, f"http://127.0.0.1:{kiosk.port}/readings")
        assert await browse(browser.sees, "现在算给: 没有登记")
        await browse(browser.tap, ".episode .open")
        await browse(browser.swipe, CARD)
        assert await browse(browser.sees, "已改好, 更正 3 条")
        await kiosk.until(lambda: len(kiosk.oximetry()) == 24, "the corrections came")
        assert set(counted_for(kiosk.oximetry()).values()) == {"R-7F3K"}
        stack.close()


async def test_the_rules_ask_at_the_kiosk_and_what_is_entered_there_reaches_the_consumers(
    kiosk: Kiosk,
) -> None:
    page = kiosk.gateway.kiosk
    assert page is not None
    page.check_in(CARD)
    asked = {
        "command": "prompt", "device": "oxi-1", "rule": "breaths", "zh": "请数一次呼吸。", "en": "Count the breaths.",
    }  # fmt: skip
    until = kiosk.now_ms() + 600_000
    for id_, resident, until_ms in (("p-1", "R-7F3K", until), ("p-2", "R-2M9D", until), ("p-3", "R-7F3K", 1)):
        kiosk.peer.command(GATEWAY, id=id_, resident=resident, until=until_ms, **asked)
    kiosk.peer.command(GATEWAY, id="c-1", command="configure", version=1, configuration={})

    def configured() -> bool:
        return any(state.get("configuration_version") == 1 for state in kiosk.peer.states)

    await kiosk.until(configured, "the command behind them is obeyed")
    assert [one["id"] for one in page.state()["prompts"]] == ["p-1"], "one is somebody else's, one is late"

    began_ms = page.state()["session"]["began_ms"]
    counted = respiration(18)
    assert isinstance(counted, Measurement)
    for _ in range(2):
        await page.entries.observe(counted, key="0badcafe", began_ms=began_ms)

    def came() -> dict[int, dict[str, Any]]:
        return {one["seq"]: one for one in kiosk.peer.readings if one["kind"] == "respiration"}

    await kiosk.until(came, "it came")
    (reading,) = came().values()
    assert (reading["resident"], reading["respiratory_rate_per_min"]) == ("R-7F3K", 18)

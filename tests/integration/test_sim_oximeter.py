"""The simulated oximeter and its player, heard by bleak."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from bleak import BleakClient

from cunmai_sim.air import Air
from cunmai_sim.codec import CONTINUOUS, FEATURES, SPOT_CHECK
from cunmai_sim.errors import SimError
from cunmai_sim.oximeter import Oximeter, OximeterCounts
from cunmai_sim.player import Frame, Played, Player
from cunmai_sim.scenario import Sample

SAMPLE = Sample(0.0, 97.5, 70.0, 1.2)


class Ward:
    """An oximeter and a client that has subscribed to it."""

    def __init__(self, oximeter: Oximeter, client: BleakClient) -> None:
        self.oximeter = oximeter
        self.client = client
        self.spots: list[str] = []
        self.series: list[str] = []

    async def settle(self) -> None:
        """Until everything sent so far was received: a read answers after it."""
        await self.client.read_gatt_char(FEATURES)


@pytest.fixture
async def ward() -> AsyncIterator[Ward]:
    async with Air() as air:
        oximeter = Oximeter(air)
        await oximeter.start()
        client = BleakClient(oximeter.address, backend=(await air.central("F0:F1:F2:F3:F4:F5")).client)
        await client.connect()
        ward = Ward(oximeter, client)
        await client.start_notify(SPOT_CHECK, lambda _c, value: ward.spots.append(value.hex()))
        await client.start_notify(CONTINUOUS, lambda _c, value: ward.series.append(value.hex()))
        yield ward


# -- frames -----------------------------------------------------------------------------------------


async def test_features_name_what_the_frames_carry(ward: Ward) -> None:
    # measurement status, sensor status, timestamp, amplitude index; ongoing, qualified; unconnected
    assert (await ward.client.read_gatt_char(FEATURES)).hex() == "4b00" + "2001" + "000800"


async def test_a_continuous_frame(ward: Ward) -> None:
    assert await ward.oximeter.send_continuous(SAMPLE)
    await ward.settle()
    # flags: both statuses, amplitude index; 975e-1; 70; ongoing; no sensor bits; 12e-1
    assert ward.series == ["1c" + "cff3" + "4600" + "2000" + "000000" + "0cf0"]


async def test_a_value_that_is_missing_is_nan_but_the_finger_is_in(ward: Ward) -> None:
    await ward.oximeter.send_continuous(Sample(0.0, None, None, None))
    await ward.settle()
    assert ward.series == ["0c" + "ff07ff07" + "2000" + "000000"]


async def test_finger_off(ward: Ward) -> None:
    assert await ward.oximeter.send_finger_off()
    await ward.settle()
    assert ward.series == ["0c" + "ff07ff07" + "0000" + "000800"]


async def test_a_spot_check_is_indicated_and_confirmed(ward: Ward) -> None:
    when = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001 (the characteristic has no zone)
    assert await ward.oximeter.send_spot(SAMPLE, timestamp=when)
    assert ward.spots == ["0f" + "cff3" + "4600" + "ea070102030405" + "0001" + "000000" + "0cf0"]
    assert ward.oximeter.counts == OximeterCounts(spots_sent=1, spots_confirmed=1)


async def test_what_nobody_hears_is_counted(ward: Ward) -> None:
    await ward.client.stop_notify(SPOT_CHECK)
    assert not await ward.oximeter.send_spot(SAMPLE)
    await ward.client.disconnect()
    assert not await ward.oximeter.send_continuous(SAMPLE)
    assert ward.oximeter.counts == OximeterCounts(unheard=2)


async def test_a_spot_check_that_meets_radio_loss_is_not_confirmed(ward: Ward) -> None:
    sending = asyncio.ensure_future(ward.oximeter.send_spot(SAMPLE))
    await asyncio.sleep(0)
    ward.oximeter.lose_radio()
    assert not await asyncio.wait_for(sending, 1)
    assert ward.oximeter.counts == OximeterCounts(spots_sent=1, spots_confirmed=0)


async def test_what_counts_as_confirmed_was_received(ward: Ward) -> None:
    """Even where the subscription ends between the decision to send and the sending."""
    sending = asyncio.ensure_future(ward.oximeter.send_spot(SAMPLE))
    await asyncio.sleep(0)
    ward.oximeter._device.gatt_server.subscribers.clear()
    await sending
    assert ward.oximeter.counts.spots_confirmed == len(ward.spots)


async def test_battery_and_device_information(ward: Ward) -> None:
    ward.oximeter.battery_pct = 12
    assert await ward.client.read_gatt_char("00002a19-0000-1000-8000-00805f9b34fb") == b"\x0c"
    assert await ward.client.read_gatt_char("00002a24-0000-1000-8000-00805f9b34fb") == b"SIM-PLX"


async def test_subscriptions_can_be_awaited() -> None:
    async with Air() as air:
        oximeter = Oximeter(air)
        await oximeter.start()
        waiting = asyncio.ensure_future(oximeter.until_subscribed(oximeter.continuous))
        client = BleakClient(oximeter.address, backend=(await air.central("F0:F1:F2:F3:F4:F5")).client)
        await client.connect()
        states = [oximeter.subscribed]
        await client.start_notify(SPOT_CHECK, lambda _c, _v: None)
        assert not waiting.done()
        states.append(oximeter.subscribed)
        await client.start_notify(CONTINUOUS, lambda _c, _v: None)
        await asyncio.wait_for(waiting, 1)
        states.append(oximeter.subscribed)
        assert states == [False, False, True]


# -- player -----------------------------------------------------------------------------------------


class FakeTime:
    """A monotonic clock that sleeping moves, by a little too much each time, as a real one does."""

    def __init__(self, oversleep_s: float = 0.0) -> None:
        self.now_s = 500.0
        self.oversleep_s = oversleep_s
        self.asked: list[float] = []

    def monotonic(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        self.now_s += seconds + self.oversleep_s
        await asyncio.sleep(0)


def _samples(count: int) -> list[Sample]:
    return [Sample(float(n), 97.0, 70.0, None) for n in range(count)]


def _player(ward: Ward, time: FakeTime, told: list[Frame], **options: float) -> Player:
    return Player(ward.oximeter, **options, on_frame=told.append, monotonic=time.monotonic, sleep=time.sleep)


@pytest.mark.parametrize(("speed", "step_s"), [(1.0, 1.0), (20.0, 0.05), (100.0, 0.01)])
async def test_speed(ward: Ward, speed: float, step_s: float) -> None:
    time, told = FakeTime(), list[Frame]()
    await _player(ward, time, told, speed=speed).play(_samples(5))
    assert time.asked == pytest.approx([0.0] + [step_s] * 4)
    assert [frame.at_s for frame in told] == [0, 1, 2, 3, 4]


async def test_oversleeping_does_not_add_up(ward: Ward) -> None:
    time, told = FakeTime(oversleep_s=0.25), list[Frame]()
    await _player(ward, time, told, speed=1.0).play(_samples(101))
    # Frame 100 is due 100 s after the start, and only its own oversleeping makes it late.
    assert time.now_s == pytest.approx(500 + 100 + 0.25)


async def test_a_late_player_catches_up_without_leaving_anything_out(ward: Ward) -> None:
    time, told = FakeTime(oversleep_s=3.0), list[Frame]()
    played = await _player(ward, time, told, speed=1.0).play(_samples(10))
    await ward.settle()
    assert played.samples == len(told) == len(ward.series) == 10
    assert min(time.asked) == 0


async def test_gaps_in_the_recording_are_kept(ward: Ward) -> None:
    time, told = FakeTime(), list[Frame]()
    await _player(ward, time, told, speed=10.0).play([SAMPLE, Sample(60.0, 97.0, 70.0, None)])
    assert time.asked == pytest.approx([0.0, 6.0])


async def test_spot_checks_beside_the_series(ward: Ward) -> None:
    time, told = FakeTime(), list[Frame]()
    played = await _player(ward, time, told, speed=1.0, spot_every_s=4.0).play(_samples(10))
    await ward.settle()
    assert [frame.at_s for frame in told if frame.characteristic == SPOT_CHECK] == [0, 4, 8]
    assert played == Played(samples=10, continuous_sent=10, spots_sent=3, spots_confirmed=3, unheard=0)
    assert len(ward.spots) == 3


async def test_no_spot_check_without_a_value_but_as_soon_as_there_is_one(ward: Ward) -> None:
    nothing = [Sample(0.0, None, None, None), Sample(1.0, None, None, None, finger=False)]
    time, told = FakeTime(), list[Frame]()
    samples = [*nothing, Sample(2.0, 97.0, None, None), Sample(3.0, 97.0, None, None)]
    await _player(ward, time, told, spot_every_s=30.0).play(samples)
    assert [frame.at_s for frame in told if frame.characteristic == SPOT_CHECK] == [2]


async def test_the_frames_told_are_the_frames_received(ward: Ward) -> None:
    time, told = FakeTime(), list[Frame]()
    await _player(ward, time, told, spot_every_s=3.0).play(
        [SAMPLE, Sample(1.0, None, None, None, finger=False), Sample(2.0, 84.0, 104.0, 0.4)]
    )
    await ward.settle()
    assert [f.payload.hex() for f in told if f.characteristic == CONTINUOUS] == ward.series
    assert [f.payload.hex() for f in told if f.characteristic == SPOT_CHECK] == ward.spots


@pytest.mark.parametrize("speed", [0.0, 0.5, -1.0, 100.1, float("nan")])
async def test_a_speed_that_cannot_be(ward: Ward, speed: float) -> None:
    with pytest.raises(SimError, match="within 1 to 100"):
        Player(ward.oximeter, speed=speed)

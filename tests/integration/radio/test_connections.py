"""Connections: several at once, lost and found, silent, refused, and what the recovery ladder does."""

from __future__ import annotations

import asyncio
import gc

import pytest
from bleak.exc import BleakError

from cunmai_gateway import link
from cunmai_gateway.drivers.listening import ListeningDriver
from cunmai_gateway.radio import Radio
from cunmai_gateway.recovery import Step
from cunmai_gateway.stack import Outcome, StepResult
from cunmai_sim.codec_health import BloodPressure, encode_blood_pressure
from cunmai_sim.oximeter import Oximeter
from cunmai_sim.scenario import Sample
from cunmai_sim.sensors import cuff, thermometer
from support.radio_bench import RadioBench, listed


class FakeStack:
    """Does nothing, and remembers what it was asked for."""

    def __init__(self, outcome: Outcome) -> None:
        self.steps: list[tuple[Step, str | None]] = []
        self._outcome = outcome

    async def perform(self, step: Step, address: str | None) -> Outcome:
        self.steps.append((step, address))
        return self._outcome


async def heard(oximeter: Oximeter) -> None:
    await oximeter.until_subscribed(oximeter.continuous, oximeter.spot_check)


async def test_devices_that_are_not_listed_are_left_alone(bench: RadioBench) -> None:
    oximeter, stranger = Oximeter(bench.air), thermometer(bench.air)
    for device in (oximeter, stranger):
        await device.start()
    await bench.start(listed(oximeter, "oxi-1", "plx"))
    await heard(oximeter)
    oximeter.lose_radio()
    await bench.until(lambda: oximeter.connections_count == 2, "it is connected again")
    assert stranger.connections_count == 0


async def test_an_absent_device_keeps_no_other_waiting(bench: RadioBench) -> None:
    oximeter, absent = Oximeter(bench.air), cuff(bench.air)
    await oximeter.start()
    await bench.start(listed(absent, "bp-1", "blood-pressure"), listed(oximeter, "oxi-1", "plx"))
    await heard(oximeter)
    await oximeter.send_continuous(Sample(0, 95, 70, 1.5))
    await bench.until(lambda: bench.readings("oximetry"), "the reading")
    await absent.start()
    await absent.until_subscribed(absent.measurement)
    assert bench.conditions("oxi-1") == ["connected"]


async def test_a_cuff_that_is_used_is_connected_to_at_once_each_time(bench: RadioBench) -> None:
    """A device that hangs up when it is done has not failed: the next use must not wait longer and longer."""
    device = cuff(bench.air)
    await device.start()
    await bench.start(listed(device, "bp-1", "blood-pressure"))
    for use in range(4):
        async with asyncio.timeout(10):
            await device.until_subscribed(device.measurement)
        await device.send(encode_blood_pressure(BloodPressure(120 + use, 80, 93)))
        await device.hang_up()
    await bench.until(lambda: len(bench.readings("blood_pressure")) == 4, "all four")
    assert "fault" not in bench.conditions("bp-1")


# Where connecting over BlueZ is cancelled, bleak leaves its bus connection to the garbage collector.
@pytest.mark.filterwarnings("ignore:.*system_bus_socket:pytest.PytestUnraisableExceptionWarning")
async def test_a_gateway_that_is_stopped_while_it_connects_stops(bench: RadioBench) -> None:
    """A cancellation that meets an answer of the radio's is easily swallowed on the way."""
    oximeter = Oximeter(bench.air)
    await oximeter.start()
    for turns in (0, 8, 16, 24, 32, 40, 48):
        before = oximeter.connections_count
        await bench.start(listed(oximeter, "oxi-1", "plx"))
        await bench.until(lambda before=before: oximeter.connections_count > before, "it connects")  # type: ignore[misc]
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await bench.stop()
    gc.collect()


async def test_a_driver_with_a_fault_of_its_own_stops_no_other(
    bench: RadioBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_arguments: object) -> None:
        raise KeyError("a mistake in a driver")

    monkeypatch.setattr(ListeningDriver, "run", broken)
    oximeter, device = Oximeter(bench.air), thermometer(bench.air)
    await oximeter.start()
    await device.start()
    await bench.start(listed(oximeter, "oxi-1", "plx"), listed(device, "t-1", "thermometer"))
    await bench.until(lambda: "driver failed: KeyError" in _reasons(bench, "t-1"), "it is told")
    await heard(oximeter)
    await oximeter.send_continuous(Sample(0, 95, 70, 1.5))
    await bench.until(lambda: bench.readings("oximetry"), "the other goes on")


# -- silence ----------------------------------------------------------------------------------------


async def test_a_device_that_is_expected_and_unheard_is_told_once_and_its_return_once(
    bench: RadioBench,
) -> None:
    oximeter = Oximeter(bench.air)
    await oximeter.start()
    await bench.start(listed(oximeter, "oxi-1", "plx", expected_every_s=2))
    await heard(oximeter)
    await oximeter.send_continuous(Sample(0, 95, 70, 1.5))
    await oximeter.vanish()
    await bench.until(lambda: "silent" in bench.conditions("oxi-1"), "it is told to be silent")
    await asyncio.sleep(2.5)
    silent = [r for r in bench.readings("device_status") if r["condition"] == "silent"]
    assert len(silent) == 1
    assert silent[0]["silent_s"] >= 2
    await oximeter.appear()
    await heard(oximeter)
    await oximeter.send_continuous(Sample(0, 95, 70, 1.5))
    await bench.until(lambda: _reasons(bench, "oxi-1").count("heard again") == 1, "its return")


async def test_a_cuff_that_nobody_uses_is_not_at_fault(bench: RadioBench) -> None:
    device = cuff(bench.air)
    await device.start()
    await bench.start(listed(device, "bp-1", "blood-pressure"))
    await device.until_subscribed(device.measurement)
    await asyncio.sleep(2.5)
    assert bench.conditions("bp-1") == ["connected"]


async def test_a_connected_device_that_stops_sending_is_connected_anew(bench: RadioBench) -> None:
    oximeter = Oximeter(bench.air)
    await oximeter.start()
    await bench.start(listed(oximeter, "oxi-1", "plx", expected_every_s=1.5))
    await heard(oximeter)
    await oximeter.send_continuous(Sample(0, 95, 70, 1.5))
    await bench.until(lambda: oximeter.connections_count >= 2, "another connection")
    assert bench.conditions("oxi-1")[:3] == ["connected", "silent", "disconnected"]
    recovery = [reason for reason in _reasons(bench, "oxi-1") if reason.startswith("recovery")]
    assert recovery[0] == "recovery disconnect: done"


# -- the ladder -------------------------------------------------------------------------------------


def _reasons(bench: RadioBench, device: str) -> list[str]:
    return [reading["reason"] for reading in bench.readings("device_status", device)]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries without the waits of the field."""
    monkeypatch.setattr(link, "RETRY_MAX_S", 0.05)
    monkeypatch.setattr(link, "RETRY_MIN_S", 0.05)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Outcome(StepResult.DONE), "recovery remove: done"),
        (Outcome(StepResult.SKIPPED, "not permitted"), "recovery remove: skipped (not permitted)"),
    ],
    ids=["done", "skipped"],
)
async def test_a_device_that_cannot_be_connected_to_climbs_the_ladder(
    bench: RadioBench, outcome: Outcome, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_arguments: object) -> None:
        raise BleakError("the stack is stuck")

    monkeypatch.setattr(Radio, "connect", refused)
    stack = FakeStack(outcome)
    bench.use_stack(stack)
    device = thermometer(bench.air)
    await device.start()
    await bench.start(listed(device, "t-1", "thermometer"))
    await bench.until(lambda: (Step.POWER_CYCLE, device.address) in stack.steps, "the ladder is climbed", 60)
    assert stack.steps[:4] == [
        (Step.DISCONNECT, device.address),  # at the start: a link that was left behind
        (Step.DISCONNECT, device.address),
        (Step.REMOVE, device.address),
        (Step.POWER_CYCLE, device.address),
    ]
    await bench.until(lambda: told in _reasons(bench, "t-1"), "the step is told")


async def test_links_that_a_killed_gateway_left_behind_are_dropped_at_the_start(bench: RadioBench) -> None:
    """BlueZ keeps them, and a device that is connected is never heard of again by scanning."""
    stack = FakeStack(Outcome(StepResult.DONE))
    bench.use_stack(stack)
    oximeter = Oximeter(bench.air)
    await oximeter.start()
    await bench.start(listed(oximeter, "oxi-1", "plx"))
    await heard(oximeter)
    assert stack.steps == [(Step.DISCONNECT, oximeter.address)]

"""The gateway over a radio (Bumble, or BlueZ) and a real broker: measured, kept, sent, receipted, let go."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cunmai_gateway.gateway import Gateway
from cunmai_gateway.lanes import LaneLimits
from cunmai_gateway.settings import DeviceSettings, GatewaySettings
from cunmai_gateway.spool import Spool
from cunmai_runtime.mqtt import MqttSettings
from cunmai_sim.exam import Patient, make_exam
from cunmai_sim.oximeter import Oximeter
from cunmai_sim.scenario import Sample
from cunmai_sim.ultrasound import Faults, Ultrasound
from cunmai_wire.base import ClockTrust
from support.broker import Mosquitto
from support.consumer_peer import ConsumerPeer
from support.radio_lab import RadioLab, radio_lab

pytestmark = pytest.mark.server

GATEWAY = "cz-01"
LIMITS = LaneLimits(resend_after_s=0.5)


class Clinic:
    """An oximeter, an ultrasound machine, a gateway and a consumer that the test speaks for."""

    def __init__(self, folder: Path, broker: Mosquitto, lab: RadioLab, peer: ConsumerPeer) -> None:
        self.oximeter = Oximeter(lab.air)
        self.ultrasound = Ultrasound(lab.air)
        self._patience = lab.patience
        self.broker = broker
        self.peer = peer
        self._radio = lab.radio
        self.settings = GatewaySettings(
            gateway=GATEWAY,
            data_dir=folder,
            mqtt=MqttSettings(port=broker.port),
            devices=(
                DeviceSettings(id="oxi-1", driver="plx", address="F0:0D:00:00:18:22", resident="R-1"),
                DeviceSettings(id="us-1", driver="ultrasound", name="SIM-US"),
            ),
        )
        self._running: asyncio.Task[None] | None = None

    async def start_gateway(self) -> None:
        self.gateway = Gateway(self.settings, self._radio, trust=lambda: ClockTrust.TRUSTED, limits=LIMITS)
        self._running = asyncio.create_task(self.gateway.run())

    async def stop_gateway(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
            self._running = None

    async def until(self, condition: Callable[[], object], what: str, timeout_s: float = 20) -> None:
        async with asyncio.timeout(timeout_s * self._patience):
            while not condition():
                if self._running is not None and self._running.done():
                    self._running.result()
                await asyncio.to_thread(self.peer.collect)
        assert condition(), what

    async def heard(self) -> None:
        await self.oximeter.until_subscribed(self.oximeter.continuous, self.oximeter.spot_check)

    async def measure(self, *spo2_pcts: float) -> None:
        for spo2_pct in spo2_pcts:
            await self.oximeter.send_continuous(Sample(0, spo2_pct, 72, 1.5))

    async def pending(self) -> int:
        return await self.gateway.pending()

    def oximetry(self) -> list[float]:
        return [reading["spo2_pct"] for reading in self.peer.readings if reading["kind"] == "oximetry"]


@pytest.fixture
async def clinic(tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[Clinic]:
    peer = ConsumerPeer(mosquitto.port)
    peer.start()
    async with radio_lab() as lab:
        clinic = Clinic(tmp_path, mosquitto, lab, peer)
        await clinic.oximeter.start()
        await clinic.until(lambda: peer.up, "the consumer is subscribed")
        yield clinic
        await clinic.stop_gateway()
    await asyncio.to_thread(peer.stop)


async def test_readings_are_kept_until_both_consumers_have_them(clinic: Clinic) -> None:
    await clinic.start_gateway()
    await clinic.heard()
    await clinic.measure(97, 96, 95)
    await clinic.oximeter.send_spot(Sample(0, 94, 72, 1.5))
    await clinic.until(lambda: len(clinic.oximetry()) == 4, "all readings arrived")
    assert clinic.oximetry() == [97, 96, 95, 94]
    spot = clinic.peer.readings[-1]
    assert spot["mode"] == "spot"
    assert (spot["resident"], spot["device"], spot["pulse_bpm"], spot["clock"]) == (
        "R-1",
        "oxi-1",
        72,
        "trusted",
    )

    clinic.peer.receipt(GATEWAY, "ingest")
    await asyncio.sleep(0.3)
    held = await clinic.pending()
    assert held >= 4
    clinic.peer.receipt(GATEWAY, "rules")
    async with asyncio.timeout(10):
        while await clinic.pending():
            await asyncio.to_thread(clinic.peer.collect)
            clinic.peer.receipt(GATEWAY, "ingest", "rules")


async def test_what_is_not_receipted_is_sent_again_with_the_same_number(clinic: Clinic) -> None:
    await clinic.start_gateway()
    await clinic.heard()
    await clinic.measure(97)
    await clinic.until(lambda: clinic.oximetry().count(97) >= 2, "it came a second time")
    first, second = [reading for reading in clinic.peer.readings if reading.get("spo2_pct") == 97][:2]
    assert first == second


async def test_a_resend_command_is_obeyed_at_once(clinic: Clinic) -> None:
    await clinic.start_gateway()
    await clinic.heard()
    await clinic.measure(97)
    await clinic.until(lambda: 97 in clinic.oximetry(), "it came")
    stream, seq = clinic.peer.envelopes[-1]["stream"], clinic.peer.seqs[-1]
    before = len(clinic.peer.envelopes)
    clinic.peer.command(GATEWAY, command="resend", stream=stream, ranges=[[seq, seq]])
    await clinic.until(lambda: len(clinic.peer.envelopes) > before, "it came again")


async def test_bad_messages_to_the_gateway_are_refused_and_the_rest_goes_on(clinic: Clinic) -> None:
    await clinic.start_gateway()
    await clinic.heard()
    await clinic.until(lambda: clinic.peer.states, "it hears commands")
    clinic.peer.command(GATEWAY, command="explode")
    clinic.peer.command(GATEWAY, command="configure", version=1, configuration={})
    await clinic.measure(97)
    await clinic.until(lambda: 97 in clinic.oximetry(), "readings still flow")


async def test_numbers_have_no_gaps_and_the_state_tells_the_highest(clinic: Clinic) -> None:
    await clinic.start_gateway()
    await clinic.heard()
    await clinic.measure(*[90 + n % 8 for n in range(50)])
    await clinic.until(lambda: len(set(clinic.peer.seqs)) >= 51, "all came")
    assert sorted(set(clinic.peer.seqs)) == list(range(1, max(clinic.peer.seqs) + 1))
    online = next(state for state in clinic.peer.states if state["presence"] == "online")
    assert online["gateway"] == GATEWAY
    await clinic.stop_gateway()
    await clinic.until(lambda: clinic.peer.states[-1]["presence"] == "offline", "it said good-bye")
    assert clinic.peer.states[-1]["measured"] == max(clinic.peer.seqs)


async def test_a_broker_that_is_away_costs_nothing(clinic: Clinic) -> None:
    await asyncio.to_thread(clinic.broker.kill)
    await clinic.start_gateway()
    await clinic.heard()
    await clinic.measure(97, 96, 95)
    await asyncio.sleep(0.5)
    assert await clinic.pending() >= 3
    await asyncio.to_thread(clinic.broker.start)
    await clinic.until(lambda: {97, 96, 95} <= set(clinic.oximetry()), "all came after the outage")


async def test_a_restart_goes_on_in_the_same_stream(clinic: Clinic) -> None:
    await clinic.start_gateway()
    await clinic.heard()
    await clinic.measure(97)
    await clinic.until(lambda: 97 in clinic.oximetry(), "it came")
    await clinic.stop_gateway()
    await clinic.start_gateway()
    await clinic.heard()
    await clinic.measure(96)
    await clinic.until(lambda: 96 in clinic.oximetry(), "it came")
    assert len({envelope["stream"] for envelope in clinic.peer.envelopes}) == 1
    assert sorted(set(clinic.peer.seqs)) == list(range(1, max(clinic.peer.seqs) + 1))


async def test_a_spool_that_is_an_old_copy_begins_a_new_stream_before_it_sends(clinic: Clinic) -> None:
    """Restored from a backup, it would give out numbers again, and every consumer would take new for old."""

    async def life(spo2_pct: float) -> None:
        await clinic.start_gateway()
        await clinic.heard()
        await clinic.measure(spo2_pct)

    spool = clinic.settings.spool_path
    await life(97)
    await clinic.until(lambda: 97 in clinic.oximetry(), "it came")
    await clinic.stop_gateway()
    copy = {path.name: path.read_bytes() for path in spool.parent.glob("spool.sqlite*")}
    await life(96)
    await clinic.until(lambda: 96 in clinic.oximetry(), "it came")
    await clinic.stop_gateway()

    await asyncio.to_thread(clinic.broker.stop)
    for path in spool.parent.glob("spool.sqlite*"):
        path.unlink()
    for name, content in copy.items():
        (spool.parent / name).write_bytes(content)
    await life(95)
    await asyncio.sleep(0.3)
    assert await clinic.pending() >= 1
    (old,) = {envelope["stream"] for envelope in clinic.peer.envelopes}
    await asyncio.to_thread(clinic.broker.start)
    await clinic.until(lambda: 95 in clinic.oximetry(), "it came after the outage")

    named: dict[tuple[str, int], set[str]] = {}
    for envelope in clinic.peer.envelopes:
        for reading in envelope["readings"]:
            named.setdefault((envelope["stream"], reading["seq"]), set()).add(json.dumps(reading))
    assert [name for name, contents in named.items() if len(contents) > 1] == [], (
        "no number names two readings"
    )
    await clinic.until(lambda: clinic.peer.states[-1]["stream"] != old, "the new stream is told")
    losses = [loss for loss in clinic.peer.states[-1]["losses"] if loss["stream"] == old]
    assert [(loss["reason"], loss["count"]) for loss in losses] == [("damaged", 0)]


async def test_radio_loss_is_told_and_mended(clinic: Clinic) -> None:
    await clinic.start_gateway()
    await clinic.heard()
    clinic.oximeter.lose_radio()
    await clinic.until(lambda: clinic.oximeter.connections_count == 2, "it is connected again")
    await clinic.heard()
    await clinic.measure(95)
    await clinic.until(lambda: 95 in clinic.oximetry(), "readings flow again")
    conditions = [r["condition"] for r in clinic.peer.readings if r["kind"] == "device_status"]
    assert conditions[:3] == ["connected", "disconnected", "connected"]


async def test_frames_that_measure_nobody_are_counted_and_not_published(clinic: Clinic) -> None:
    await clinic.start_gateway()
    await clinic.heard()
    await clinic.oximeter.send_finger_off()
    await clinic.oximeter.send_raw(bytes.fromhex("04 6100 4800 0004"))  # demo
    await clinic.oximeter.send_raw(bytes.fromhex("00 6100"))  # cut short
    await clinic.measure(95)
    await clinic.until(lambda: 95 in clinic.oximetry(), "the good one came")
    assert clinic.oximetry() == [95]
    tally = clinic.gateway.tally["oxi-1"]
    assert dict(tally.not_clinical) == {"no_value": 1, "demo": 1}
    assert (tally.malformed, tally.readings) == (1, 2)  # with the device_status of the connection


async def test_an_exam_becomes_one_reading_also_after_a_restart(clinic: Clinic) -> None:
    clinic.ultrasound.add_exam(make_exam(1, datetime.now(UTC)))
    await clinic.ultrasound.start()
    await clinic.start_gateway()

    def exams() -> list[str]:
        return [r["sop_instance_uid"] for r in clinic.peer.readings if r["kind"] == "ultrasound_exam"]

    await clinic.until(exams, "the exam came")
    await clinic.stop_gateway()
    clinic.ultrasound.add_exam(make_exam(2, datetime.now(UTC)))
    await clinic.start_gateway()
    await clinic.until(lambda: len(set(exams())) == 2, "the second exam came")
    await clinic.stop_gateway()
    spool = Spool(clinic.settings.spool_path, created_ms=0)
    bodies = [r.body for r in spool.held(0, 10**9, 10**6) if b"ultrasound_exam" in r.body]
    spool.close()
    assert len(bodies) == 2
    personal = [str(value).encode() for value in asdict(Patient()).values() if len(value) > 1]
    assert not any(value in body for body in bodies for value in personal)


async def test_an_exam_survives_a_bad_radio(clinic: Clinic) -> None:
    clinic.ultrasound.faults = Faults(drop_rate=0.03, flip_rate=0.03, lose_radio_after_bytes=700, seed=5)
    clinic.ultrasound.add_exam(make_exam(3, datetime.now(UTC), images=60))
    await clinic.ultrasound.start()
    await clinic.start_gateway()
    await clinic.until(
        lambda: any(r["kind"] == "ultrasound_exam" for r in clinic.peer.readings),
        "the exam came",
        timeout_s=60,
    )
    assert clinic.ultrasound.connections_count > 1, "the radio was lost at least once"

"""What the page shows of the devices at this moment: the live value, how settled it is, the results. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from cunmai_gateway.kiosk.stability import Progress, Sample, Settling, StabilityRule, judge
from cunmai_gateway.measurement import Measurement, NotClinicalReason
from cunmai_wire.quality import QualityFlag
from cunmai_wire.readings import DeviceCondition, OximetryMode

_MOST_SAMPLES = 600
FRESH_MS = 5_000
"""A live value older than this is not shown as live."""
STARTING_MS = 30_000
_NOBODY_IN = {QualityFlag.FINGER_OFF, QualityFlag.WRONG_POSITION}


class Signal(StrEnum):
    """How things stand between the person and the device."""

    NO_DEVICE = "no_device"
    """None is configured for the kiosk."""
    STARTING = "starting"
    DEVICE_OFF = "device_off"
    NOBODY = "nobody"
    """Connected; no finger in it."""
    NOT_CLINICAL = "not_clinical"
    """The device says demo, test or the like: it measures nobody."""
    MEASURING = "measuring"


@dataclass(frozen=True, slots=True)
class Result:
    """A settled value of the present session, by kind."""

    kind: str
    device: str
    t_ms: int
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class LiveView:
    """Everything the page needs to draw the measurement."""

    signal: Signal
    device: str | None = None
    why: str | None = None
    values: dict[str, float] = field(default_factory=dict)
    quality: tuple[str, ...] = ()
    progress: Progress = field(default_factory=lambda: Progress(Settling.NO_SIGNAL))
    results: tuple[Result, ...] = ()


@dataclass
class _Device:
    connected: bool = False
    heard_ms: int = 0
    """The last measurement of somebody."""
    last: Measurement | None = None
    nothing_ms: int = 0
    nothing: str | None = None


class LiveBoard:
    """Fed by the radio; read by the page."""

    def __init__(self, devices: Iterable[str], started_ms: int, rule: StabilityRule | None = None) -> None:
        self.rule = rule or StabilityRule()
        self._started_ms = started_ms
        self._devices = {id_: _Device() for id_ in devices}
        self._samples: dict[str, deque[Sample]] = {}
        self._results: dict[str, Result] = {}

    def configure(self, devices: Iterable[str]) -> None:
        """From now on these devices; what is known of those that stay, stays."""
        self._devices = {id_: self._devices.get(id_) or _Device() for id_ in devices}

    def begin(self) -> None:
        """A new session: what was measured before it is nobody's result."""
        self._samples.clear()
        self._results.clear()

    def condition(self, device: str, condition: DeviceCondition) -> None:
        """The connector's word."""
        if device in self._devices:
            self._devices[device].connected = condition is DeviceCondition.CONNECTED

    def nothing(self, device: str, reason: NotClinicalReason, now_ms: int) -> None:
        """A frame that measures nobody."""
        if device in self._devices:
            known = self._devices[device]
            known.connected, known.nothing, known.nothing_ms = True, str(reason), now_ms

    def measured(self, device: str, measurement: Measurement, t_ms: int) -> bool:
        """A measurement. Whether somebody was in the device."""
        known = self._devices.get(device)
        if known is None or measurement.kind == "device_status":
            return False
        if _NOBODY_IN & set(measurement.quality):
            self.nothing(device, NotClinicalReason.NO_VALUE, t_ms)
            return False
        known.connected, known.last, known.heard_ms, known.nothing = True, measurement, t_ms, None
        self._take_result(device, measurement, t_ms)
        return True

    def view(self, now_ms: int) -> LiveView:
        """What to draw now."""
        results = tuple(self._results.values())
        if not self._devices:
            return LiveView(Signal.NO_DEVICE, results=results)
        fresh = [
            (known.heard_ms, id_) for id_, known in self._devices.items() if _fresh(known.heard_ms, now_ms)
        ]
        # A device that says "nobody" says so of this moment: an older value is not live any more.
        fresh = [pair for pair in fresh if self._devices[pair[1]].nothing is None]
        if not fresh:
            return self._without_value(now_ms, results)
        device = max(fresh)[1]
        last = self._devices[device].last
        assert last is not None, "it was heard"
        progress = judge(self._samples.get(device, ()), now_ms, self.rule)
        return LiveView(Signal.MEASURING, device, None, _numbers(last), last.quality, progress, results)

    def _without_value(self, now_ms: int, results: tuple[Result, ...]) -> LiveView:
        for id_, known in self._devices.items():
            if known.nothing not in (None, NotClinicalReason.NO_VALUE) and _fresh(known.nothing_ms, now_ms):
                return LiveView(Signal.NOT_CLINICAL, id_, known.nothing, results=results)
        connected = [id_ for id_, known in self._devices.items() if known.connected]
        if connected:
            return LiveView(Signal.NOBODY, connected[0], results=results)
        starting = now_ms - self._started_ms < STARTING_MS
        return LiveView(Signal.STARTING if starting else Signal.DEVICE_OFF, results=results)

    # -- results ------------------------------------------------------------------------------------

    def _take_result(self, device: str, measurement: Measurement, t_ms: int) -> None:
        if QualityFlag.FROM_STORAGE in measurement.quality:
            return
        values = _numbers(measurement)
        if measurement.kind != "oximetry" or measurement.values.get("mode") == OximetryMode.SPOT:
            if values and not measurement.quality:
                self._results[measurement.kind] = Result(measurement.kind, device, t_ms, values)
            return
        samples = self._samples.setdefault(device, deque(maxlen=_MOST_SAMPLES))
        samples.append(Sample(t_ms, values["spo2_pct"], values.get("pulse_bpm"), measurement.quality))
        self._settle(device, t_ms, samples[-1])

    def _settle(self, device: str, t_ms: int, newest: Sample) -> None:
        progress = judge(self._samples[device], t_ms, self.rule)
        before = self._results.get("oximetry")
        if progress.reason is Settling.STABLE and progress.spo2_pct is not None:
            values = {"spo2_pct": progress.spo2_pct}
            if progress.pulse_bpm is not None:
                values["pulse_bpm"] = progress.pulse_bpm
            self._results["oximetry"] = Result("oximetry", device, t_ms, values)
        elif before is not None and abs(newest.spo2_pct - before.values["spo2_pct"]) > self.rule.range_pct:
            # It has left what it had settled at: the old value would say more than is known.
            del self._results["oximetry"]


def _fresh(t_ms: int, now_ms: int) -> bool:
    return t_ms > 0 and abs(now_ms - t_ms) <= FRESH_MS


def _numbers(measurement: Measurement) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in measurement.values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }

"""How a device is doing, in the words of the contract's `device_status`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cunmai_gateway.greeting import Facts
from cunmai_gateway.recovery import Step
from cunmai_gateway.stack import Outcome
from cunmai_wire.readings import DeviceCondition

_MAX_REASON = 64


@dataclass(frozen=True, slots=True)
class Report:
    """One thing to tell of a device. `values` are further fields of `device_status`."""

    condition: DeviceCondition
    reason: str
    values: Mapping[str, object] = field(default_factory=dict)
    ahead_ms: int | None = None
    """How far the device's clock is ahead of ours, where that was found out just now."""

    @property
    def text(self) -> str:
        """What distinguishes this report from the one before."""
        return f"{self.condition} {self.reason}"

    def fields(self) -> dict[str, object]:
        """As values of a `device_status`."""
        return {"condition": self.condition, "reason": self.reason[:_MAX_REASON], **self.values}


def connected(facts: Facts, rssi: int) -> Report:
    values = {**facts.values(), "rssi_dbm": float(rssi)}
    return Report(DeviceCondition.CONNECTED, "connected", values, facts.ahead_ms)


def disconnected(reason: str) -> Report:
    return Report(DeviceCondition.DISCONNECTED, reason)


def faulty(reason: str) -> Report:
    return Report(DeviceCondition.FAULT, reason)


def silent(silent_s: float) -> Report:
    return Report(DeviceCondition.SILENT, "nothing heard", {"silent_s": round(silent_s, 1)})


def heard_again() -> Report:
    return Report(DeviceCondition.CONNECTED, "heard again")


def recovered(step: Step, outcome: Outcome) -> Report:
    """A step of the recovery ladder that was taken, or could not be."""
    told = f"recovery {step}: {outcome.result}"
    return Report(DeviceCondition.FAULT, f"{told} ({outcome.reason})" if outcome.reason else told)

"""The recovery ladder: which step is next when a device or the adapter does not work. Pure.

Each step is harsher than the one before: drop the link, make the stack forget the device, switch the
adapter off and on, reset it on the USB. A step that would disturb devices that work is withheld, and the
steps on the adapter come ever more rarely as long as nothing gets better.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DISCONNECT_AT = 2
REMOVE_AT = 4
ADAPTER_AT = 6
"""Failures in a row of one device; beyond the last the ladder is climbed again from its foot."""
SCAN_FAILURES_AT = 3
POWER_CYCLES_BEFORE_USB = 2
ADAPTER_REST_S = 60.0
ADAPTER_REST_MAX_S = 3600.0


class Trouble(StrEnum):
    """What has gone wrong."""

    CONNECT = "connect"
    """The device advertises and cannot be connected to."""
    SILENT_LINK = "silent_link"
    """It is connected, should be sending, and does not."""
    REFUSED = "refused"
    """It is connected and is not what its driver expects: another device, or a stale picture of it."""
    SCAN = "scan"
    """Scanning itself fails."""
    DEAF = "deaf"
    """Scanning works, and nothing at all has been heard for long."""


class Step(StrEnum):
    """What can be done about it, mildest first."""

    DISCONNECT = "disconnect"
    REMOVE = "remove"
    POWER_CYCLE = "power_cycle"
    USB_RESET = "usb_reset"


class Why(StrEnum):
    """Why a step was chosen, or withheld."""

    FAILURES_IN_A_ROW = "failures_in_a_row"
    STALE_DEVICE = "stale_device"
    ADAPTER_SUSPECTED = "adapter_suspected"
    POWER_CYCLE_DID_NOT_HELP = "power_cycle_did_not_help"
    NO_STEP_YET = "no_step_yet"
    OTHERS_WORK = "others_work"
    RESTING = "resting"
    ONLY_THE_DEVICE = "only_the_device"


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand when something has gone wrong."""

    trouble: Trouble
    failures: int
    """In a row, of this device or of the scan; this one included."""
    others_work: bool = False
    """Another device is connected and has been heard lately."""
    adapter_steps: int = 0
    """Steps on the adapter since anything last worked."""
    since_adapter_step_s: float | None = None
    """None: there was none yet."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The next step, or none, and why."""

    step: Step | None
    why: Why


def next_step(standing: Standing) -> Decision:
    """Decide. A scan that fails and a radio that hears nothing are the adapter's troubles from the start."""
    match standing.trouble:
        case Trouble.DEAF:
            return _adapter_step(standing)
        case Trouble.SCAN:
            patient = standing.failures < SCAN_FAILURES_AT
            return Decision(None, Why.NO_STEP_YET) if patient else _adapter_step(standing)
        case Trouble.SILENT_LINK if standing.failures < DISCONNECT_AT:
            return Decision(Step.DISCONNECT, Why.FAILURES_IN_A_ROW)
        case _:
            return _device_step(standing)


def _device_step(standing: Standing) -> Decision:
    rung = (standing.failures - 1) % ADAPTER_AT + 1
    if rung == ADAPTER_AT and standing.trouble is not Trouble.REFUSED:
        return _adapter_step(standing)
    return {
        DISCONNECT_AT: Decision(Step.DISCONNECT, Why.FAILURES_IN_A_ROW),
        REMOVE_AT: Decision(Step.REMOVE, Why.STALE_DEVICE),
        ADAPTER_AT: Decision(None, Why.ONLY_THE_DEVICE),
    }.get(rung, Decision(None, Why.NO_STEP_YET))


def adapter_rest_s(adapter_steps: int) -> float:
    """How long after a step on the adapter the next may follow: twice as long each time."""
    return min(ADAPTER_REST_S * 2.0 ** min(adapter_steps, 16), ADAPTER_REST_MAX_S)


def _adapter_step(standing: Standing) -> Decision:
    if standing.others_work:
        return Decision(None, Why.OTHERS_WORK)
    since_s = standing.since_adapter_step_s
    if since_s is not None and since_s < adapter_rest_s(standing.adapter_steps):
        return Decision(None, Why.RESTING)
    # Hearing nothing may be an empty street at night: never worth more than switching off and on.
    if standing.adapter_steps < POWER_CYCLES_BEFORE_USB or standing.trouble is Trouble.DEAF:
        return Decision(Step.POWER_CYCLE, Why.ADAPTER_SUSPECTED)
    return Decision(Step.USB_RESET, Why.POWER_CYCLE_DID_NOT_HELP)

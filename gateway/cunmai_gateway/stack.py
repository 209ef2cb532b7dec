"""What the recovery ladder does to the Bluetooth stack, and where it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cunmai_gateway.recovery import Step


class StepResult(StrEnum):
    """How a step ended."""

    DONE = "done"
    SKIPPED = "skipped"
    """The platform has no such thing, or we may not use it."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended, and why it did not go further."""

    result: StepResult
    reason: str = ""


class Stack(Protocol):
    """A Bluetooth stack that can be put right."""

    async def perform(self, step: Step, address: str | None) -> Outcome:
        """Carry out one step; `address` is the device's, for the steps on a device. Never raises."""


class NoStack:
    """A radio without a stack that could be told anything: dropping our own link is all there is."""

    async def perform(self, step: Step, _address: str | None) -> Outcome:
        if step is Step.DISCONNECT:
            return Outcome(StepResult.DONE)  # the connector drops its own link; nothing else holds one
        return Outcome(StepResult.SKIPPED, f"this radio has no {step}")

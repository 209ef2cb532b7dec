"""Climbs the recovery ladder: asks `recovery.next_step`, carries the step out, remembers and counts it."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from cunmai_gateway.device_metrics import RECOVERY_STEPS
from cunmai_gateway.recovery import Standing, Step, Trouble, next_step
from cunmai_gateway.stack import Outcome, Stack
from cunmai_runtime.logs import OnChange

_ON_THE_ADAPTER = (Step.POWER_CYCLE, Step.USB_RESET)


class Mender:
    """One radio's."""

    def __init__(self, stack: Stack, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._stack = stack
        self._monotonic = monotonic
        self._adapter_steps = 0
        self._adapter_step_s: float | None = None
        self._log = structlog.get_logger("radio")
        self._changed = OnChange()

    def worked(self) -> None:
        """Something was heard over a link: the adapter works."""
        self._adapter_steps = 0

    async def mend(
        self, trouble: Trouble, failures: int, address: str | None, *, others_work: bool
    ) -> tuple[Step, Outcome] | None:
        """Take the next step; None where none is due. `others_work`: other devices are connected."""
        now_s = self._monotonic()
        since_s = None if self._adapter_step_s is None else now_s - self._adapter_step_s
        standing = Standing(trouble, failures, others_work, self._adapter_steps, since_s)
        decision = next_step(standing)
        if decision.step is None:
            if self._changed(f"withheld {address}", decision.why):
                self._log.info("radio.recovery_waits", trouble=trouble, address=address, why=decision.why)
            return None
        if decision.step in _ON_THE_ADAPTER:
            self._adapter_steps += 1
            self._adapter_step_s = now_s
        outcome = await self._stack.perform(decision.step, address)
        RECOVERY_STEPS.labels(decision.step, outcome.result).inc()
        self._log.warning(
            "radio.recovery",
            step=decision.step,
            result=outcome.result,
            reason=outcome.reason,
            why=decision.why,
            trouble=trouble,
            failures=failures,
            address=address,
        )
        return decision.step, outcome

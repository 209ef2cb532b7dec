"""From a measurement to a reading of the contract: who, by which device, when, by how good a clock."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from cunmai_gateway.measurement import Measurement
from cunmai_wire.base import ClockTrust
from cunmai_wire.parsing import explain
from cunmai_wire.readings import KINDS


class NotInContract(ValueError):
    """A measurement that the contract would refuse: never spooled, always counted."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A reading that has no sequence number yet: the spool gives it one."""

    kind: str
    t_ms: int
    body: bytes
    """The reading as JSON without `seq`, checked against the contract."""
    once_keys: tuple[str, ...] = ()


_ANY_SEQ = 1


def to_reading(
    measurement: Measurement, *, device: str, resident: str | None, t_ms: int, clock: ClockTrust
) -> Draft:
    """Make the draft of a reading. Raises NotInContract."""
    try:
        reading = KINDS[measurement.kind].model_validate(
            {
                "seq": _ANY_SEQ,
                "t": t_ms,
                "clock": clock,
                "device": device,
                "resident": resident,
                "kind": measurement.kind,
                "quality": measurement.quality,
                **measurement.values,
            }
        )
    except ValidationError as error:
        raise NotInContract(explain(error)) from None
    body = reading.model_dump_json(exclude={"seq"}, exclude_none=True)
    return Draft(measurement.kind, t_ms, body.encode(), measurement.once_keys)

"""What the page may send. Strict, bounded, and no fault repeats what was sent."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cunmai_wire.base import DeviceId, Millis, ResidentId, Seq, StreamId
from cunmai_wire.readings import Consciousness, DicomUid, FollowUpMethod, ReportStatus

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class CheckIn(_Request):
    """What a reader, a scanner or a person typed. Longer texts than an id's are answered, not refused here."""

    text: str = Field(max_length=8_192)


class Nothing(_Request):
    """A button without further content."""


class Attribute(_Request):
    """Measurements with first_seq <= seq <= last_seq that count for `counts_for`, and for whom they should."""

    stream: StreamId
    device: DeviceId
    kind: _Name
    first_seq: Seq
    last_seq: Seq
    counts_for: ResidentId | None
    text: str | None = Field(max_length=8_192)
    """A card, a code or an id; None: for nobody for now."""


class _Entry(_Request):
    """Something entered by hand. `key` is made by the page: the same one is taken once."""

    key: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{8,64}$")]


class Observed(_Entry):
    """Something of the resident whose visit, by the state, began at `began_ms`. Ranges are answered, not
    refused here, so that the sentence can say what to do."""

    began_ms: Millis


class Respiration(Observed):
    """Breaths counted over a minute."""

    respiratory_rate_per_min: float


class Assessed(Observed):
    """What was seen; what was not looked at is absent."""

    consciousness: Consciousness | None = None
    on_oxygen: bool | None = None
    oxygen_flow_l_min: float | None = None
    febrile_or_crying: bool | None = None


class FollowedUp(Observed):
    """The resident was seen, or spoken to."""

    method: FollowUpMethod


class ExamReport(_Entry):
    """How far the report of an exam of this clinic has come."""

    study_uid: DicomUid
    status: ReportStatus


class Dismiss(_Request):
    """A prompt that was read."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class SiteReport(_Entry):
    """The clinic's own status."""

    waiting_count: int | None = Field(default=None, ge=0, le=100_000)
    free_beds_count: int | None = Field(default=None, ge=0, le=100_000)
    stock_days: dict[str, Annotated[float, Field(ge=0, le=10_000)]] = Field(
        default_factory=dict, max_length=30
    )

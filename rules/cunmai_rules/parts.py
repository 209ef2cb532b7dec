"""The base of everything that a rule author writes: threshold files and score files. Pure."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Base of every part of such a file: unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

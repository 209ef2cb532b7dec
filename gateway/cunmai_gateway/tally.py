"""What was heard from a device and did not become a reading: counted, with reasons, and shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts since the gateway started, per device."""

    readings: int = 0
    not_clinical: Counter[str] = field(default_factory=Counter)
    """By reason."""
    malformed: int = 0
    overrun: int = 0
    """Measurements dropped because the disk did not keep up."""

"""Whether a device has been silent for longer than is usual for it. Pure.

A device that is used now and then is silent most of the time, and that means nothing. Silence counts
only where the configuration says how often to expect something, or where a connected device's driver
says that it sends all the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What to tell."""

    NOTHING_NEW = "nothing_new"
    SILENT = "silent"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Hearing:
    """When one device was heard, in seconds of a monotonic clock."""

    expected_every_s: float | None
    """The configuration's word: counts whether it is connected or not."""
    silent_after_s: float | None
    """The driver's word: counts while it is connected."""
    heard_s: float
    """When it was last heard; the start of the gateway where it never was."""
    connected_s: float | None
    """Since when it is connected; None where it is not."""
    told_silent: bool = False


def judge(hearing: Hearing, now_s: float) -> Verdict:
    """What is new: silence is told once, its end once."""
    limit_s = hearing.expected_every_s or hearing.silent_after_s
    since_s = silent_since_s(hearing)
    quiet = limit_s is not None and since_s is not None and now_s - since_s > limit_s
    if quiet and not hearing.told_silent:
        return Verdict.SILENT
    if hearing.told_silent and not quiet and since_s is not None:
        return Verdict.BACK
    return Verdict.NOTHING_NEW


def silent_since_s(hearing: Hearing) -> float | None:
    """From when on a silence counts; None where it does not count."""
    if hearing.expected_every_s is not None:
        return hearing.heard_s
    if hearing.silent_after_s is None or hearing.connected_s is None:
        return None
    return max(hearing.heard_s, hearing.connected_s)

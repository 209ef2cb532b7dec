"""Whether our wall clock may bring a waiting release into force.

A clock that jumped ahead must not. The wall clock is believed while it moves as the machine's own uptime
does, within one start of the machine. After a jump or a restart of the machine it is believed once the
operating system says that it is synchronised, or somebody has confirmed it (`cunmai rules confirm-clock`).
Until then the rules stay as they are, and that is reported. A clock that is set back takes nothing out of force.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from cunmai_rules.releases.files import write_durably
from cunmai_runtime.clock import Clock
from cunmai_runtime.errors import UserError

JUMP_MS = 60_000
KEEP_EVERY_MS = 60_000
_TIME_ERROR = 5
_TIMEX_BYTES = 512
"""More than `struct timex` has on any system; all zero, it asks and sets nothing."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where both clocks stood when the wall clock was last believed."""

    wall_ms: int
    up_ms: int
    boot: str


def uptime_ms() -> int:
    """Since the machine started, sleep included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def boot_id() -> str:
    """Of this start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def synchronised() -> bool:
    """The operating system's own word on its clock. False where it cannot tell."""
    try:
        libc = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6")
        state = libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return False
    return 0 <= int(state) < _TIME_ERROR


class ClockWatch:
    """Remembers the anchor in a file, so that a restart of the service is no new beginning."""

    def __init__(
        self,
        kept: Path,
        wall: Clock,
        *,
        up: Clock = uptime_ms,
        boot: Callable[[], str] = boot_id,
        in_step: Callable[[], bool] = synchronised,
    ) -> None:
        self._kept = kept
        self._wall = wall
        self._up = up
        self._boot = boot
        self._in_step = in_step
        self._anchor = self._load()

    def believable(self) -> bool:
        """Whether what the wall clock shows now may bring something into force."""
        now = Anchor(self._wall(), self._up(), self._boot())
        if self._anchor is not None and not self._follows(self._anchor, now) and not self._in_step():
            # Somebody may have confirmed it meanwhile.
            self._anchor = self._load() or self._anchor
            if not self._follows(self._anchor, now):
                return False
        self._keep(now)
        return True

    def _follows(self, before: Anchor, now: Anchor) -> bool:
        same_start = now.boot == before.boot and now.up_ms >= before.up_ms
        passed_ms = now.wall_ms - before.wall_ms
        return same_start and passed_ms - (now.up_ms - before.up_ms) <= JUMP_MS

    def _keep(self, now: Anchor) -> None:
        before = self._anchor
        if before is not None and before.boot == now.boot and now.wall_ms - before.wall_ms < KEEP_EVERY_MS:
            # Soon after, or set back: then the old anchor holds, so that setting it right again is no jump.
            return
        self._anchor = now
        try:
            write_durably(self._kept, json.dumps(asdict(now)).encode())
        except UserError:
            return  # the anchor in memory holds; the disk has its own alarms

    def _load(self) -> Anchor | None:
        try:
            kept = json.loads(self._kept.read_text())
            return Anchor(int(kept["wall_ms"]), int(kept["up_ms"]), str(kept["boot"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None


def confirm(kept: Path, wall: Clock) -> None:
    """Somebody has looked at the clock: from now on it is believed as it stands. Raises UserError."""
    anchor = Anchor(wall(), uptime_ms(), boot_id())
    write_durably(kept, json.dumps(asdict(anchor)).encode())

"""The wall clock may be wrong, be set, or jump: what is said of it with each time taken from it."""

from __future__ import annotations

import pytest

from cunmai_gateway.clocktrust import ClockWatch, boot_clock_ms, read_clock_trust
from cunmai_wire.base import ClockTrust

NOW_MS = 1_790_000_000_000
TRUSTED, UNTRUSTED, UNKNOWN = ClockTrust.TRUSTED, ClockTrust.UNTRUSTED, ClockTrust.UNKNOWN


class Machine:
    """A wall clock, what the kernel says of it, and time since boot."""

    def __init__(self, wall_ms: int = NOW_MS, kernel: ClockTrust = TRUSTED) -> None:
        self.wall_ms = wall_ms
        self.boot_ms = 60_000
        self.kernel = kernel
        self.watch = ClockWatch(lambda: self.wall_ms, lambda: self.kernel, steady_ms=lambda: self.boot_ms)
        self.watch.stamp()

    def wait(self, ms: int) -> None:
        self.wall_ms += ms
        self.boot_ms += ms

    def trust(self) -> ClockTrust:
        return self.watch.stamp().trust


def test_a_synchronised_clock_is_taken_at_its_word() -> None:
    machine = Machine()
    machine.wait(10_000)
    assert (machine.watch.stamp().t_ms, machine.trust(), machine.watch.jumps) == (NOW_MS + 10_000, TRUSTED, 0)


def test_at_boot_in_1970_nothing_is_trusted_whatever_the_kernel_says() -> None:
    machine = Machine(wall_ms=12_000)
    assert machine.trust() is UNTRUSTED
    machine.wall_ms = NOW_MS  # the time server has answered
    assert machine.trust() is TRUSTED
    assert machine.watch.jumps == 1


@pytest.mark.parametrize("by_ms", [3_600_000, -3_600_000, 20 * 365 * 86_400_000])
def test_a_clock_set_by_hand_is_not_trusted_from_that_moment(by_ms: int) -> None:
    machine = Machine()
    machine.wall_ms += by_ms
    machine.kernel = UNTRUSTED  # what Linux says after settimeofday
    assert (machine.trust(), machine.watch.jumps) == (UNTRUSTED, 1)


@pytest.mark.parametrize("by_ms", [60_000, -60_000])
def test_where_the_kernel_cannot_tell_a_jump_is_the_evidence(by_ms: int) -> None:
    machine = Machine(kernel=UNKNOWN)
    assert machine.trust() is UNKNOWN
    machine.wall_ms += by_ms
    assert machine.trust() is UNTRUSTED
    machine.wait(3_600_000)
    assert machine.trust() is UNTRUSTED, "it does not mend by itself"


def test_suspend_is_no_jump_because_the_clock_since_boot_counts_on() -> None:
    machine = Machine(kernel=UNKNOWN)
    machine.wait(8 * 3_600_000)
    assert (machine.trust(), machine.watch.jumps) == (UNKNOWN, 0)


def test_small_corrections_are_no_jump() -> None:
    machine = Machine()
    for _ in range(100):
        machine.wait(10_000)
        machine.wall_ms += 50
        machine.trust()
    assert machine.watch.jumps == 0


def test_a_clock_that_runs_at_another_speed_on_purpose_is_not_watched() -> None:
    wall_ms = NOW_MS
    watch = ClockWatch(lambda: wall_ms, lambda: TRUSTED, steady_ms=None)
    watch.stamp()
    wall_ms += 3_600_000
    assert (watch.stamp().trust, watch.jumps) == (TRUSTED, 0)


def test_the_kernel_is_asked_and_the_clock_since_boot_runs() -> None:
    assert read_clock_trust() in set(ClockTrust)
    first = boot_clock_ms()
    assert 0 < first <= boot_clock_ms()

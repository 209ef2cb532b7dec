"""A spool that is an old copy: known by the broker's word, and continued in a stream of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cunmai_gateway.clocktrust import ClockWatch
from cunmai_gateway.own_state import Verdict, compare, known_until_ms
from cunmai_gateway.readings import Draft
from cunmai_gateway.renewal import Renewal
from cunmai_gateway.spool import Spool
from cunmai_gateway.spool_thread import SpoolUnavailable
from cunmai_gateway.stated import Identity, Stated
from cunmai_wire.base import ClockTrust
from cunmai_wire.state import GatewayState

NOW_MS = 1_790_000_000_000
OWN, OTHER = "0b7e9a52-6f2e-4e0e-9d43-3a8a31f2c001", "0b7e9a52-6f2e-4e0e-9d43-3a8a31f2c002"


def state(stream: str, measured: int, *, at: int = NOW_MS, clock: str = "trusted") -> bytes:
    fields = {"v": 1, "gateway": "cz-01", "presence": "online", "at": at, "clock": clock,
              "stream": stream, "measured": measured, "software": "cunmai-1"}  # fmt: skip
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("payload", "verdict"),
    [
        (state(OWN, 4), Verdict.OWN),
        (state(OWN, 5), Verdict.OWN),
        (state(OWN, 6), Verdict.OLD_COPY),
        (state(OTHER, 6), Verdict.FOREIGN),
        (b"{", Verdict.UNREADABLE),
    ],
)
def test_what_a_state_means(payload: bytes, verdict: Verdict) -> None:
    assert compare(payload, stream=OWN, at_open=5).verdict is verdict


@pytest.mark.parametrize(
    ("at", "clock", "until"),
    [(NOW_MS - 1, "trusted", NOW_MS - 1), (NOW_MS + 1, "trusted", -1), (NOW_MS - 1, "unknown", -1)],
)
def test_a_time_that_cannot_be_believed_knows_nothing(at: int, clock: str, until: int) -> None:
    seen = GatewayState.model_validate_json(state(OWN, 6, at=at, clock=clock))
    assert known_until_ms(seen, NOW_MS) == until


# -- the spool --------------------------------------------------------------------------------------------


def draft(t_ms: int, corrects: tuple[str, int] | None = None) -> Draft:
    fields: dict[str, object] = {"t": t_ms, "kind": "oximetry"}
    if corrects is not None:
        fields["corrects"] = {"stream": corrects[0], "seq": corrects[1]}
    return Draft("oximetry", t_ms, json.dumps(fields, separators=(",", ":")).encode())


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Spool]:
    """Four readings of the copy, of which ingest has the first, and two more after it was opened again."""
    before = Spool(tmp_path / "spool.sqlite", created_ms=1)
    before.append([draft(10), draft(20), draft(30), draft(40)])
    before.receipt("ingest", [(1, 1)])
    before.obeyed("c-1")
    before.close()
    spool = Spool(tmp_path / "spool.sqlite", created_ms=1)
    spool.append([draft(15), draft(50, (spool.stream, 4)), draft(50, (spool.stream, 1))])
    yield spool
    spool.close()


def test_what_was_measured_before_keeps_its_name_and_all_else_is_numbered_anew(copy: Spool) -> None:
    old = copy.renew(known_until_ms=30, now_ms=NOW_MS)
    assert copy.stream != old
    kept = copy.salvaged(("", 0), 10)
    assert kept is not None
    assert (kept.stream, [one.seq for one in kept.readings]) == (old, [1, 2, 3])
    anew = [json.loads(one.json()) for one in copy.held(0, 100, 100)]
    assert [(one["seq"], one["t"]) for one in anew] == [(1, 40), (2, 15), (3, 50), (4, 50)]
    assert [one["corrects"] for one in anew[2:]] == [
        {"stream": copy.stream, "seq": 1}, {"stream": old, "seq": 1},
    ]  # fmt: skip
    assert (copy.measured(), copy.pending()) == (4, 7)
    assert copy.append([draft(60)]) == [5]


def test_receipts_under_old_names_count_and_a_loss_is_noted(copy: Spool) -> None:
    old = copy.stream
    copy.renew(known_until_ms=30, now_ms=NOW_MS)
    for consumer in ("ingest", "rules"):
        copy.receipt(consumer, [(1, 4)])
    assert copy.pending() == 3
    assert [(loss.stream, loss.reason, loss.count) for loss in copy.losses()] == [(old, "damaged", 0)]
    assert copy.was_obeyed("c-1")


def test_the_new_stream_survives_a_restart(copy: Spool, tmp_path: Path) -> None:
    copy.renew(known_until_ms=-1, now_ms=NOW_MS)
    again = Spool(tmp_path / "spool.sqlite", created_ms=2)
    assert (again.stream, again.measured(), again.pending()) == (copy.stream, 7, 7)
    again.close()


# -- when -------------------------------------------------------------------------------------------------


class Rig:
    """A renewal whose disk fails as often as it is told to."""

    def __init__(self) -> None:
        watch = ClockWatch(lambda: NOW_MS, lambda: ClockTrust.TRUSTED)
        self.stated = Stated(Identity("cz-01", "cunmai-1"), watch, OWN, measured=7, at_open=5)
        self.failures = 0
        self.renewed: list[tuple[str, int]] = []
        self.renewal = Renewal(self.stated, self._renew, self._renewed, retry_s=0.01)

    async def _renew(self, ahead: GatewayState) -> tuple[str, int]:
        assert ahead.measured == 9
        if self.failures:
            self.failures -= 1
            raise SpoolUnavailable("disk full")
        return OTHER, 2

    def _renewed(self, stream: str, measured: int) -> None:
        self.renewed.append((stream, measured))
        self.stated.stream, self.stated.measured = stream, measured


def _settled(rig: Rig) -> bool:
    return rig.renewal.settled


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    running = asyncio.create_task(rig.renewal.run())
    yield rig
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_nothing_is_settled_before_our_own_echo_or_a_while(rig: Rig) -> None:
    for payload in (b"{", state(OWN, 5)):
        rig.renewal.look(payload)
        assert _settled(rig) is False
    rig.renewal.look(rig.renewal.sending(state(OWN, 7)))
    assert _settled(rig) is True, "what the broker had to say comes before the echo"
    silent = Rig()
    silent.renewal.give_up()
    assert _settled(silent) is True


async def test_what_comes_much_later_is_a_broker_that_lost_its_memory(rig: Rig) -> None:
    rig.renewal.give_up()
    rig.renewal.look(state(OWN, 9))
    assert _settled(rig) is True


async def test_it_waits_for_the_disk_and_then_goes_on_in_the_new_stream(rig: Rig) -> None:
    rig.failures = 2
    rig.renewal.look(state(OWN, 9))
    rig.renewal.look(rig.renewal.sending(state(OWN, 7)))
    rig.renewal.give_up()
    assert _settled(rig) is False
    async with asyncio.timeout(10):
        while not _settled(rig):  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.005)
    assert rig.renewed == [(OTHER, 2)]
    assert "旧的副本" in (rig.stated.warning or "")
    rig.renewal.look(state(OWN, 9))
    assert _settled(rig) is True, "the old stream is our own past"


async def test_a_rival_is_what_takes_our_place_again_and_again(rig: Rig) -> None:
    for connection in range(3):
        assert rig.stated.warning is None, connection
        rig.renewal.connected()
        rig.renewal.look(state(OTHER, 9))
        rig.renewal.look(state(OWN, 5))
    assert "another gateway" in (rig.stated.warning or "")


async def test_our_own_past_is_no_rival(rig: Rig) -> None:
    rig.renewal.look(state(OWN, 5))
    rig.stated.stream = OTHER  # as after a damaged spool
    for _ in range(4):
        rig.renewal.connected()
        rig.renewal.look(state(OWN, 5))
    assert rig.stated.warning is None

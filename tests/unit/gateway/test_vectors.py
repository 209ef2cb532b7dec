"""Every format against published and captured frames, and against every way to spoil one of their bytes.

The frames are read as data: `ble/vectors.json` of the recorded data, and `tests/vectors/formats.json` for what
it lacks, each with its arithmetic. The spoiling is not sampled: every truncation, every byte behind, every
flipped bit, and every fifth value of every byte (CUNMAI_EXHAUSTIVE=1: every value, half a minute).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.decoders.registry import FRAME_TYPES, describe
from cunmai_gateway.readings import to_reading
from cunmai_wire.base import ClockTrust

OWN = Path(__file__).resolve().parents[2] / "vectors" / "formats.json"

ANY_LENGTH = {"2A24", "2A25", "2A26", "2A27", "2A28", "2A29"}
"""Texts: every beginning of one is one."""
LISTS = {"2A37", "2A52", "EXAM-CTRL", "JUMPER-CDEACB81"}
"""Formats with a list at their end: a shorter list can be whole. What is left must still decode to something."""
STEP = 1 if os.environ.get("CUNMAI_EXHAUSTIVE") == "1" else 5
OPEN_ENDED = ANY_LENGTH | LISTS | {"EXAM-INFO"}
"""Formats in which a byte more can be whole too; the machine's information grows with its revisions."""


def load(path: Path) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads(path.read_text())
    return loaded


def good(data_dir: Path) -> Iterator[tuple[str, bytes]]:
    """Type and bytes of every frame that must decode."""
    for vector in load(data_dir / "ble" / "vectors.json") + load(OWN):
        if not vector["expected"].get("error"):
            yield vector["characteristic"], bytes.fromhex(vector["hex"])


def check(vector: dict[str, Any]) -> int:
    """Hold one frame against what is expected of it; how many fields were compared."""
    frame_type, frame = FRAME_TYPES[vector["characteristic"]], bytes.fromhex(vector["hex"])
    if vector["expected"].get("error"):
        with pytest.raises(Malformed) as refused:
            describe(frame_type, frame)
        assert str(refused.value)
        return 1
    decoded = describe(frame_type, frame)
    for name, value in vector["expected"].items():
        assert decoded[name] == value, (vector["characteristic"], vector["hex"], name, decoded)
    return len(vector["expected"])


def test_every_published_frame_decodes_as_published(data_dir: Path) -> None:
    vectors = load(data_dir / "ble" / "vectors.json")
    assert sum(check(vector) for vector in vectors) > 150
    assert len({vector["characteristic"] for vector in vectors}) >= 19


def test_every_frame_computed_by_hand_decodes_as_computed() -> None:
    for vector in load(OWN):
        assert vector["why"], "a frame computed by hand says how"
        assert check(vector) >= 1


def test_every_format_has_a_frame(data_dir: Path) -> None:
    assert set(FRAME_TYPES) == {name for name, _ in good(data_dir)}


def outcome(name: str, frame: bytes) -> bool:
    """Whether a frame is taken. Nothing but Malformed may come out, and a reason with it."""
    try:
        decoded = describe(FRAME_TYPES[name], frame)
    except Malformed as refused:
        decoded = {"refused": str(refused)}
    if decoded.get("refused", "?") == "":
        pytest.fail(f"{name}: refused without a reason: {frame.hex()}")
    if "refused" in decoded:
        return False
    if "kind" in decoded:
        in_contract(name, frame)
    return True


def in_contract(name: str, frame: bytes) -> None:
    """What is taken for a measurement must be a reading that the contract allows."""
    frame_type = FRAME_TYPES[name]
    assert frame_type.interpret is not None
    measurement = frame_type.interpret(frame_type.decode(frame))
    to_reading(measurement, device="d", resident=None, t_ms=1, clock=ClockTrust.TRUSTED)  # type: ignore[arg-type]


def test_a_frame_cut_short_is_refused(data_dir: Path) -> None:
    """Never taken for a shorter frame: its flags, its length or its checksum promise what is missing."""
    for name, frame in good(data_dir):
        for length in range(len(frame)):
            taken = outcome(name, frame[:length])
            assert not taken or name in ANY_LENGTH | LISTS, (name, frame[:length].hex())


def test_a_byte_behind_a_frame_is_refused(data_dir: Path) -> None:
    for name, frame in good(data_dir):
        for extra in range(256):
            taken = outcome(name, frame + bytes([extra]))
            assert not taken or name in OPEN_ENDED, (name, extra)


def test_no_value_of_any_byte_brings_anything_but_a_reading_or_a_reason(data_dir: Path) -> None:
    for name, frame in good(data_dir):
        for at in range(len(frame)):
            before, behind = frame[:at], frame[at + 1 :]
            for value in range(0, 256, 1 if at < 3 else STEP):
                outcome(name, before + bytes([value]) + behind)


CHECKSUMMED = {
    "FE-FFE4", "FE-FFE4-PARAM", "FE-FFE4-WAVE", "PC60-NUS", "CONTEC-FF02", "TAIDOC-1524",
    "VIATOM-OXY-REQ", "VIATOM-OXY-RT", "VIATOM-OXY-READ", "OXYII-REQ", "EXAM-DATA",
}  # fmt: skip


def test_a_flipped_bit_in_a_frame_with_a_checksum_is_refused(data_dir: Path) -> None:
    for name, frame in good(data_dir):
        if name not in CHECKSUMMED:
            continue
        for bit in range(8 * len(frame)):
            spoiled = bytearray(frame)
            spoiled[bit // 8] ^= 1 << bit % 8
            assert not outcome(name, bytes(spoiled)) or sum_misses(name, bit, frame), (name, spoiled.hex())


def sum_misses(name: str, bit: int, frame: bytes) -> bool:
    """What a weak checksum cannot see: modulo 128, bit 7; of two sums that differ by 2, a change by 2.

    For FFE4 the listener makes up for it: a device does not change its sum from one frame to the next.
    """
    if name.startswith("FE-FFE4"):
        return bit % 8 == 1
    return name == "CONTEC-FF02" and bit % 8 == 7 and bit // 8 < len(frame) - 1


@given(st.sampled_from(sorted(FRAME_TYPES)), st.binary(max_size=40))
def test_arbitrary_bytes_decode_or_are_refused_with_a_reason(name: str, frame: bytes) -> None:
    outcome(name, frame)

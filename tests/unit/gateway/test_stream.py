"""The stream parser: merged, split and spoiled streams, for every protocol that has one."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cunmai_gateway.decoders.checksums import crc8_maxim, crc8_smbus, sum7, sum8
from cunmai_gateway.decoders.registry import FRAME_TYPES
from cunmai_gateway.decoders.stream import Framing, Refused, StreamParser

FORMATS = Path(__file__).resolve().parents[2] / "vectors" / "formats.json"
STREAMED = sorted(name for name, each in FRAME_TYPES.items() if each.framing)

FRAMES = {
    "FE-FFE4": "fe0a55004f6314bf391d",
    "CONTEC-FF02": "eb01053e627f0010",
    "BERRY-BCI5": "c63245025c",
    "BERRY-V15": "ffaa07085e5d4b4ca000151430102700005a32c6",
    "PC60-NUS": "aa550f08016140005100c05b",
    "VIATOM-OXY-REQ": "aa17e8000000001b",
    "OXYII-REQ": "a5e11e00020000bf",
    "TAIDOC-1524": "5149600000 48a5e7",
}
"""One good frame of each: published samples, except Berry and TaiDoc (arithmetic in tests/vectors)."""


def frame_of(name: str) -> bytes:
    if name in FRAMES:
        return bytes.fromhex(FRAMES[name])
    vectors = json.loads(FORMATS.read_text())
    return next(bytes.fromhex(each["hex"]) for each in vectors if each["characteristic"] == name)


def framing_of(name: str) -> Framing:
    framing = FRAME_TYPES[name].framing
    assert framing is not None
    return framing


def frames(pieces: Iterable[bytes | Refused]) -> list[bytes]:
    return [piece for piece in pieces if isinstance(piece, bytes)]


def feed(parser: StreamParser, stream: bytes, cuts: Iterable[int]) -> list[bytes | Refused]:
    """Feed a stream in pieces cut at these offsets."""
    found: list[bytes | Refused] = []
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for begin, end in itertools.pairwise(edges):
        found += parser.feed(stream[begin:end])
        assert len(parser.held) < parser_limit(parser), "the parser holds less than one frame"
    return found


def parser_limit(parser: StreamParser) -> int:
    return parser._framing.max_bytes


@pytest.mark.parametrize("name", STREAMED)
def test_frames_merged_into_one_notification_come_apart(name: str) -> None:
    frame = frame_of(name)
    assert StreamParser(framing_of(name)).feed(frame * 3) == [frame] * 3


@pytest.mark.parametrize("name", STREAMED)
def test_a_frame_split_over_notifications_is_put_together(name: str) -> None:
    frame = frame_of(name)
    for cut in range(1, len(frame)):
        parser = StreamParser(framing_of(name))
        assert parser.feed(frame[:cut]) == []
        assert parser.feed(frame[cut:] + frame) == [frame, frame]
        assert parser.held == b""


@pytest.mark.parametrize("name", STREAMED)
def test_rubbish_between_frames_is_refused_and_the_frames_are_found(name: str) -> None:
    frame, rubbish = frame_of(name), b"\x00\x11\x22"
    found = StreamParser(framing_of(name)).feed(rubbish + frame + rubbish + frame)
    assert found == [
        Refused(rubbish, "no frame begins here"), frame, Refused(rubbish, "no frame begins here"), frame,
    ]  # fmt: skip


@pytest.mark.parametrize("name", STREAMED)
def test_a_frame_that_lost_its_end_does_not_take_the_next_with_it(name: str) -> None:
    """One may go: the beginning of the next frame can happen to be the missing checksum, once in 256 cuts."""
    frame, framing = frame_of(name), framing_of(name)
    behind = framing.max_bytes // len(frame) + 3
    lost = 0
    for kept in range(1, len(frame)):
        found = frames(StreamParser(framing).feed(frame[:kept] + frame * behind))
        assert found[1:][-(behind - 1) :] == [frame] * (behind - 1), kept
        lost += found[0] != frame
    assert lost <= 1


@given(st.sampled_from(STREAMED), st.binary(max_size=80), st.lists(st.integers(0, 10_000), max_size=12))
def test_after_any_rubbish_the_parser_finds_its_feet(name: str, rubbish: bytes, cuts: list[int]) -> None:
    """A false header may hold true frames back, but for no longer than one frame's length."""
    frame, framing = frame_of(name), framing_of(name)
    behind = framing.max_bytes // len(frame) + 4
    found = feed(StreamParser(framing), rubbish + frame * behind, cuts)
    assert frames(found)[-2:] == [frame, frame]


@given(st.sampled_from(STREAMED), st.binary(max_size=200), st.lists(st.integers(0, 10_000), max_size=12))
def test_every_byte_comes_out_once_and_in_order(name: str, noise: bytes, cuts: list[int]) -> None:
    frame = frame_of(name)
    stream = noise[:100] + frame + noise[100:] + frame
    parser = StreamParser(framing_of(name))
    found = feed(parser, stream, cuts) + parser.flush()
    assert b"".join(piece.data if isinstance(piece, Refused) else piece for piece in found) == stream
    assert all(piece.reason for piece in found if isinstance(piece, Refused))
    for piece in frames(found):
        assert framing_of(name).check(piece) is None


@pytest.mark.parametrize("name", STREAMED)
def test_what_was_begun_when_the_connection_ended_is_refused(name: str) -> None:
    parser = StreamParser(framing_of(name))
    begun = frame_of(name)[:-1]
    assert parser.feed(begun) == []
    assert parser.flush() == [Refused(begun, "the connection ended within a frame")]
    assert parser.flush() == []


@pytest.mark.parametrize("name", STREAMED)
def test_a_spoiled_frame_is_refused_with_what_is_wrong(name: str) -> None:
    frame = bytearray(frame_of(name))
    frame[-1] ^= 0x80 if name == "BERRY-BCI5" else 0x01
    if name == "BERRY-V15":
        frame[4] = 0x20  # its sum alone does not refuse it: see the module
    good = frame_of(name)
    found = StreamParser(framing_of(name)).feed(bytes(frame) + good * 3)
    assert isinstance(found[0], Refused)
    assert any(word in found[0].reason for word in ("checksum", "CRC", "sync"))
    assert frames(found)[-2:] == [good, good]


@pytest.mark.parametrize("name", STREAMED)
def test_the_checksum_policy_is_stated(name: str) -> None:
    assert framing_of(name).policy


# Check values of the nine bytes "123456789": the catalogue of parametrised CRC algorithms; the sum is 0x1DD.
def test_checksums_of_the_catalogue() -> None:
    digits = b"123456789"
    assert (crc8_maxim(digits), crc8_smbus(digits)) == (0xA1, 0xF4)
    assert (sum8(digits), sum7(digits)) == (0xDD, 0x5D)

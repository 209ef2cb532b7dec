"""The exam-metadata protocol, byte by byte: the worked examples of its document, and its rules."""

from __future__ import annotations

import binascii
import struct
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from cunmai_sim.ultrasound_session import Offered, Session, Shelf
from cunmai_sim.ultrasound_wire import chunk_for, data_packet

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "ble-ultrasound.md"
MTU = 247


def _example_shelf() -> Shelf:
    shelf = Shelf()
    shelf.exams[41] = Offered(bytes(1000), 0xDEADBEEF, delivered=True)
    shelf.exams[42] = Offered(b"123456789", 0xCBF43926)
    return shelf


def _examples() -> list[list[tuple[str, bytes, str]]]:
    """The document's hex blocks: (direction, bytes, remark) per line."""
    blocks = DOCUMENT.read_text().split("```\n")[1::2]
    return [[_example_line(line) for line in block.splitlines()] for block in blocks]


def _example_line(line: str) -> tuple[str, bytes, str]:
    direction, rest = line.split(" ", 1)
    numbers, _, remark = rest.partition("  ")
    return direction, bytes.fromhex(numbers), remark.strip()


class _Machine:
    """Runs one example against a session, the air in between."""

    def __init__(self) -> None:
        self.shelf = _example_shelf()
        self.session = Session(self.shelf, 4)
        self.answer: bytes | None = None
        self.in_flight: deque[bytes] = deque()

    def meet(self, direction: str, value: bytes, remark: str) -> None:
        if direction == "R":
            assert self.shelf.info(4) == value
        elif direction == ">":
            self._fly()
            assert self.answer is None, "the answer before was not told"
            self.answer = self.session.answer(value, MTU)
        elif direction == "<":
            assert self.answer == value
            self.answer = None
        else:
            self._fly()
            sent = self.in_flight.popleft()
            assert (_damaged(sent) if "damaged" in remark else sent) == value

    def _fly(self) -> None:
        self.in_flight.extend(iter(self.session.next_packet, None))


def _damaged(packet: bytes) -> bytes:
    return packet[:-1] + bytes([packet[-1] ^ 1])


def test_the_document_has_both_examples() -> None:
    worked, refusals = _examples()
    assert len(worked) == 19
    assert len(refusals) == 18


@pytest.mark.parametrize("number", [0, 1])
def test_the_worked_examples_of_the_document(number: int) -> None:
    machine = _Machine()
    for direction, value, remark in _examples()[number]:
        machine.meet(direction, value, remark)
    assert machine.answer is None
    assert not machine.in_flight


def test_the_damaged_packet_of_the_example_fails_its_crc_and_the_others_pass() -> None:
    packets = [(value, remark) for d, value, remark in _examples()[0] if d == "D"]
    for value, remark in packets:
        told = int.from_bytes(value[5:7], "little")
        assert (binascii.crc_hqx(value[:5] + value[7:], 0xFFFF) == told) == ("damaged" not in remark)


def test_crc_16_check_value() -> None:
    assert binascii.crc_hqx(b"123456789", 0xFFFF) == 0x29B1
    # epoch 0x31, offset 0x35343332, payload "6789": the nine digits, without the CRC field
    assert data_packet(0x31, 0x35343332, b"6789") == b"12345" + b"\xb1\x29" + b"6789"


@pytest.mark.parametrize(("mtu", "chunk"), [(23, 13), (100, 90), (190, 180), (517, 180)])
def test_chunk_fits_the_link(mtu: int, chunk: int) -> None:
    assert chunk_for(180, mtu) == chunk


# -- listing ----------------------------------------------------------------------------------------


def _pages(session: Session, mtu: int) -> Iterator[tuple[int, list[int]]]:
    after = 0
    while True:
        answer = session.answer(struct.pack("<BI", 1, after), mtu)
        assert answer is not None
        assert answer[:2] == b"\x81\x00"
        assert len(answer) <= mtu - 3
        remaining, count = struct.unpack_from("<HB", answer, 2)
        ids = [struct.unpack_from("<I", answer, 5 + 13 * n)[0] for n in range(count)]
        assert len(answer) == 5 + 13 * count
        yield remaining, ids
        if not remaining:
            return
        after = ids[-1]


@pytest.mark.parametrize(
    ("mtu", "lengths"), [(23, [1] * 20), (33, [1] * 20), (34, [2] * 10), (247, [18, 2]), (517, [20])]
)
def test_list_pages_by_what_an_indication_holds(mtu: int, lengths: list[int]) -> None:
    shelf = Shelf()
    ids = [shelf.add(bytes([n])) for n in range(20)]
    pages = list(_pages(Session(shelf, 180), mtu))
    assert [len(page) for _, page in pages] == lengths
    assert [exam_id for _, page in pages for exam_id in page] == ids
    assert [remaining for remaining, _ in pages][-1] == 0
    assert pages[0][0] == 20 - lengths[0]


def test_list_of_nothing() -> None:
    assert Session(Shelf(), 180).answer(b"\x01\x00\x00\x00\x00", MTU) == b"\x81\x00\x00\x00\x00"


def test_ids_are_never_used_twice() -> None:
    shelf = Shelf()
    first = shelf.add(b"a")
    shelf.remove(first)
    assert shelf.add(b"a") == first + 1


# -- transfer ---------------------------------------------------------------------------------------


def _opened(size: int, chunk: int = 10) -> Session:
    shelf = Shelf()
    shelf.add(bytes(n % 251 for n in range(size)))
    session = Session(shelf, chunk)
    assert session.answer(b"\x02\x01\x00\x00\x00", MTU)
    return session


def _start(session: Session, epoch: int, offset: int, window: int) -> bytes:
    answer = session.answer(struct.pack("<BBIH", 3, epoch, offset, window), MTU)
    assert answer is not None
    return answer


def _ack(session: Session, epoch: int, offset: int) -> None:
    assert session.answer(struct.pack("<BBI", 4, epoch, offset), MTU) is None


def _burst(session: Session) -> list[int]:
    """Offsets of what is sent until the machine waits."""
    return [struct.unpack_from("<BI", packet)[1] for packet in iter(session.next_packet, None)]


def test_the_window_is_counted_from_the_last_acknowledged_byte() -> None:
    session = _opened(100)
    _start(session, 1, 0, 3)
    assert _burst(session) == [0, 10, 20]
    _ack(session, 1, 10)
    assert _burst(session) == [30]
    _ack(session, 1, 40)
    assert _burst(session) == [40, 50, 60]


@pytest.mark.parametrize(
    ("epoch", "offset"),
    [(2, 10), (1, 0), (1, 31)],
    ids=["another epoch", "not beyond the last", "beyond what was sent"],
)
def test_an_ack_that_makes_no_sense_is_ignored(epoch: int, offset: int) -> None:
    session = _opened(100)
    _start(session, 1, 0, 3)
    _burst(session)
    _ack(session, epoch, offset)
    assert _burst(session) == []


def test_a_malformed_ack_is_ignored_without_an_answer() -> None:
    assert _opened(100).answer(b"\x04\x01", MTU) is None


def test_resume_at_any_byte_and_the_last_packet_is_short() -> None:
    session = _opened(100)
    assert _start(session, 1, 77, 9) == b"\x83\x00\x01\x4d\x00\x00\x00"
    packets = list(iter(session.next_packet, None))
    assert [len(packet) - 7 for packet in packets] == [10, 10, 3]
    assert b"".join(packet[7:] for packet in packets) == bytes(range(77, 100))


def test_start_at_the_end_sends_nothing() -> None:
    session = _opened(100)
    assert _start(session, 1, 100, 1)[:2] == b"\x83\x00"
    assert _burst(session) == []


def test_an_epoch_cannot_be_used_twice_in_a_row_but_again_later() -> None:
    session = _opened(100)
    assert _start(session, 5, 0, 1)[1] == 0
    assert _start(session, 5, 0, 1) == b"\x83\x07"
    assert _start(session, 6, 0, 1)[1] == 0
    assert _start(session, 5, 0, 1)[1] == 0


def test_a_refused_start_leaves_the_running_transfer_alone() -> None:
    session = _opened(100)
    _start(session, 1, 0, 2)
    assert _start(session, 2, 101, 1) == b"\x83\x05"
    assert _burst(session) == [0, 10]


@pytest.mark.parametrize("request_hex", ["0201000000", "06"], ids=["open", "abort"])
def test_open_and_abort_stop_the_transfer(request_hex: str) -> None:
    session = _opened(100)
    _start(session, 1, 0, 2)
    session.answer(bytes.fromhex(request_hex), MTU)
    assert _burst(session) == []


def test_abandoned_transfers_can_be_resumed() -> None:
    session = _opened(100)
    _start(session, 1, 0, 2)
    session.abandon()
    assert _burst(session) == []
    _start(session, 2, 10, 1)
    assert _burst(session) == [10]


def test_close_marks_delivered_only_with_the_right_crc() -> None:
    shelf = _example_shelf()
    session = Session(shelf, 4)
    session.answer(bytes.fromhex("022a000000"), MTU)
    marked = []
    for request, answer in [("0500000000", "8508"), ("052639f4cb", "8500"), ("052639f4cb", "8504")]:
        assert session.answer(bytes.fromhex(request), MTU) == bytes.fromhex(answer)
        marked.append(shelf.exams[42].delivered)
    assert marked == [False, True, True]


@pytest.mark.parametrize(
    ("request_hex", "answer_hex"),
    [
        ("0100", "8102"),
        ("010000000000", "8102"),
        ("0200000000", "8203"),
        ("02", "8202"),
        ("0301000000000100", "8304"),
        ("03", "8302"),
        ("0500000000", "8504"),
        ("0600", "8602"),
        ("00", "8001"),
        ("07", "8701"),
        ("ff", "ff01"),
    ],
)
def test_refusals(request_hex: str, answer_hex: str) -> None:
    answer = Session(_example_shelf(), 4).answer(bytes.fromhex(request_hex), MTU)
    assert answer is not None
    assert answer.hex() == answer_hex

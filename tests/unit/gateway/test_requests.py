"""What a gateway writes to a device: its clock, requests for stored records, polls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from cunmai_gateway.decoders import racp
from cunmai_gateway.decoders.clock import decode_current_time, encode_current_time, encode_date_time
from cunmai_gateway.decoders.cursor import Malformed
from cunmai_gateway.decoders.vendors import contec, taidoc, viatom_oxy


def test_the_time_to_set_a_clock_to() -> None:
    # 0x07E9 = 2025; a Wednesday is 3; half a second is 128/256; 2: by an external reference.
    local = datetime(2025, 10, 15, 14, 30, 45, 500_000, tzinfo=timezone(timedelta(hours=8)))
    assert encode_current_time(local).hex(" ") == "e9 07 0a 0f 0e 1e 2d 03 80 02"
    assert encode_date_time(local).hex(" ") == "e9 07 0a 0f 0e 1e 2d"


def test_a_sunday_is_the_seventh_day() -> None:
    sunday = datetime(2026, 3, 1, tzinfo=UTC)
    assert decode_current_time(encode_current_time(sunday)).weekday == 7


def test_requests_for_records() -> None:
    assert racp.REPORT_ALL == b"\x01\x01"
    assert racp.COUNT_ALL == b"\x04\x01"
    assert racp.DELETE_ALL == b"\x02\x01"
    assert racp.ABORT == b"\x03\x00"
    # operator 3 at least, filter 1 sequence number, 0x012C = 300
    assert racp.request_from(300).hex(" ") == "01 03 01 2c 01"
    for known in (racp.REPORT_ALL, racp.COUNT_ALL, racp.DELETE_ALL, racp.ABORT):
        assert racp.decode(known).op == known[0]


def test_a_request_that_means_nothing_is_not_written() -> None:
    with pytest.raises(Malformed, match="operator: 0 does not go with REPORT"):
        racp.request(racp.Op.REPORT, racp.Operator.NULL)
    with pytest.raises(Malformed, match="operand: 0 bytes do not go with WITHIN"):
        racp.request(racp.Op.DELETE, racp.Operator.WITHIN)


def test_polls_of_oximeters_that_are_asked() -> None:
    assert viatom_oxy.request(viatom_oxy.CMD_READ).hex() == "aa17e8000000001b", "published"
    assert viatom_oxy.decode_request(viatom_oxy.request(0x16, b"{}")).data == "7b7d"
    # The sum modulo 256 of 51 49 A3 is 0x13D; modulo 128 of 9B 01 it is 0x1C, of 9A 0x1A.
    assert taidoc.REQUEST[-1] == sum(taidoc.REQUEST[:-1]) % 256 == 0x3D
    assert taidoc.interpret(taidoc.decode(taidoc.REQUEST)) is None, "a request measures nobody"
    for command in (contec.START, contec.KEEPALIVE, contec.STOP):
        assert command[-1] == sum(command[:-1]) % 128


def test_a_long_request_is_written_in_pieces() -> None:
    request = viatom_oxy.request(viatom_oxy.CMD_CONFIG, b'{"SetTIME":"2026-03-01,12:00:00"}')
    pieces = viatom_oxy.pieces(request)
    assert [len(piece) for piece in pieces] == [20, 20, 1]
    assert b"".join(pieces) == request

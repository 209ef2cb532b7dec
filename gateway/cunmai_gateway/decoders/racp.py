"""Record Access Control Point 2A52 (PLXS 1.0.1, GLS 1.0.1): requests for stored records, and the answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from cunmai_gateway.decoders.cursor import Cursor, Malformed


class Op(IntEnum):
    """First byte."""

    REPORT = 1
    DELETE = 2
    ABORT = 3
    COUNT = 4
    COUNT_RESPONSE = 5
    RESPONSE = 6


class Operator(IntEnum):
    """Second byte: which records."""

    NULL = 0
    ALL = 1
    AT_MOST = 2
    AT_LEAST = 3
    WITHIN = 4
    FIRST = 5
    LAST = 6


class Result(IntEnum):
    """How a request ended."""

    OK = 1
    OP_UNSUPPORTED = 2
    BAD_OPERATOR = 3
    OPERATOR_UNSUPPORTED = 4
    BAD_OPERAND = 5
    NO_RECORDS = 6
    ABORT_FAILED = 7
    NOT_COMPLETED = 8
    OPERAND_UNSUPPORTED = 9


class Filter(IntEnum):
    """First byte of the operand where the operator compares."""

    SEQUENCE_NUMBER = 1
    USER_FACING_TIME = 2


@dataclass(frozen=True, slots=True)
class RecordAccess:
    """One 2A52 value, either way. `request` and `result` belong to a RESPONSE, `count` to a COUNT_RESPONSE."""

    op: int
    operator: int
    count: int | None
    request: int | None
    result: int | None
    meaning: str | None
    """The result in a word."""
    operand: str | None
    """Of a request, in hex: the filter, then what it compares with."""


_COUNT_BYTES = (1, 2, 4)
"""The services say 2; devices with 1 and 4 exist."""


def decode(frame: bytes) -> RecordAccess:
    """Decode a request or an answer. Raises Malformed."""
    cursor = Cursor(frame)
    op = cursor.unsigned(1, "op code")
    operator = cursor.unsigned(1, "operator")
    if op == Op.RESPONSE:
        return _response(cursor, operator)
    if op == Op.COUNT_RESPONSE:
        return _count(cursor, operator)
    if not Op.REPORT <= op <= Op.COUNT:
        raise Malformed(f"op code: {op} is reserved")
    if operator not in _OPERATORS or (op == Op.ABORT) != (operator == Operator.NULL):
        raise Malformed(f"operator: {operator} does not go with {Op(op).name}")
    operand = cursor.take(cursor.left(), "operand")
    if bool(operand) != (operator in _COMPARING):
        raise Malformed(f"operand: {len(operand)} bytes do not go with {Operator(operator).name}")
    if operand and len(operand) < 2:
        raise Malformed("operand: a filter without a value")
    return RecordAccess(op, operator, None, None, None, None, operand.hex() or None)


def request(op: Op, operator: Operator, operand: bytes = b"") -> bytes:
    """A request to write. Raises Malformed where op, operator and operand do not go together."""
    frame = bytes([op, operator]) + operand
    decode(frame)
    return frame


def request_from(seq: int, op: Op = Op.REPORT) -> bytes:
    """Records with a sequence number of `seq` or more (glucose meters)."""
    return request(op, Operator.AT_LEAST, bytes([Filter.SEQUENCE_NUMBER]) + seq.to_bytes(2, "little"))


REPORT_ALL = bytes([Op.REPORT, Operator.ALL])
COUNT_ALL = bytes([Op.COUNT, Operator.ALL])
DELETE_ALL = bytes([Op.DELETE, Operator.ALL])
ABORT = bytes([Op.ABORT, Operator.NULL])

_OPERATORS = frozenset(Operator)
_COMPARING = (Operator.AT_MOST, Operator.AT_LEAST, Operator.WITHIN)


def _response(cursor: Cursor, operator: int) -> RecordAccess:
    answered = cursor.unsigned(1, "request answered")
    result = cursor.unsigned(1, "result")
    cursor.end()
    if operator != Operator.NULL:
        raise Malformed(f"operator: {operator} in a response, expected 0")
    meaning = Result(result).name.lower() if result in _RESULTS else None
    return RecordAccess(Op.RESPONSE, operator, None, answered, result, meaning, None)


_RESULTS = frozenset(Result)


def _count(cursor: Cursor, operator: int) -> RecordAccess:
    size = cursor.left()
    if size not in _COUNT_BYTES:
        raise Malformed(f"count: {size} bytes, expected 2 (or 1 or 4)")
    count = cursor.unsigned(size, "count")
    if operator != Operator.NULL:
        raise Malformed(f"operator: {operator} in a count, expected 0")
    return RecordAccess(Op.COUNT_RESPONSE, operator, count, None, None, None, None)

"""Stored records behind a Record Access Control Point (2A52): what a device answers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum


class Op(IntEnum):
    """Requests and answers."""

    REPORT = 1
    DELETE = 2
    ABORT = 3
    COUNT = 4
    COUNT_ANSWER = 5
    ANSWER = 6


class Result(IntEnum):
    """What an ANSWER says of its request."""

    OK = 1
    OP_UNSUPPORTED = 2
    BAD_OPERATOR = 3
    OPERATOR_UNSUPPORTED = 4
    BAD_OPERAND = 5
    NO_RECORDS = 6
    ABORT_FAILED = 7
    NOT_COMPLETED = 8
    OPERAND_UNSUPPORTED = 9


_ALL, _AT_LEAST, _FIRST, _LAST = 1, 3, 5, 6
_BY_SEQ = 1


@dataclass(frozen=True, slots=True)
class Record:
    """One stored record: the frames it is told in, as (characteristic, value)."""

    seq: int
    frames: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Procedure:
    """What a request leads to: records to send, then the answer."""

    records: Sequence[Record]
    answer: bytes


@dataclass
class RecordStore:
    """A device's memory. `numbered`: records can be asked for by sequence number, as glucose meters do."""

    numbered: bool = False
    records: list[Record] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    """Everything that was ever asked, for tests."""

    def perform(self, request: bytes) -> Procedure:
        """What to send for a request."""
        self.requests.append(request)
        if len(request) < 2:
            return _refusal(request[0] if request else 0, Result.BAD_OPERATOR)
        op, operator, operand = request[0], request[1], request[2:]
        if op == Op.ABORT:
            return _refusal(op, Result.OK)
        if op not in (Op.REPORT, Op.DELETE, Op.COUNT):
            return _refusal(op, Result.OP_UNSUPPORTED)
        chosen = self._choose(operator, operand)
        if isinstance(chosen, Result):
            return _refusal(op, chosen)
        return self._carry_out(Op(op), chosen)

    def _carry_out(self, op: Op, chosen: list[Record]) -> Procedure:
        if op is Op.COUNT:
            return Procedure((), bytes([Op.COUNT_ANSWER, 0]) + len(chosen).to_bytes(2, "little"))
        if not chosen:
            return _refusal(op, Result.NO_RECORDS)
        if op is Op.DELETE:
            self.records = [record for record in self.records if record not in chosen]
            return _refusal(op, Result.OK)
        return Procedure(chosen, bytes([Op.ANSWER, 0, op, Result.OK]))

    def _choose(self, operator: int, operand: bytes) -> list[Record] | Result:
        if operator == _ALL:
            return Result.BAD_OPERAND if operand else list(self.records)
        if operator in (_FIRST, _LAST):
            return self.records[:1] if operator == _FIRST else self.records[-1:]
        if operator != _AT_LEAST or not self.numbered:
            return Result.OPERATOR_UNSUPPORTED
        if len(operand) != 3 or operand[0] != _BY_SEQ:
            return Result.OPERAND_UNSUPPORTED
        least = int.from_bytes(operand[1:], "little")
        return [record for record in self.records if record.seq >= least]


def _refusal(op: int, result: Result) -> Procedure:
    """An answer without records, good or bad."""
    return Procedure((), bytes([Op.ANSWER, 0, op, result]))

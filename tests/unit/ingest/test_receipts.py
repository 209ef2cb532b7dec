from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from cunmai_ingest.messages import Message, Origin
from cunmai_ingest.receipts import receipts_for
from cunmai_ingest.settle import Committed, Settled
from cunmai_wire.parsing import RefusalReason, Refused
from cunmai_wire.receipts import Receipt
from support.messages import GATEWAY, RECEIPTS_TOPIC, STREAM

ORIGIN = Origin(STREAM, GATEWAY)


def _settled(
    stored: Iterable[int], refused: Sequence[int | None] = (), origin: Origin | None = ORIGIN
) -> Settled:
    refusals = tuple(Refused(RefusalReason.BAD_READING, "x", seq) for seq in refused)
    return Settled(Message("t", b"", 1, origin), tuple(stored), refusals)


def _receipts(*settled: Settled) -> list[tuple[str, dict[str, Any]]]:
    committed = Committed(settled, 0, 0, {}, 0)
    return [(topic, json.loads(payload)) for topic, payload in receipts_for(committed)]


def test_one_receipt_for_all_messages_of_a_stream() -> None:
    assert _receipts(_settled([1, 2, 3]), _settled([7, 5]), _settled([4])) == [
        (
            RECEIPTS_TOPIC,
            {
                "v": 1,
                "consumer": "ingest",
                "stream": STREAM,
                "ranges": [[1, 5], [7, 7]],
                "quarantined": [],
            },
        )
    ]


def test_what_was_set_aside_is_receipted_and_named() -> None:
    ((_, receipt),) = _receipts(_settled([1, 4], [2, 3, None]))
    assert (receipt["ranges"], receipt["quarantined"]) == ([[1, 4]], [[2, 3]])


def test_a_number_stored_by_one_message_is_not_quarantined_by_another() -> None:
    ((_, receipt),) = _receipts(_settled([], [1]), _settled([1]))
    assert (receipt["ranges"], receipt["quarantined"]) == ([[1, 1]], [])


def test_streams_are_receipted_apart_each_on_its_senders_topic() -> None:
    rules = Origin("99999999-8888-7777-6666-555555555555", "rules")
    topics = [topic for topic, _ in _receipts(_settled([1]), _settled([1], origin=rules))]
    assert topics == [RECEIPTS_TOPIC, "cunmai/v1/60/rules/receipts"]


def test_nothing_to_name_means_no_receipt() -> None:
    assert _receipts(_settled([], [None]), _settled([], origin=None)) == []


def test_no_receipt_names_more_ranges_than_the_contract_allows() -> None:
    odd = range(1, 5001, 2)
    receipts = [receipt for _, receipt in _receipts(_settled(odd))]
    assert len(receipts) == 4
    assert [tuple(pair) for receipt in receipts for pair in receipt["ranges"]] == [(n, n) for n in odd]
    for receipt in receipts:
        Receipt.model_validate_json(json.dumps(receipt))


def test_nor_more_quarantined_ranges() -> None:
    even, odd = range(2, 5001, 2), range(1, 5001, 2)
    receipts = [receipt for _, receipt in _receipts(_settled(even, list(odd)))]
    assert sum(last - first + 1 for r in receipts for first, last in r["ranges"]) == 5000
    assert sum(last - first + 1 for r in receipts for first, last in r["quarantined"]) == 2500
    for receipt in receipts:
        Receipt.model_validate_json(json.dumps(receipt))

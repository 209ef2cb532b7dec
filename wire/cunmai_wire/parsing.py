"""Reading messages from untrusted bytes, piece by piece where need be. Pure.

Nothing in a message makes this raise: what cannot be read comes back as `Refused`, with a named reason,
and what is good in the same message comes back beside it. One bad item never stops the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json

from cunmai_wire.base import MAX_SEQ, Message

MAX_MESSAGE_BYTES = 1 << 20
_MAX_DETAIL_CHARS = 300


class RefusalReason(StrEnum):
    """Why a message, or one item of it, was not taken."""

    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    BAD_HEADER = "bad_header"
    WRONG_TOPIC = "wrong_topic"
    UNKNOWN_VERSION = "unknown_version"
    UNKNOWN_KIND = "unknown_kind"
    BAD_READING = "bad_reading"
    BAD_EVENT = "bad_event"
    IMPLAUSIBLE_TIME = "implausible_time"
    STORE_REFUSED = "store_refused"
    BEYOND_RETENTION = "beyond_retention"
    """Older than the store keeps anything."""
    INTERNAL_ERROR = "internal_error"
    """A fault of ours, not of the message. Ingest keeps the message whole, to be replayed after the fix; the
    rules do not receipt the reading, so that it comes again."""
    WRONG_SENDER = "wrong_sender"
    """Its stream belongs to another gateway."""
    SEQ_REUSED = "seq_reused"
    """Another reading came under this number before."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One refusal. `seq` is None where it could not be read: then no receipt can name it."""

    reason: RefusalReason
    detail: str
    """One sentence for a person: which field, what was expected."""
    seq: int | None = None


Header = TypeVar("Header", bound=Message)
Item = TypeVar("Item")


@dataclass(frozen=True)
class MessageFormat(Generic[Header, Item]):
    """A kind of message: a header, and a list of items that each name their own type."""

    whole: type[Header]
    """Header and items together: the fast path."""
    header: type[Message]
    items: str
    """The header's field that holds the list."""
    tag: str
    """The item's field that names its type."""
    known: frozenset[str]
    item: TypeAdapter[Item]
    most: int
    bad_item: RefusalReason

    def parse(self, payload: bytes) -> tuple[Message | None, tuple[Item, ...], tuple[Refused, ...]]:
        """Header, good items, and what was refused. Header None: nothing could be read."""
        if len(payload) > MAX_MESSAGE_BYTES:
            detail = f"{len(payload)} bytes; at most {MAX_MESSAGE_BYTES} are read"
            return _nothing(RefusalReason.TOO_LARGE, detail)
        try:
            message = self.whole.model_validate_json(payload)
        except ValidationError:
            return self._piecewise(payload)
        return message, getattr(message, self.items), ()

    def _piecewise(self, payload: bytes) -> tuple[Message | None, tuple[Item, ...], tuple[Refused, ...]]:
        try:
            document = from_json(payload, allow_inf_nan=False)
        except ValueError as error:
            return _nothing(RefusalReason.NOT_JSON, str(error))
        if not isinstance(document, dict):
            return _nothing(RefusalReason.BAD_HEADER, "expected one JSON object")
        items = document.pop(self.items, None)
        header = self._header(document)
        if isinstance(header, Refused):
            return None, (), (header,)
        if not isinstance(items, list) or not 1 <= len(items) <= self.most:
            return _nothing(RefusalReason.BAD_HEADER, f"{self.items}: expected a list of 1 to {self.most}")
        outcomes = [self._item(index, item) for index, item in enumerate(items)]
        taken = tuple(outcome for outcome in outcomes if not isinstance(outcome, Refused))
        refused = tuple(outcome for outcome in outcomes if isinstance(outcome, Refused))
        return header, taken, refused

    def _header(self, document: dict[str, object]) -> Message | Refused:
        version = document.get("v")
        if type(version) is not int or version != 1:
            return Refused(
                RefusalReason.UNKNOWN_VERSION, f"v is {str(version)[:20]!r}; version 1 is understood"
            )
        try:
            return self.header.model_validate_json(_to_json(document))
        except ValidationError as error:
            return Refused(RefusalReason.BAD_HEADER, explain(error))

    def _item(self, index: int, item: object) -> Item | Refused:
        where = f"{self.items}.{index}"
        if not isinstance(item, dict):
            return Refused(self.bad_item, f"{where}: expected an object")
        seq = item.get("seq")
        known_seq = seq if type(seq) is int and 1 <= seq <= MAX_SEQ else None
        tag = item.get(self.tag)
        if not isinstance(tag, str) or tag not in self.known:
            detail = f"{where}: {self.tag} {str(tag)[:40]!r} is not of version 1"
            return Refused(RefusalReason.UNKNOWN_KIND, detail, known_seq)
        try:
            return self.item.validate_json(_to_json(item))
        except ValidationError as error:
            return Refused(self.bad_item, f"{where}: {explain(error)}"[:_MAX_DETAIL_CHARS], known_seq)


_json: TypeAdapter[object] = TypeAdapter(object)


def _to_json(value: object) -> bytes:
    return _json.dump_json(value)


def _nothing(reason: RefusalReason, detail: str) -> tuple[None, tuple[()], tuple[Refused]]:
    return None, (), (Refused(reason, detail[:_MAX_DETAIL_CHARS]),)


def explain(error: ValidationError) -> str:
    """The first faults of a validation error, one short clause each, without the input's values."""
    faults: list[ErrorDetails] = error.errors(include_url=False, include_input=False, include_context=False)
    clauses = [f"{'.'.join(map(str, fault['loc'])) or 'message'}: {fault['msg']}" for fault in faults[:3]]
    more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
    return ("; ".join(clauses) + more)[:_MAX_DETAIL_CHARS]

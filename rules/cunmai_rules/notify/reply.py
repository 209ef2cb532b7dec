"""What a reply by SMS means. Pure.

A reply begins with an answer, and may name its escalation by its code, before or after: `3`, `3 K7`, `K7 3`,
`转诊 K7`, `３k7。`. Words may follow. What could be meant in two ways is not guessed: the sender is asked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from cunmai_rules.journal.codes import DIGITS, LETTERS
from cunmai_wire.events import Answer

RECENTLY_MS = 10 * 60_000
"""So soon after somebody else has closed one, a reply without a code may be meant for that one."""

_DIGIT = {"1": Answer.SEEN, "2": Answer.CONTACTED, "3": Answer.REFERRED, "4": Answer.FALSE_ALARM}
_WORD = {
    "已看": Answer.SEEN, "已联系": Answer.CONTACTED, "转诊": Answer.REFERRED, "误报": Answer.FALSE_ALARM,
    "SEEN": Answer.SEEN, "CONTACTED": Answer.CONTACTED, "REFERRED": Answer.REFERRED,
    "FALSE ALARM": Answer.FALSE_ALARM,
}  # fmt: skip
_CODE = rf"[{LETTERS}][{DIGITS}](?:[{LETTERS}][{DIGITS}]){{0,2}}(?![A-Z0-9])"
_ANSWER = "|".join([r"[1-4]", *sorted(_WORD, key=len, reverse=True)])
_GAP = r"[\s,.;:!、。#\-—_/()\"'“”]"
_LEAD = rf"^{_GAP}*(?:回复|答复|编号)?{_GAP}*"
_AFTER = rf"(?:{_GAP}+(?P<rest>.*))?$"
"""What follows stands apart: `4点去看` is no answer 4, and `已联系不上` is not 已联系."""
_SAID = rf"(?P<answer>{_ANSWER})(?:{_GAP}*(?P<again>{_ANSWER}))?"
_FORMS = tuple(
    re.compile(_LEAD + form + _AFTER, re.DOTALL)
    for form in (
        rf"{_SAID}{_GAP}*(?:编号|加)?{_GAP}*(?P<code>{_CODE})",
        rf"(?P<code>{_CODE}){_GAP}*{_SAID}",
        rf"{_SAID}(?P<code>)",
    )
)
_ANOTHER = re.compile(rf"(?<!\d)(?:{_ANSWER})(?!\d)|(?<![A-Z0-9]){_CODE}|^[A-Z]?\d")
_DENIED = re.compile(r"[不没未无非勿别]|N'?T\b|\bNOT?\b")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, for the escalation of this code, or for the only one there is."""

    answer: Answer
    code: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """An escalation that this number was told of."""

    id: str
    contact: str
    code: str | None
    closed_ms: int | None
    closed_by_them: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A summary that this number was sent: the escalations of which it tells."""

    notice: str
    contact: str
    code: str | None
    escalations: frozenset[str]


class Unclear(StrEnum):
    """Why a reply is not taken."""

    UNREADABLE = "unreadable"
    WHICH = "which"
    """Several are open, or one was closed a moment ago, and it names none."""
    NO_SUCH_CODE = "no_such_code"


@dataclass(frozen=True, slots=True)
class Closed:
    """It is about one that is closed: the sender is told."""

    known: Known


@dataclass(frozen=True, slots=True)
class Take:
    """Take this answer."""

    known: Known
    answer: Answer


@dataclass(frozen=True, slots=True)
class SeenAll:
    """Whoever sent it has seen everything that a summary tells of."""

    listed: Listed


@dataclass(frozen=True, slots=True)
class OneByOne:
    """An outcome for a whole summary: that is given on its list, for each by itself. The sender is told."""

    listed: Listed


Meaning: TypeAlias = Take | Closed | SeenAll | OneByOne | Unclear


def parse_reply(text: str) -> Reply | None:
    """The answer and code of a reply; None where it has none, or more than one."""
    plain = unicodedata.normalize("NFKC", text).upper().strip()
    for form in _FORMS:
        found = form.match(plain)
        if found is None:
            continue
        said = {_answer(word) for word in (found["answer"], found["again"]) if word}
        rest = found["rest"] or ""
        if len(said) > 1 or _ANOTHER.search(rest) or _DENIED.search(rest):
            return None
        return Reply(said.pop(), found["code"] or None)
    return None


def _answer(word: str) -> Answer:
    return _DIGIT.get(word) or _WORD[word]


def meaning(
    reply: Reply | None, known: Sequence[Known], now_ms: int, summaries: Sequence[Listed] = ()
) -> Meaning:
    """What to do with a reply of somebody who was told of these escalations, and sent these summaries."""
    if reply is None:
        return Unclear.UNREADABLE
    listed = _summary_meant(reply, known, summaries)
    if listed is not None:
        return SeenAll(listed) if reply.answer is Answer.SEEN else OneByOne(listed)
    return _one_meant(reply, known, now_ms)


def _one_meant(reply: Reply, known: Sequence[Known], now_ms: int) -> Take | Closed | Unclear:
    """The escalation that it names, or the only one that it can be about."""
    if reply.code is not None:
        named = next((one for one in known if one.code == reply.code), None)
        if named is None:
            return Unclear.NO_SUCH_CODE
        return Closed(named) if named.closed_ms is not None else Take(named, reply.answer)
    still_open = [one for one in known if one.closed_ms is None]
    if not still_open:
        return Closed(max(known, key=lambda one: one.closed_ms or 0)) if known else Unclear.NO_SUCH_CODE
    maybe_meant = [
        one
        for one in known
        if one.closed_ms is not None and not one.closed_by_them and now_ms - one.closed_ms < RECENTLY_MS
    ]
    if len(still_open) > 1 or maybe_meant:
        return Unclear.WHICH
    return Take(still_open[0], reply.answer)


def _summary_meant(reply: Reply, known: Sequence[Known], summaries: Sequence[Listed]) -> Listed | None:
    """The summary that it names; without a code, the one that tells of everything that is open, if of several."""
    if reply.code is not None:
        return next((one for one in summaries if one.code == reply.code), None)
    still_open = {one.id for one in known if one.closed_ms is None}
    if len(still_open) < 2:
        return None
    return next((one for one in summaries if still_open <= one.escalations), None)

"""Counts what came of a campaign, from the carrier's log, the people's and the journal's rows: not by the code
under test. Each check returns what is wrong, one sentence each.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from cunmai_rules.journal.database import Database
from support.carrier_clinics import OTHER, Fate, fate_of
from support.carrier_log import Attempt, CarrierLog

ANSWERED_YES = {"taken", "taken_slowly"}
_CAUSES = {"overdue", "notice_failed", "notice_unconfirmed"}
_DRIFT_S = 0.5
"""A request may be read so long after its sender was killed."""


@dataclass(frozen=True, slots=True)
class Note:
    """One line of history."""

    t_ms: int
    type: str
    actor: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """One notice, as the journal has it."""

    key: str
    contact: str
    number: int
    state: str
    queued_ms: int
    due_ms: int
    accepted_ms: int | None
    error: str | None


@dataclass
class Episode:
    """One escalation, as the journal has it."""

    id: str
    resident: str
    lane: str
    status: str
    because: str | None
    notices: list[Told] = field(default_factory=list)
    history: list[Note] = field(default_factory=list)

    def notes(self, *types: str) -> list[Note]:
        return [note for note in self.history if note.type in types]


@dataclass
class Record:
    """Everything there is to count by."""

    episodes: list[Episode]
    log: CarrierLog
    number_of: Mapping[str, str]
    """Each contact's number."""
    kills_s: Sequence[float]
    alarmed: set[str]
    """The escalations that the service's log has shouted about."""
    ended_ms: int
    """Where the clock stood still."""
    figures: Counter[str] = field(default_factory=Counter)

    @property
    def pages(self) -> list[Episode]:
        return [one for one in self.episodes if one.lane == "page"]


def read_episodes(db: Database) -> list[Episode]:
    """All of the journal, by plain queries."""
    found: dict[str, Episode] = {}
    for id_, lane, status, body in db.execute("SELECT id, lane, status, body FROM escalation"):
        said = json.loads(body)
        found[id_] = Episode(id_, said["resident"], lane, status, said["closed_because"])
    for id_, *told in db.execute(
        "SELECT escalation, id, contact, number, state, queued_ms, due_ms, accepted_ms, error"
        " FROM notice ORDER BY number"
    ):
        found[id_].notices.append(Told(*told))
    for id_, t_ms, type_, actor, detail in db.execute(
        "SELECT escalation, t_ms, type, actor, detail FROM history ORDER BY n"
    ):
        found[id_].history.append(Note(t_ms, type_, actor, json.loads(detail)))
    return list(found.values())


def read_alarms(log: Path) -> set[str]:
    """Of which escalations the service has said that nobody answers."""
    lines = (line for line in log.read_text(errors="replace").splitlines() if "rules.nobody_answers" in line)
    return {json.loads(line)["escalation"] for line in lines if line.startswith("{") and line.endswith("}")}


# -- every one reaches an end, and none is forgotten --------------------------------------------------------


def ends(record: Record, residents: Iterable[str]) -> Iterator[str]:
    """Each resident's one page has a human's answer, was withdrawn, or everyone was tried and it was shouted."""
    pages = defaultdict(list)
    for one in record.pages:
        pages[one.resident].append(one)
    wanted = set(residents)
    for resident in sorted(wanted | set(pages)):
        if resident.endswith(OTHER) and pages[resident][0].notes("reissued"):
            wanted.add(resident)
        if resident not in wanted or not _as_many_as_there_are_reasons(pages[resident]):
            yield f"{resident} has {len(pages[resident])} pages"
    for one in record.pages:
        reason, wrong = _end_of(one, record)
        record.figures[f"end: {reason}"] += 1
        if wrong:
            yield f"{one.resident} {one.id}: {wrong}"


def _as_many_as_there_are_reasons(pages: list[Episode]) -> bool:
    """One; or a graver one after the first was over."""
    if len(pages) == 1:
        return True
    first, *more = sorted(pages, key=lambda one: one.history[0].t_ms)
    return (
        len(more) == 1
        and fate_of(first.resident) is Fate.WORSE
        and max(note.t_ms for note in first.notes("closed")) <= more[0].history[0].t_ms
    )


def _end_of(one: Episode, record: Record) -> tuple[str, str | None]:
    """How it ended, and what is wrong with that."""
    fate, closed = fate_of(one.resident), one.notes("closed")
    if one.status == "closed" and (one.because or "").startswith("answered_"):
        answer = (one.because or "").removeprefix("answered_")
        said = any(given.resident == one.resident and given.answer == answer for given in record.log.answers)
        if not said or not closed or fate is Fate.NEVER:
            return "answered", "closed by an answer that nobody gave"
        return f"answered: {answer}", None
    if one.status == "closed" and one.because == "withdrawn":
        wrong = None if fate is Fate.CORRECTED and closed else "withdrawn, and nothing was corrected"
        return "retracted: withdrawn", wrong
    if one.status == "exhausted":
        if not one.notes("everyone_tried") or one.id not in record.alarmed:
            return "everyone tried", "exhausted without a word or an alarm"
        asked = {note.contact for note in one.notices}
        return "everyone tried, alarmed", None if len(asked) > 1 else f"only {asked} were ever asked"
    return f"none: {one.status}", f"no end: {one.status}, because {one.because}"


# -- nobody is paged twice for the same reason --------------------------------------------------------------


def paging(record: Record, ack_within_s: int) -> Iterator[str]:
    """Each message has its own reason, and none was sent again but where its acceptance was not known."""
    by_key = defaultdict(list)
    for attempt in record.log.attempts:
        if attempt.resident is not None:
            by_key[attempt.key].append(attempt)
    known = {note.key: one for one in record.episodes for note in one.notices}
    yield from (f"message {key} is not in the journal" for key in by_key if key not in known)
    for key, attempts in by_key.items():
        yield from _one_message(key, attempts, known.get(key), record)
    for one in record.episodes:
        yield from _reasons(one)
        yield from _not_too_soon(one, by_key, ack_within_s)
    record.figures["messages in the journal"] = len(known)
    record.figures["messages the carrier has taken"] = sum(
        any(attempt.took for attempt in attempts) for attempts in by_key.values()
    )
    for one in record.episodes:
        for told in one.notices:
            took = any(attempt.took for attempt in by_key[told.key])
            if told.accepted_ms is not None and not took:
                yield f"{told.key} is accepted on record, and no carrier has it"


def _one_message(key: str, attempts: list[Attempt], episode: Episode | None, record: Record) -> Iterator[str]:
    by_provider = {attempt.provider for attempt in attempts}
    for provider in by_provider:
        if len({attempt.body for attempt in attempts if attempt.provider == provider}) > 1:
            yield f"{key} went out with two wordings"
    if len({attempt.number for attempt in attempts}) > 1:
        yield f"{key} went to two numbers"
    figures = record.figures
    figures["requests to send"] += len(attempts)
    for attempt in attempts:
        figures[f"request: {attempt.did}"] += 1
    twice = record.log.phones[key] > 1
    figures["messages twice on one phone"] += twice
    killed = False
    for before, after in pairwise(sorted(attempts, key=lambda one: one.at_s)):
        if before.did not in ANSWERED_YES | {"refused"}:
            continue
        if before.did == "refused" and after.provider != before.provider:
            continue
        if any(before.at_s - _DRIFT_S <= kill <= after.at_s for kill in record.kills_s):
            killed = True
        elif episode is not None and any(
            "no answer" in str(note.detail.get("error")) for note in episode.notes("notice_postponed")
        ):
            figures["sent again: our yes came too late for the service"] += 1
        else:
            yield f"{key} was sent again after {before.did}, and nobody was killed"
    figures["sent again: killed between acceptance and its record"] += killed
    figures["of these twice on one phone"] += killed and twice


def _reasons(one: Episode) -> Iterator[str]:
    """Each notice after the first was made because of something, and nothing made two."""
    if [told.number for told in one.notices] != list(range(1, len(one.notices) + 1)):
        yield f"{one.id}: its notices are not numbered one by one"
    causes = [note.t_ms for note in one.history if note.type in _CAUSES or _is_graver(note)]
    made = Counter(told.queued_ms for told in one.notices[1:])
    for t_ms, times in made.items():
        if times > causes.count(t_ms):
            yield f"{one.id}: {times} notices at {t_ms}, for {causes.count(t_ms)} reasons"


def _not_too_soon(one: Episode, by_key: Mapping[str, list[Attempt]], ack_within_s: int) -> Iterator[str]:
    """Nobody gets a second message about the same thing before the time for an answer is over."""
    # By their places: while the clock stands still, much happens in the same millisecond.
    graver = [n for n, note in enumerate(one.history) if _is_graver(note)]
    asked = [n for n, note in enumerate(one.history) if note.type == "notice_queued"]
    of_contact = defaultdict(list)
    for told in one.notices:
        if any(attempt.took for attempt in by_key.get(told.key, ())):
            of_contact[told.contact].append(told)
    for contact, notices in of_contact.items():
        for before, after in pairwise(notices):
            gap_ms = after.queued_ms - before.queued_ms
            if gap_ms >= ack_within_s * 1000 or _failed_before_it_was_accepted(one, before, after):
                continue
            if not any(asked[before.number - 1] < n < asked[after.number - 1] for n in graver):
                yield f"{one.id}: {contact} was asked again after {gap_ms / 1000:.0f} s, for no new reason"


def _is_graver(note: Note) -> bool:
    return note.type == "joined" and note.detail["how"] in ("worse", "came_back")


def _failed_before_it_was_accepted(one: Episode, before: Told, after: Told) -> bool:
    """The carrier has taken it and has not said so; what it said first was that it failed.

    Then the others are asked, and this contact again when theirs comes to nothing, too.
    """
    failed = [
        note.t_ms
        for note in one.notes("notice_failed")
        if note.detail["contact"] == before.contact and before.queued_ms <= note.t_ms <= after.queued_ms
    ]
    return bool(failed) and (before.accepted_ms is None or before.accepted_ms > failed[0])


# -- receipts -----------------------------------------------------------------------------------------------


def receipts(record: Record) -> Iterator[str]:
    """What was confirmed to the carrier stands in the journal, and nothing that nobody said."""
    calls = [call for call in record.log.calls if call.what == "receipt"]
    says = defaultdict(set)
    for call in calls:
        record.figures[f"receipt: {call.kind}"] += 1
        if call.status != (401 if call.kind == "forged" else 200):
            yield f"a {call.kind} receipt was answered {call.status}"
        if call.kind in ("true", "lie"):
            says[call.key].add(call.says)
    for one in record.episodes:
        for told in one.notices:
            record.figures[f"notice: {told.state}"] += 1
            yield from _stands(told, says[told.key])
            if told.state == "queued" and told.due_ms <= record.ended_ms:
                yield f"{told.key} still waits"


def _stands(told: Told, said: set[str]) -> Iterator[str]:
    if "delivered" in said and told.state != "delivered":
        yield f"{told.key} is {told.state}, though a receipt said delivered"
    if told.state == "delivered" and "delivered" not in said:
        yield f"{told.key} is delivered, and no receipt said so"
    if told.error == "UNDELIV" and "failed" not in said:
        yield f"{told.key} failed by a receipt that nobody sent"


# -- answers ------------------------------------------------------------------------------------------------


def answers(record: Record) -> Iterator[str]:
    """Every answer that the service has confirmed is on record, and none that nobody gave."""
    contact_of = {number: contact for contact, number in record.number_of.items()}
    pages = defaultdict(list)
    for one in record.pages:
        pages[one.resident].append(one)
    given = {(said.resident, contact_of[said.number], said.answer, said.means) for said in record.log.answers}
    for said in record.log.answers:
        contact = contact_of[said.number]
        record.figures[f"answer by {said.means}"] += 1
        if not said.confirmed:
            yield f"{said.resident}: what {contact} said never came through"
        elif not any(
            _on_record(one, contact, said.answer, means)
            for one in pages[said.resident]
            # The same once more, by other means, adds nothing to the record.
            for means in ("sms", "link")
            if (said.resident, contact, said.answer, means) in given
        ):
            yield f"{said.resident}: {contact} said {said.answer} by {said.means}, and it is not on record"
    for one in record.episodes:
        for note in one.notes("answered", "answered_meanwhile", "answered_earlier"):
            if (one.resident, note.actor, note.detail["answer"], note.detail["means"]) not in given:
                yield f"{one.resident}: {note.actor} is said to have answered {note.detail['answer']}"
    yield from _replies(record)


def _replies(record: Record) -> Iterator[str]:
    for call in record.log.calls:
        if call.what == "reply":
            record.figures[f"reply: {call.kind}"] += 1
            if call.status != (401 if call.kind == "forged" else 200):
                yield f"a {call.kind} reply was answered {call.status}"


def _on_record(one: Episode, contact: str, answer: str, means: str) -> bool:
    for note in one.notes("answered", "answered_earlier", "reply_closed"):
        if note.actor != contact:
            continue
        if note.type == "reply_closed" and means == "sms":
            return True
        if note.type != "reply_closed" and (note.detail["answer"], note.detail["means"]) == (answer, means):
            return True
    return False

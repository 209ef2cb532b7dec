"""What rules find: it opens an escalation, joins one, is moved in time or taken back."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from cunmai_rules.escalation import grouping, machine
from cunmai_rules.escalation.asking import Asking
from cunmai_rules.escalation.policy import CLOCKS_DIFFER_MS
from cunmai_rules.escalation.states import CloseReason, Escalation, Status
from cunmai_rules.journal.findings import FindingRow
from cunmai_rules.journal.judgements import Subject
from cunmai_rules.thresholds.events import Escalate
from cunmai_wire.events import Lane

REISSUE_WITHIN_MS = 3_600_000
"""The corrections of one visit may come in several messages, but not further apart than this."""


class Finding(Asking):
    """The findings' part of the desk."""

    def open(self, subject: Subject, found: Escalate, now_ms: int) -> Escalation | None:
        """Take what a rule found: it opens an escalation, or joins the subject's open one.

        Returns the escalation that it opened; None where it joined one or was found before.
        """
        id_ = self.escalations.current_finding(subject.id, found.key)
        if self.escalations.found_before(id_):
            return None
        earlier = self.escalations.of_subject(subject.id)
        current = next((one for one in earlier if grouping.belongs(one, found, now_ms)), None)
        if current is not None:
            self._join(current, id_, found, now_ms)
            return None
        return self._open(id_, subject, found, earlier, now_ms)

    def _open(
        self,
        id_: str,
        subject: Subject,
        found: Escalate,
        earlier: Sequence[Escalation],
        now_ms: int,
    ) -> Escalation:
        policy = self.policies.of(found.grade, found.priority)
        outcome = next(
            (one for one in earlier if grouping.waits_for_review(one, found, policy, now_ms)), None
        )
        quiet_until_ms = (outcome.closed_ms or now_ms) + policy.quiet_s * 1000 if outcome else None
        escalation = Escalation(
            id=id_,
            subject=subject.id,
            gateway=subject.gateway,
            device=subject.device,
            resident=subject.resident,
            rule=found.rule,
            version=found.version,
            grade=found.grade,
            lane=Lane.REVIEW if outcome else found.lane,
            reason=found.reason,
            stream=found.source.stream if found.source else None,
            seq=found.source.seq if found.source else None,
            reading_t_ms=found.t_ms,
            opened_ms=now_ms,
            contacts=self.directory.contacts(subject.resident, subject.gateway, now_ms, policy.levels),
            rules=(found.rule,),
            raised=(found.rule,) if found.lane is Lane.PAGE else (),
            found_ms=now_ms,
            due_ms=quiet_until_ms,
            follows=outcome.id if outcome else None,
            priority=found.priority,
            said_zh=found.said_zh,
            said_en=found.said_en,
        )
        escalation, asks = machine.opened(escalation, policy)
        self.escalations.save(escalation)
        self.escalations.add_finding(_finding(id_, id_, found, now_ms))
        self._record.opened(escalation, self.policies.version, now_ms)
        self._ask(escalation, asks, now_ms)
        return escalation

    def _join(self, current: Escalation, id_: str, found: Escalate, now_ms: int) -> None:
        policy = self._policy_of(grouping.with_finding(current, found, now_ms))
        joined = grouping.join(current, found, policy, now_ms)
        if joined.step[1]:
            # Whom to ask at this grade and hour: it may have opened at another, and have waited since.
            here = self._with_rosters(current, policy, now_ms)
            joined = grouping.join(here, found, policy, now_ms)
        after, asks = joined.step
        if asks and found.source is not None:
            after = replace(after, stream=found.source.stream, seq=found.source.seq)
        self.escalations.add_finding(_finding(id_, current.id, found, now_ms))
        self._record.joined(current, found, joined.how, now_ms)
        self._save(current, after, asks, now_ms)

    def recovered(self, subject: str, rule: str, now_ms: int) -> None:
        """A rule no longer finds anything: told in the history of what it had raised."""
        for before in self.escalations.of_subject(subject):
            if rule in before.raised:
                self.escalations.save(grouping.recovered(before, rule, now_ms))
                self.escalations.log(now_ms, before.id, "recovered", "rules", rule=rule)

    def amend(self, subject: Subject, key: str, found: Escalate, now_ms: int) -> None:
        """A finding is now known to be of another moment. Nobody is asked again for that."""
        old = self.escalations.current_finding(subject.id, key)
        row = _finding(self.escalations.current_finding(subject.id, found.key), "", found, now_ms)
        owner = self.escalations.move_finding(old, row)
        if owner is None:
            self.open(subject, found, now_ms)
            return
        before = self.escalations.get(owner)
        if before is None or before.rule != found.rule:
            return
        self.escalations.log(now_ms, owner, "amended", "rules", rule=found.rule)
        source = found.source
        moved = replace(
            before,
            reading_t_ms=found.t_ms,
            stream=source.stream if source else None,
            seq=source.seq if source else None,
            said_zh=found.said_zh,
            said_en=found.said_en,
        )
        self.escalations.save(moved)

    def withdraw(self, subject: str, key: str, now_ms: int) -> None:
        """What was found does not hold: a late reading or a correction has shown it."""
        self._withdraw(self.escalations.current_finding(subject, key), now_ms)

    def withdraw_about(self, stream: str, seq: int, now_ms: int) -> None:
        """This reading counted for the wrong person: nothing that was found by it holds."""
        for id_, escalation in self.escalations.findings_about(stream, seq):
            self.escalations.hold(escalation)
            self._withdraw(id_, now_ms)

    def _withdraw(self, id_: str, now_ms: int) -> None:
        """Noted in the history; an escalation of which nothing stands, and that nobody answered, is closed."""
        withdrawn = self.escalations.withdraw_finding(id_, now_ms)
        if withdrawn is None:
            return
        owner, rule, standing = withdrawn
        self.escalations.log(now_ms, owner, "withdrawn", "rules", rule=rule)
        before = self.escalations.get(owner)
        if before is None or before.status is Status.CLOSED:
            return
        self.escalations.save(grouping.recovered(before, rule, now_ms))
        if standing == 0 and before.status is not Status.SEEN:
            self.close(owner, CloseReason.WITHDRAWN, "rules", now_ms)

    def about(self, subject: str) -> frozenset[str]:
        """Everything that there is about a subject."""
        return frozenset(one.id for one in self.escalations.of_subject(subject))

    def reissue(
        self, wrong: str, right: str, readings: Set[tuple[str, int]], before: Set[str], now_ms: int
    ) -> None:
        """These readings, for which somebody may have been paged, are another subject's than was thought.

        What they find is of the past and becomes a task. Where the page that was taken back still owed an answer,
        that task is paged instead: a correction puts an alarm right, and never silences it. `before`: what there was
        about the right subject before these readings were judged. What is new since, they have brought about, also
        where it was a reading of an earlier message that completed it.
        """
        theirs = self.escalations.of_subject(right)
        retracted = next(
            (one for one in self.escalations.of_subject(wrong) if _taken_back(one, now_ms)), None
        )
        reviews = [one for one in theirs if one.lane is Lane.REVIEW and one.status is not Status.CLOSED]
        tasks = [one for one in reviews if (one.stream, one.seq) in readings or one.id not in before]
        if retracted is None:
            for one in tasks:  # The page may be taken back by the next message of the same corrections.
                self.escalations.log(now_ms, one.id, "corrected_here", "rules", instead_of=wrong)
            return
        if any(one.follows == retracted.id for one in theirs):
            return
        tasks += [one for one in reviews if one not in tasks and self._corrected_here(one, wrong, now_ms)]
        task = max(tasks, key=lambda one: grouping.GRAVITY[one.grade], default=None)
        if task is None:
            return
        known = next((one for one in theirs if _pages_for(one, task)), None)
        if known is not None:
            # A live reading of the same message has confirmed it, and somebody is asked already.
            self.escalations.log(now_ms, known.id, "reissued", "rules", instead_of=retracted.id)
            self.escalations.save(replace(known, follows=known.follows or retracted.id))
            return
        policy = self._policy_of(task)
        paged = replace(task, lane=Lane.PAGE, raised=task.rules, follows=retracted.id)
        after, asks = machine.ask_anew(self._with_rosters(paged, policy, now_ms), policy, now_ms)
        self.escalations.log(now_ms, task.id, "reissued", "rules", instead_of=retracted.id)
        self._save(task, after, asks, now_ms)

    def _corrected_here(self, task: Escalation, wrong: str, now_ms: int) -> bool:
        """Whether it was found a moment ago by a reading that was corrected from this subject."""
        return any(
            line.type == "corrected_here"
            and line.detail["instead_of"] == wrong
            and -CLOCKS_DIFFER_MS <= now_ms - line.t_ms <= REISSUE_WITHIN_MS
            for line in self.escalations.history(task.id)
        )


def _finding(id_: str, escalation: str, found: Escalate, now_ms: int) -> FindingRow:
    return FindingRow(
        id_, escalation, found.rule, found.version, found.grade, found.lane, found.reason, found.t_ms,
        found.source.stream if found.source else None, found.source.seq if found.source else None, now_ms,
    )  # fmt: skip


def _pages_for(one: Escalation, task: Escalation) -> bool:
    """An open page of what a task says, and no less grave."""
    return (
        one.lane is Lane.PAGE
        and one.status is not Status.CLOSED
        and task.rule in one.raised
        and grouping.GRAVITY[one.grade] >= grouping.GRAVITY[task.grade]
    )


def _taken_back(one: Escalation, now_ms: int) -> bool:
    """A page of which nothing stands any more since a moment ago, and that nobody has dealt with."""
    if one.lane is not Lane.PAGE:
        return False
    if one.status is Status.SEEN:
        return not one.raised
    just_now = one.closed_ms is not None and -CLOCKS_DIFFER_MS <= now_ms - one.closed_ms <= REISSUE_WITHIN_MS
    return one.closed_because == CloseReason.WITHDRAWN and just_now

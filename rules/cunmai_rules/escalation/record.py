"""What happened to an escalation, written to its history, told as an event and counted; together or not at all."""

from __future__ import annotations

from collections.abc import Iterable

from cunmai_rules.escalation.grouping import How
from cunmai_rules.escalation.states import Escalation
from cunmai_rules.journal.escalations import Escalations
from cunmai_rules.journal.events import Events
from cunmai_rules.journal.notices import Notice
from cunmai_rules.quality import counting
from cunmai_rules.quality.episodes import counts, episode_of
from cunmai_rules.registry.directory import Directory
from cunmai_rules.thresholds.events import Escalate
from cunmai_wire.events import Answer, AnswerMeans, NoticeState

_TAKEN = (NoticeState.ACCEPTED, NoticeState.DELIVERED)
LONGEST_REASON = 64
"""In an event; the history has all of it."""


class Record:
    """Writes within the caller's transaction."""

    def __init__(self, escalations: Escalations, events: Events, directory: Directory) -> None:
        self._escalations = escalations
        self._events = events
        self._directory = directory

    def opened(self, escalation: Escalation, policy: str, now_ms: int) -> None:
        """`policy`: the name and version of the policies that it is asked by."""
        after = {"follows": escalation.follows} if escalation.follows else {}
        self._escalations.log(
            now_ms,
            escalation.id,
            "opened",
            "rules",
            rule=escalation.rule,
            reason=escalation.reason,
            policy=policy,
            **after,
        )
        self._tell(
            escalation,
            now_ms,
            "escalation_opened",
            rule=escalation.rule,
            rule_version=escalation.version,
            grade=escalation.grade,
            lane=escalation.lane,
            reason=escalation.reason,
            reading_t=escalation.reading_t_ms,
            priority=escalation.priority,
        )
        self._count(escalation, [counting.opened(episode_of(escalation, (), self._team(escalation)))])

    def joined(self, escalation: Escalation, found: Escalate, how: How, now_ms: int) -> None:
        self._escalations.log(
            now_ms, escalation.id, "joined", "rules", rule=found.rule, reason=found.reason, how=how
        )
        self._tell(
            escalation,
            now_ms,
            "escalation_joined",
            rule=found.rule,
            rule_version=found.version,
            grade=found.grade,
            reason=found.reason,
            reading_t=found.t_ms,
        )

    def notice(self, escalation: Escalation, notice: Notice, now_ms: int) -> None:
        """A notice has a new state."""
        error = {"error": notice.error} if notice.error else {}
        # Told by the message of another notice: whoever counts messages counts that one.
        part = notice.told_with is not None and not notice.carries_summary
        with_ = {"summary": notice.told_with} if part else {}
        provider = {"provider": notice.provider} if notice.provider else {}
        self._escalations.log(
            now_ms, escalation.id, f"notice_{notice.state}", "carrier", contact=notice.contact,
            attempts=notice.attempts, **error, **provider, **with_,
        )  # fmt: skip
        self._tell(
            escalation,
            now_ms,
            "notice_changed",
            notice=notice.id,
            contact=notice.contact,
            state=notice.state,
            attempts=notice.attempts,
            reason=notice.error[:LONGEST_REASON] if notice.error else None,
            provider=notice.provider,
        )
        if notice.state in _TAKEN:
            self._count_newest(escalation)

    def moved(self, before: Escalation, after: Escalation) -> None:
        """A task has become a page, or the other way round."""
        self._count(after, [counting.moved(before.lane, episode_of(after, (), self._team(after)))])

    def held(self, escalation: Escalation, notice: Notice, now_ms: int) -> None:
        """A message waits: since when, why and until when is on the worklist, too."""
        self._escalations.log(
            now_ms, escalation.id, "notice_held", "rules", contact=notice.contact, why=notice.held_why,
            until_ms=notice.due_ms,
        )  # fmt: skip

    def together(self, escalation: Escalation, notice: Notice, summary: str, count: int, now_ms: int) -> None:
        """It goes out in a summary of so many, which the notice `summary` carries."""
        self._escalations.log(
            now_ms, escalation.id, "notice_together", "rules", contact=notice.contact, summary=summary,
            count=count,
        )  # fmt: skip

    def apart(self, escalation: Escalation, notice: Notice, summary: str, now_ms: int) -> None:
        """The summary that it was in was refused: it goes out by itself."""
        self._escalations.log(
            now_ms, escalation.id, "notice_apart", "carrier", contact=notice.contact, refused_summary=summary,
            error=notice.error,
        )  # fmt: skip

    def answered(
        self, escalation: Escalation, contact: str, answer: Answer, means: AnswerMeans, now_ms: int
    ) -> None:
        self._escalations.log(now_ms, escalation.id, "answered", contact, answer=answer, means=means)
        self._tell(escalation, now_ms, "escalation_answered", contact=contact, answer=answer, means=means)
        self._count_newest(escalation)

    def closed(self, escalation: Escalation, actor: str, now_ms: int) -> None:
        self._escalations.log(now_ms, escalation.id, "closed", actor, reason=escalation.closed_because)
        self._tell(escalation, now_ms, "escalation_closed", reason=escalation.closed_because)
        self._count_newest(escalation)

    # -- within ---------------------------------------------------------------------------------------

    def _tell(self, escalation: Escalation, now_ms: int, type_: str, **fields: object) -> None:
        self._events.add(
            escalation.gateway,
            now_ms,
            type_,
            device=escalation.device,
            resident=escalation.resident,
            escalation=escalation.id,
            **fields,
        )

    def _count_newest(self, escalation: Escalation) -> None:
        """Count what the newest line of its history changes."""
        history, team = self._escalations.history(escalation.id), self._team(escalation)
        before, after = (episode_of(escalation, lines, team) for lines in (history[:-1], history))
        self._count(escalation, counting.happened(before, after))

    def _count(self, escalation: Escalation, changes: Iterable[counting.Counted]) -> None:
        for one in changes if counts(escalation) else ():
            # Of nobody: neither the resident nor the device has any place in a figure.
            self._events.add(escalation.gateway, one.t_ms, one.type, escalation=escalation.id, **one.fields)

    def _team(self, escalation: Escalation) -> str | None:
        return self._directory.team_of(escalation.resident, escalation.gateway, escalation.opened_ms)

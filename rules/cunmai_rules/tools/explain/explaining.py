"""Why each rule said what it said of one subject at one moment. Pure.

Each rule is played by itself over the readings that had arrived by then, in the service's own way, so that what is
told is what the rule went by and not a second reading of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cunmai_rules.moments import show_moment
from cunmai_rules.thresholds.applies import Facts
from cunmai_rules.thresholds.events import GradeChange, Observation, Reason
from cunmai_rules.thresholds.forms import Silence, Spell
from cunmai_rules.thresholds.labels import KINDS, Pair, field_label
from cunmai_rules.thresholds.memory import Key, key_of
from cunmai_rules.thresholds.ruleset import RuleSet, VersionedRule, for_subject, index_rules
from cunmai_rules.thresholds.sentence import span
from cunmai_rules.thresholds.state import RuleState, rule_states
from cunmai_rules.thresholds.window import Outcome
from cunmai_rules.tools.preview.rule_words import kinds_of, raises, why_unfit
from cunmai_rules.tools.replay.playback import play_subject

MOST_SHOWN = 6
"""Readings told of one rule."""

REASONS: dict[Reason, Pair] = {
    Reason.NO_VALUE: ("没有这一项数值", "without this value"),
    Reason.QUALITY_GATED: ("信号不可靠, 不作依据", "doubtful signal, no evidence"),
    Reason.DOUBTFUL: ("异常但信号不可靠: 请重新测量", "abnormal but doubtful: measure again"),
    Reason.NORMAL: ("不满足条件", "the condition does not hold"),
    Reason.SPELL_BEGAN: ("开始满足条件", "the condition begins to hold"),
    Reason.SPELL_GOES_ON: ("仍未解除, 还不够久", "it goes on, not yet for long enough"),
    Reason.SPELL_ENDED: ("恢复, 没有持续到时间", "it recovered before it had held for long enough"),
    Reason.SPELL_UNCONFIRMED: ("一次异常后没有复测: 转任务", "nothing confirmed it: a task"),
    Reason.LIMIT_MET: ("满足条件并持续够久: 预警", "the condition has held for long enough: alarm"),
    Reason.LIMIT_MET_LATE: ("迟到的数据满足条件: 转任务", "late readings met the condition: a task"),
    Reason.CONFIRMED_LIVE: ("实时数据证实: 通知", "confirmed live: a page"),
    Reason.STILL_RAISED: ("预警仍在", "the alarm stands"),
    Reason.CLEARING: ("满足解除条件, 还不够久", "the clearing condition holds, not yet for long enough"),
    Reason.CLEARED: ("解除", "cleared"),
    Reason.OUT_OF_ORDER: ("太迟, 单独看过, 没有改变什么", "too late to change anything"),
    Reason.OUT_OF_ORDER_LOW: ("太迟的异常值: 转任务", "abnormal and too late: a task"),
    Reason.STALE: ("太久没有有效数据", "no usable reading for too long"),
    Reason.INCOMPLETE: ("还缺别的数值, 无法判断", "another value is missing"),
    Reason.NOT_APPLICABLE: ("不适用", "does not apply"),
    Reason.HEARD: ("收到了", "heard"),
    Reason.AWAITED: ("开始等待", "awaited"),
    Reason.NOTHING_HEARD: ("在规定时间内没有收到: 预警", "nothing came in time: alarm"),
    Reason.JUDGED_AGAIN: ("按顺序重新判断", "judged again in its place"),
    Reason.RULE_CHANGED: ("规则改了, 重新判断", "the rule has changed"),
    Reason.RULE_REMOVED: ("规则已取消", "the rule is gone"),
}


@dataclass(frozen=True, slots=True)
class Counted:
    """One reading, and what the rule made of it."""

    event: Observation
    reason: Reason
    said_of: str
    """The rule's id, or the key of its group, as the journal has it."""


@dataclass(frozen=True)
class Explained:
    """One rule at one moment."""

    rule: VersionedRule
    applies: bool
    grade: str
    since_ms: int | None
    """Since when it gave that grade; None where it never gave another."""
    why: tuple[Pair, ...]
    readings: tuple[Counted, ...]
    """The newest, oldest first; and the one that raised it."""


@dataclass
class _Log:
    """What a play said."""

    counted: dict[Key, Counted] = field(default_factory=dict)
    since_ms: int | None = None
    last: Reason | None = None
    """Of what was said last, whether of a reading or of time."""


def explain_all(
    rules: RuleSet, events: Sequence[Observation], facts: Facts, at_ms: int, utc_offset_minutes: int
) -> list[Explained]:
    """Every rule, in the order of the files. `events`: what had arrived by then, in that order."""
    return [
        _Explanation(one, events, facts, at_ms, utc_offset_minutes).told() for one in rules.by_id.values()
    ]


class _Explanation:
    """One rule's."""

    def __init__(
        self, rule: VersionedRule, events: Sequence[Observation], facts: Facts, at_ms: int, offset: int
    ) -> None:
        own = facts.limits.get(rule.rule.id)
        self._rule = for_subject(rule, own)
        self._own = own
        self._at_ms = at_ms
        self._offset = offset
        self._unfit = why_unfit(rule, facts)
        self._heard = [one for one in events if one.kind in rule.kinds]
        self._by_key = {key_of(one): one for one in self._heard}
        self._log = _Log()
        self._state = RuleState()
        if not self._unfit:
            final = play_subject(self._heard, index_rules([rule], {}), facts, at_ms, self._told)
            self._state = rule_states(final).get(rule.rule.id, RuleState())

    def _told(self, _now_ms: int, outcome: Outcome) -> None:
        log = self._log
        for key, decisions in sorted(outcome.decisions.items()):
            for one in decisions:
                log.counted[key] = Counted(self._by_key[key], one.reason, one.rule)
                log.last = one.reason
        for action in outcome.actions:
            if isinstance(action, GradeChange):
                log.since_ms, log.last = action.t_ms, action.reason

    def told(self) -> Explained:
        return Explained(
            self._rule,
            not self._unfit,
            self._state.grade,
            self._log.since_ms,
            tuple(self._unfit or self._why()),
            tuple(self._shown()),
        )

    def _shown(self) -> list[Counted]:
        """The newest, and the one of which the alarm or the spell is."""
        everything = [self._log.counted[key] for key in sorted(self._log.counted)]
        about = [one for one in everything if self._state.since_ms == one.event.t_ms]
        newest = everything[-MOST_SHOWN:]
        return [one for one in about if one not in newest][:1] + newest

    # -- in words -------------------------------------------------------------------------------------

    def _why(self) -> Iterator[Pair]:
        if self._own is not None:
            raises_, clears_ = self._own.raises, self._own.clears
            yield (
                f"此人有自己的界限: {raises_:g} 预警, {clears_:g} 解除",
                f"this resident has limits of their own: {raises_:g} raises, {clears_:g} clears",
            )
        if not self._heard:
            kinds = kinds_of(self._rule)
            yield f"没有收到过{kinds[0]}(日志保留的时间内)", f"no {kinds[1]} was heard (as far as is kept)"
            return
        if isinstance(self._rule.rule.when, Silence):
            yield self._waiting(self._rule.rule.when)
        else:
            yield self._phase()
        if self._state.phase == "clear" and self._log.last is Reason.INCOMPLETE:
            zh, en = _both(self._missing())
            yield f"之后的测量值无法判断, 因为{zh}", f"what came after cannot be judged, because {en}"
        yield from self._gated()

    def _waiting(self, when: Silence) -> Pair:
        state = self._state
        since, until = self._time(state.since_ms), self._time(state.since_ms + when.for_s * 1000)
        if state.phase == "raised":
            return f"{since} 之后到 {until} 没有收到", f"nothing came from {since} to {until}"
        if state.phase == "pending" or (state.phase == "clear" and when.after is None):
            return (
                f"最近一次在 {since}; 到 {until} 还没有收到才预警",
                f"the last was at {since}; it raises where nothing comes until {until}",
            )
        return f"{since} 已收到", f"it was heard at {since}"

    def _phase(self) -> Pair:
        match self._state.phase:
            case "raised":
                return self._raised()
            case "pending":
                return self._pending()
            case "clear":
                newest = self._time(self._state.evidence_ms)
                return (
                    f"{newest} 的有效测量值不满足“{raises(self._rule.rule)[0]}”",
                    f"the usable reading of {newest} does not meet: {raises(self._rule.rule)[1]}",
                )
        return self._held() if self._state.held else self._unknown()

    def _raised(self) -> Pair:
        raised = self._time(self._state.since_ms)
        zh = f"“{raises(self._rule.rule)[0]}”在 {raised} 满足"
        en = f"it was met at {raised}: {raises(self._rule.rule)[1]}"
        if self._state.clearing_ms:
            since = self._time(self._state.clearing_ms)
            return (
                f"{zh}; 解除条件自 {since} 满足, 还不够久",
                f"{en}; the clearing condition has held since {since}, not yet for long enough",
            )
        return f"{zh}, 还没有满足解除条件", f"{en}; the clearing condition has not been met"

    def _pending(self) -> Pair:
        state, when = self._state, self._rule.rule.when
        assert isinstance(when, Spell), "only a rule on values has a spell"
        began, last = self._time(state.since_ms), self._time(state.met_ms)
        held = (state.met_ms - state.since_ms) / 1000
        return (
            f"自 {began} 起满足, 到 {last} 是 {held:g} 秒, 须满 {span(when.for_s, 'zh')}",
            f"it has held from {began} to {last}, {held:g} s of the {span(when.for_s, 'en')} that it must",
        )

    def _held(self) -> Pair:
        last = self._time(self._state.evidence_ms)
        return (
            f"以前的预警没有满足解除条件; 最后的有效测量值在 {last}, 没有数据不会解除预警",
            f"an earlier alarm was not cleared; the last usable reading was at {last}, and silence clears nothing",
        )

    def _unknown(self) -> Pair:
        state, rule = self._state, self._rule.rule
        missing = list(self._missing())
        match self._log.last:
            case Reason.STALE:
                last = self._time(state.evidence_ms)
                stale = rule.stale_after_s
                return (
                    f"最后的有效测量值在 {last}, 超过 {span(stale, 'zh')} 没有新的: 未知, 不是正常",
                    f"the last usable reading was at {last}; after {span(stale, 'en')} without one it is unknown",
                )
            case Reason.INCOMPLETE if missing:
                zh, en = _both(missing)
                return f"无法判断, 因为{zh}", f"unknown, because {en}"
            case None:
                return "还没有可以判断的测量值", "there is no reading yet that it can judge"
            case reason:
                return REASONS[reason]

    def _missing(self) -> Iterator[Pair]:
        """Values that the rule needs, and that are not there or too old."""
        memory = self._state.memory or {}
        needs = {need.name: need for leaf in self._rule.rule.leaves for need in leaf.needs()}
        for name, need in needs.items():
            label = KINDS.get(name) or field_label(name.rstrip("?"))
            values = memory.get(name)
            within_s = self._rule.rule.stale_after_s if need.within_s is None else need.within_s
            if not values:
                yield f"没有{label[0]}", f"{label[1]} is missing"
            elif self._at_ms - values[-1][0] > within_s * 1000:
                at = self._time(values[-1][0])
                yield f"{label[0]}是 {at} 的, 太旧", f"{label[1]} is of {at}, too old"

    def _gated(self) -> Iterator[Pair]:
        """Readings since the last that counted, which were no evidence."""
        gated = [
            one
            for one in self._log.counted.values()
            if one.event.t_ms > self._state.evidence_ms
            and one.reason in (Reason.QUALITY_GATED, Reason.DOUBTFUL, Reason.NO_VALUE)
        ]
        if gated:
            flags = sorted({flag for one in gated for flag in one.event.quality})
            named = f" ({', '.join(flags)})" if flags else ""
            yield (
                f"其后 {len(gated)} 个测量值不作依据{named}",
                f"{len(gated)} readings after that were no evidence{named}",
            )

    def _time(self, t_ms: int) -> str:
        return show_moment(t_ms, self._offset)


def _both(pairs: Iterable[Pair]) -> Pair:
    listed = list(pairs)
    return ", ".join(one[0] for one in listed), ", ".join(one[1] for one in listed)

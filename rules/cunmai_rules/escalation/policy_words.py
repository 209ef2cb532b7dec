"""A policy file in plain sentences, Chinese and English: what `machine` does by it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cunmai_rules.escalation.folding import Folding
from cunmai_rules.escalation.policy_file import LEVELS, Level, Plan
from cunmai_rules.thresholds.sentence import span
from cunmai_wire.events import Grade, Priority

Said = tuple[str, str]
"""One sentence: in Chinese, in English."""
Case = tuple[Grade, Priority]

LEVEL_WORDS: dict[Level, Said] = {
    "volunteer": ("网格员", "volunteer"), "village": ("村医", "village doctor"),
    "township": ("乡镇医生", "township doctor"), "county": ("县级医生", "county physician"),
    "specialist": ("专科医生", "specialist"), "leader": ("学科带头人", "discipline leader"),
    "expert": ("首席专家", "chief expert"),
}  # fmt: skip
_GRADES = {Grade.RED: ("红色", "red"), Grade.YELLOW: ("黄色", "yellow")}
_PRIORITIES = {Priority.HIGH: ("高", "high"), Priority.MEDIUM: ("中", "medium"), Priority.LOW: ("低", "low")}
FOR_ALL: tuple[Said, ...] = (
    (
        "同级可能不止一位, 没有人的级别跳过, 名单最多 12 位; 登记库里查不到人时, 依次通知 rules.yaml 里的联系人。",
        (
            "A level may be several people, one that nobody holds is passed over, and the list is 12 people at most; "
            "where the registry knows nobody, the contacts of rules.yaml are asked in their order."
        ),
    ),
    (
        "平台拒收, 或没有送达手机: 立即通知下一位。",
        "Refused by the carrier, or not delivered to the phone: the next is asked at once.",
    ),
)
"""What holds whatever a file says."""
FALLBACK: Said = ("备用联系人(rules.yaml 的 fallback_contacts)", "the fallback contacts of rules.yaml")


def reached_cases(plans: Iterable[Plan]) -> Iterator[tuple[Plan, list[Case]]]:
    """Each plan with what falls to it: those before it come first."""
    taken: set[Case] = set()
    for plan in plans:
        mine = [case for case in plan.covers() if case not in taken]
        taken |= set(mine)
        yield plan, mine


def cases_words(cases: Iterable[Case]) -> Said:
    """Grades and priorities, those with the same priorities together."""
    by_grade: dict[Grade, list[Priority]] = {}
    for grade, priority in cases:
        by_grade.setdefault(grade, []).append(priority)
    grades_of: dict[tuple[Priority, ...], list[Grade]] = {}
    for grade in (one for one in _GRADES if one in by_grade):
        ranked = tuple(one for one in _PRIORITIES if one in by_grade[grade])
        grades_of.setdefault(ranked, []).append(grade)
    parts = [_alike(grades, ranked) for ranked, grades in grades_of.items()]
    return "; ".join(zh for zh, _ in parts), "; ".join(en for _, en in parts)


def _alike(grades: list[Grade], ranked: tuple[Priority, ...]) -> Said:
    colours = "、".join(_GRADES[one][0] for one in grades), " and ".join(_GRADES[one][1] for one in grades)
    if len(ranked) == len(_PRIORITIES):
        return f"{colours[0]}预警, 不论优先级", f"{colours[1]} alarms of any priority"
    zh = "、".join(_PRIORITIES[one][0] for one in ranked)
    return f"{colours[0]}预警, 优先级{zh}", f"{colours[1]} alarms of priority {_list_en(ranked)}"


def _list_en(ranked: tuple[Priority, ...]) -> str:
    return " and ".join(_PRIORITIES[one][1] for one in ranked)


def plan_sentences(plan: Plan, fallback: tuple[str, ...] | None = None) -> list[Said]:
    """What is done by a plan. `fallback`: the fallback contacts of rules.yaml, where they are known."""
    waits = plan.ack_within_s if isinstance(plan.ack_within_s, tuple) else (plan.ack_within_s,)
    said = [_whom(plan), _answer(waits), _accept(plan)]
    said += [*_in_vain(plan, waits[0], _last_resort(plan, fallback)), _seen(plan), _repeat(plan)]
    if plan.quiet_hours is not None:
        said.append(_quiet(plan.quiet_hours.begins, plan.quiet_hours.ends))
    return said


def _whom(plan: Plan) -> Said:
    zh = "、".join(LEVEL_WORDS[level][0] for level in plan.levels)
    en = ", ".join(LEVEL_WORDS[level][1] for level in plan.levels)
    return f"按级别依次通知: {zh}。", f"It asks level by level: {en}."


def _answer(waits: tuple[int, ...]) -> Said:
    if len(set(waits)) == 1:
        return (
            f"每位从短信平台接收起有 {span(waits[0], 'zh')}答复, 之后通知下一位。",
            f"Each has {span(waits[0], 'en')} from the carrier's acceptance to answer; then the next is asked.",
        )
    *first, last = range(1, len(waits) + 1)
    zh = ", ".join(f"第 {turn} 位 {span(waits[turn - 1], 'zh')}" for turn in first)
    en = ", ".join(f"{span(waits[turn - 1], 'en')} for number {turn}" for turn in first)
    return (
        (
            f"从短信平台接收起有多久答复, 按名单上的次序(不按级别): {zh}, 第 {last} 位起每位 {span(waits[-1], 'zh')}; "
            "之后通知下一位。"
        ),
        (
            f"From the carrier's acceptance to an answer, by place on the list and not by level: {en}, "
            f"{span(waits[-1], 'en')} for number {last} and all after; then the next is asked."
        ),
    )


def _accept(plan: Plan) -> Said:
    return (
        f"短信平台 {span(plan.next_s, 'zh')}没有接收, 就通知下一位。",
        f"Not accepted by the carrier within {span(plan.next_s, 'en')}: the next is asked.",
    )


def _in_vain(plan: Plan, again_s: int, resort: Said | None) -> Iterator[Said]:
    """After the rounds, and where nobody can be reached."""
    every_zh, every_en = span(plan.then_every_s, "zh"), span(plan.then_every_s, "en")
    if resort is None:
        asked = f"每 {every_zh}通知一次名单上最后一位", f"every {every_en} the last on the list is asked"
    else:
        asked = (
            f"每 {every_zh}通知一位, 由名单上最后一位和{resort[0]}轮流",
            f"every {every_en} one person is asked, the last on the list and {resort[1]} by turns",
        )
    yield (
        f"名单走完 {plan.rounds} 轮(平台没有接收的不算)仍没有人答复: {asked[0]}, 不会停止。",
        (
            f"{_times(plan.rounds)} through the list (what the carrier never took does not count) without an answer: "
            f"{asked[1]}, and it never stops."
        ),
    )
    with_zh, with_en = ("", "") if resort is None else (f", 并加上{resort[0]}", f", and {resort[1]} as well")
    yield (
        f"名单上一个人也联系不到(都被拒收或没有送达): {span(again_s, 'zh')}后从头再来{with_zh}。",
        (
            f"Nobody on the list can be reached (all refused or not delivered): after {span(again_s, 'en')} from the "
            f"beginning{with_en}."
        ),
    )


def _times(count: int) -> str:
    return "Once" if count == 1 else f"{count} times"


def _last_resort(plan: Plan, fallback: tuple[str, ...] | None) -> Said | None:
    """Who is asked besides the last on the list; None where nobody is."""
    if plan.everyone_tried is None and fallback is None:
        return FALLBACK
    named = (fallback or ()) if plan.everyone_tried is None else plan.everyone_tried
    return ("、".join(named), ", ".join(named)) if named else None


def _seen(plan: Plan) -> Said:
    zh, en = span(plan.outcome_within_s, "zh"), span(plan.outcome_within_s, "en")
    return (
        f"有人答“已看”: {zh}内没有处理结果就提醒他, 每 {zh}一次, 直到有结果; 提醒送不到, 就通知下一位。",
        (
            f"Somebody answers 已看 (seen): without an outcome within {en} they are reminded, every {en} until "
            "there is one; where a reminder cannot arrive, the next is asked."
        ),
    )


def _repeat(plan: Plan) -> Said:
    if plan.quiet_s == 0:
        return (
            "有了处理结果以后同一情况再出现: 立即重新通知。",
            "The same finding after an outcome: asked anew at once.",
        )
    zh, en = span(plan.quiet_s, "zh"), span(plan.quiet_s, "en")
    return (
        f"有了处理结果后 {zh}内同一情况再出现: 先只列为任务, 这段时间过后仍未恢复才通知。",
        (
            f"The same finding within {en} of an outcome: a task first, and a page at the end of that time unless "
            "it has recovered."
        ),
    )


def _quiet(begins: str, ends: str) -> Said:
    zh_day, en_day = ("次日 ", " of the next day") if ends < begins else ("", "")
    return (
        f"{begins} 到{zh_day or ' '}{ends} 不通知任何人, 到 {ends} 再通知; 有人亲自转交的照常通知。",
        f"From {begins} to {ends}{en_day} nobody is asked, but at {ends}; what a person hands over is asked at once.",
    )


def folding_sentences(folding: Folding) -> list[Said]:
    """When messages become one."""
    return [*_burst(folding), *_rates(folding)]


def _burst(folding: Folding) -> Iterator[Said]:
    if (burst := folding.burst) is None:
        return
    spans = [
        {"zh": span(seconds, "zh"), "en": span(seconds, "en")}
        for seconds in (burst.within_s, burst.red_within_s, burst.gather_s, burst.again_s)
    ]
    within, red, gather, again = (one["zh"] for one in spans)
    zh = (
        f"同一机构扎堆: {within}内发给同一个人的前 {burst.singly} 条逐条发出, 其余合成一条汇总: "
        f"有新的红色, {red}内发出; 否则收集 {gather}, 两条汇总至少相隔 {again}。"
    )
    within, red, gather, again = (one["en"] for one in spans)
    yield (
        zh,
        (
            f"Many at one site: the first {burst.singly} to one person within {within} go out singly, the rest become "
            f"a summary: within {red} where there is a new red; else they are gathered for {gather}, and two summaries "
            f"are at least {again} apart."
        ),
    )


def _rates(folding: Folding) -> Iterator[Said]:
    if (yellow := folding.yellow) is not None:
        yield (
            (
                f"每个人 {span(yellow.within_s, 'zh')}内最多 {yellow.messages} 条黄色短信, "
                "多出的合成一条汇总, 到能发时发出。"
            ),
            (
                f"At most {yellow.messages} yellow messages to one person within {span(yellow.within_s, 'en')}; what "
                "is more becomes a summary, sent when there is room."
            ),
        )
    if (red := folding.red) is not None:
        yield (
            (
                f"每个人 {span(red.within_s, 'zh')}内最多 {red.messages} 条红色催促。"
                "一名居民的红色预警第一次通知某个人, 从不扣住。"
            ),
            (
                f"At most {red.messages} messages that ask one person again about reds within "
                f"{span(red.within_s, 'en')}. The first that a person hears of a resident's red is never held back "
                "by it."
            ),
        )


def level_words(level: int) -> tuple[Said, str]:
    """What a level is called, and how it is written in a file."""
    key = next(name for name in LEVEL_WORDS if LEVELS[name] == level)
    return LEVEL_WORDS[key], key

"""What one contact's worklist shows: sorted onto shelves, gravest and oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.policy import Policy
from cunmai_rules.escalation.states import Escalation, Status
from cunmai_rules.journal.escalations import Entry
from cunmai_rules.journal.folds import MOST_LISTED, HeldBack, SummaryLink
from cunmai_rules.journal.judgements import Judgements
from cunmai_rules.moments import local_time
from cunmai_rules.notify.message import TREND_MS, finding
from cunmai_rules.pages.view import who_of
from cunmai_rules.pages.words import DONE, GRADES, SHELVES, STATUSES, WHY_HELD, Lang, Pair, say
from cunmai_rules.registry.directory import Directory
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_wire.events import Answer, Grade, Lane

MOST_SHOWN = 100
MOST_READ = 2000
"""How many open escalations are looked through for one contact's own."""
MOST_READINGS = 2000
_GRAVEST_FIRST = {Grade.RED: 0, Grade.YELLOW: 1, Grade.GREY: 2, Grade.GREEN: 3}


@dataclass(frozen=True, slots=True)
class Item:
    """One escalation on a list, in the reader's language."""

    id: str
    grade: str
    grade_css: str
    who: str
    title: str
    value: str
    site: str
    opened: str
    age: str
    status: str
    has_it: str
    held: str
    """That a message about it waits, why and until when; empty where none does."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A part of the list, with its name and what stands there."""

    key: str
    name: str
    hint: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """Which page of a list is shown, and how much is before and after it."""

    page: int
    """From 1."""
    all: int
    at_least: bool = False
    """There may be more than `all`: no more were read."""

    @staticmethod
    def to(wanted: int, all_: int, *, at_least: bool = False) -> Turn:
        """The page that is wanted, or the last where there is none such any more."""
        pages = max(1, -(-all_ // MOST_SHOWN))
        return Turn(min(max(1, wanted), pages), all_, at_least)

    @property
    def pages(self) -> int:
        return max(1, -(-self.all // MOST_SHOWN))

    @property
    def before(self) -> int:
        return (self.page - 1) * MOST_SHOWN

    @property
    def after(self) -> int:
        return max(0, self.all - self.page * MOST_SHOWN)


@dataclass(frozen=True, slots=True)
class WorklistView:
    """Everything the template needs."""

    role: str
    as_of: str
    shelves: tuple[Shelf, ...]
    turn: Turn

    @property
    def shown(self) -> tuple[str, ...]:
        """The escalations on it."""
        return tuple(item.id for shelf in self.shelves for item in shelf.items)


def is_on(escalation: Escalation, contact: str, settings: RulesSettings) -> bool:
    """Whether an escalation is this contact's business: on its list, has seen it, or is the last resort."""
    if escalation.seen_by == contact or contact in escalation.contacts:
        return True
    return escalation.status is Status.EXHAUSTED and contact in settings.fallback_contacts


def shelf_of(escalation: Escalation, contact: str, seen_ms: int | None, policy: Policy, now_ms: int) -> str:
    """Where it stands for this contact. `seen_ms`: when somebody last answered 已看."""
    if escalation.status is Status.EXHAUSTED:
        return "overdue"
    if escalation.status is Status.SEEN:
        if seen_ms is not None and now_ms - seen_ms > policy.outcome_within_s * 1000:
            return "overdue"
        return "mine" if escalation.seen_by == contact else "others"
    if escalation.lane is Lane.REVIEW:
        return "review"
    return "overdue" if escalation.tried else "open"


def worklist_view(
    contact: str, desk: Desk, judgements: Judgements, rules: RuleSet, lang: Lang, now_ms: int, page: int = 1
) -> WorklistView:
    """Gather one page of one contact's worklist."""
    open_ = desk.escalations.open(MOST_READ)
    own = [one for one in open_ if is_on(one, contact, desk.directory.settings)]
    turn = Turn.to(page, len(own), at_least=len(open_) == MOST_READ)
    shelves = _shelved(own, contact, SHELVES, turn, _Around(desk, judgements, rules, lang, now_ms))
    return WorklistView(
        desk.directory.role_of(contact) or contact, _local(now_ms, desk.directory.settings), shelves, turn
    )


def summary_view(
    link: SummaryLink,
    desk: Desk,
    judgements: Judgements,
    rules: RuleSet,
    lang: Lang,
    now_ms: int,
    page: int = 1,
) -> WorklistView:
    """A page of what the link of a summary opens: everything that this contact was asked about at these sites, the
    closed too."""
    listed = desk.summaries.listed(link.contact, link.sites, now_ms)
    around = _Around(desk, judgements, rules, lang, now_ms)
    turn = Turn.to(page, len(listed), at_least=len(listed) == MOST_LISTED)
    shelves = _shelved(listed, link.contact, SHELVES | DONE, turn, around)
    places = "、" if lang == "zh" else ", "
    named = places.join(desk.directory.name_of_place(site) for site in link.sites)
    return WorklistView(named, _local(now_ms, desk.directory.settings), shelves, turn)


@dataclass(frozen=True, slots=True)
class _Around:
    """What every item is made with."""

    desk: Desk
    judgements: Judgements
    rules: RuleSet
    lang: Lang
    now_ms: int


def _shelved(
    own: Sequence[Escalation],
    contact: str,
    names: Mapping[str, tuple[Pair, Pair]],
    turn: Turn,
    around: _Around,
) -> tuple[Shelf, ...]:
    """Sorted onto these shelves: what is open before what is closed, the gravest first, then the oldest."""
    closed = Status.CLOSED
    ranked = sorted(
        own, key=lambda one: (one.status is closed, _GRAVEST_FIRST[one.grade], one.opened_ms, one.id)
    )
    shown = ranked[turn.before : turn.before + MOST_SHOWN]
    held = around.desk.folds.held_back([one.id for one in shown if one.status is not closed])
    shelves: dict[str, list[Item]] = {key: [] for key in names}
    for one in shown:
        seen_ms = _seen_ms(around.desk.escalations.history(one.id))
        policy = around.desk.policies.of(one.grade, one.priority)
        shelf = "done" if one.status is closed else shelf_of(one, contact, seen_ms, policy, around.now_ms)
        shelves[shelf].append(_item(one, held.get(one.id), around))
    lang = around.lang
    return tuple(
        Shelf(key, say(names[key][0], lang), say(names[key][1], lang), tuple(items))
        for key, items in shelves.items()
    )


def digest(escalations: Iterable[Escalation], contact: str, settings: RulesSettings) -> str:
    """Changes when something on a contact's list does."""
    parts = [
        f"{one.id}:{one.status}:{one.grade}:{one.lane}:{one.seen_by}:{one.asked}:{one.tried}:{len(one.rules)}"
        for one in escalations
        if is_on(one, contact, settings)
    ]
    return "|".join(parts)


def _seen_ms(history: Sequence[Entry]) -> int | None:
    seen = [
        entry.t_ms for entry in history if entry.type == "answered" and entry.detail["answer"] == Answer.SEEN
    ]
    return seen[-1] if seen else None


def _item(one: Escalation, held: HeldBack | None, around: _Around) -> Item:
    lang, directory = around.lang, around.desk.directory
    rule = around.rules.by_id.get(one.rule)
    readings = around.judgements.around(
        one.subject, one.reading_t_ms - TREND_MS, one.reading_t_ms, MOST_READINGS
    )
    found = finding(one, rule, readings)
    value = ""
    if found is not None and found.value is not None:
        unit = found.unit_zh if lang == "zh" else found.unit_en
        value = f"{found.value:g} {unit} {found.arrow}".strip()
    title = rule.rule.title if rule else None
    return Item(
        id=one.id,
        grade=say(GRADES[one.grade], lang),
        grade_css=one.grade,
        who=who_of(one, lang),
        title=one.rule if title is None else title.zh if lang == "zh" else title.en,
        value=value,
        site=directory.site_name(one.gateway),
        opened=_local(one.opened_ms, directory.settings),
        age=_age(max(0, around.now_ms - one.opened_ms) // 1000, lang),
        status=say(STATUSES[one.status], lang),
        has_it=(directory.role_of(one.seen_by) or one.seen_by) if one.seen_by else "",
        held=_held(held, directory, lang) if held else "",
    )


def _held(held: HeldBack, directory: Directory, lang: Lang) -> str:
    """Whose message waits, why and until when."""
    until = f"{local_time(held.due_ms, directory.settings.utc_offset_minutes):%H:%M}"
    who = directory.role_of(held.contact) or held.contact
    return say(WHY_HELD[held.why], lang).format(who=who, until=until)


def _local(t_ms: int, settings: RulesSettings) -> str:
    return f"{local_time(t_ms, settings.utc_offset_minutes):%m-%d %H:%M}"


def _age(age_s: int, lang: Lang) -> str:
    for length_s, zh, en in ((86_400, "天", "d"), (3600, "小时", "h"), (60, "分钟", "min")):
        if age_s >= length_s:
            return f"{age_s // length_s} {zh if lang == 'zh' else en}"
    return "不到1分钟" if lang == "zh" else "under a minute"

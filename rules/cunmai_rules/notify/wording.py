"""What a notice says, from what is known when it is first about to be sent."""

from __future__ import annotations

import json
from collections.abc import Callable

from cunmai_rules.escalation.asking import summary_of
from cunmai_rules.escalation.desk import Desk
from cunmai_rules.escalation.states import Escalation, Status
from cunmai_rules.journal.judgements import Judgements
from cunmai_rules.journal.notices import Notice
from cunmai_rules.notify.message import TREND_MS, Page, Summary, finding, page_values, summary_values
from cunmai_rules.notify.providers.base import Message
from cunmai_rules.notify.templates import Templates
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.ruleset import RuleSet

LINK = "{link}"
"""Stands for the link in a notice's text: the link itself is never kept."""


class Wording:
    """Reads within the caller's transaction; gives an escalation its code."""

    def __init__(
        self,
        judgements: Judgements,
        desk: Desk,
        settings: RulesSettings,
        templates: Templates,
        rules: Callable[[], RuleSet],
    ) -> None:
        self._judgements = judgements
        self._desk = desk
        self._settings = settings
        self._templates = templates
        self._rules = rules

    def words(self, notice: Notice, escalation: Escalation, now_ms: int) -> tuple[str, str]:
        """The text without its link, and the template's values. All but the first carry the newest value; only to
        somebody who has got one before is it a reminder."""
        if notice.carries_summary:
            return self._summary_words(notice, now_ms)
        later = notice.number > 1
        until_ms = now_ms if later else escalation.reading_t_ms
        readings = self._judgements.around(escalation.subject, until_ms - TREND_MS, until_ms)
        rule = self._rules().by_id.get(escalation.rule)
        language = self._settings.sms.language
        title = rule.rule.title if rule else None
        page = Page(
            escalation,
            finding(escalation, rule, readings, newest=later),
            self._desk.folds.times_told(notice),
            self._desk.directory.site_name(escalation.gateway),
            self._desk.codes.give(escalation.id, now_ms) if self._settings.takes_replies else None,
            (title.en if language == "en" else title.zh) if title else "",
        )
        values = page_values(page, language, self._settings.utc_offset_minutes)
        return self._filled("page", values)

    def _summary_words(self, lead: Notice, now_ms: int) -> tuple[str, str]:
        """Of a summary; from now on its link opens its list."""
        covered = self._desk.summaries.covered(lead)
        places = sorted({one.site or "" for one in covered})
        listed = self._desk.summaries.listed(lead.contact, places, now_ms)
        covers = {one.escalation for one in covered}
        told = [one.reading_t_ms for one in listed if one.id in covers]
        summary = Summary(
            self._desk.directory.name_of_place(places[0]) if len(places) == 1 else None,
            len(places),
            [one for one in listed if one.status is not Status.CLOSED],
            sum(map(self._desk.summaries.is_new, covered)),
            max(told, default=now_ms),
            self._desk.codes.give(lead.id, now_ms) if self._settings.takes_replies else None,
        )
        self._desk.give_summary_link(lead, places, now_ms)
        language = self._settings.sms.language
        values = summary_values(summary, language, self._settings.utc_offset_minutes)
        return self._filled("summary", values)

    def _filled(self, kind: str, values: dict[str, str]) -> tuple[str, str]:
        values = values | {"link": LINK, "token": ""}
        parts = json.dumps(self._templates.values(kind, values), ensure_ascii=False)
        return self._templates.text(kind, values), parts

    def message(self, notice: Notice, number: str) -> Message:
        """The whole message, with its link."""
        summary = notice.carries_summary
        token = self._desk.token(summary_of(notice.id) if summary else notice.id)
        link = f"{self._settings.public_url}/{'s' if summary else 'e'}/{token}"
        text = notice.text or ""
        values = json.loads(notice.parts or "[]")
        return Message(
            notice.id,
            number,
            text.replace(LINK, link) if LINK in text else f"{text} {link}",
            notice.escalation,
            notice.queued_ms,
            "summary" if summary else "page",
            tuple((name, token if name == "token" else value) for name, value in values),
        )
